"""What the Kubernetes client raises, as failures."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from deployer.outcome import DeployError, Failure, FailureReason

UNAUTHORIZED = 401
FORBIDDEN = 403
NOT_FOUND = 404
CONFLICT = 409
NO_KUBECONFIG = (
    "Give a kubeconfig's content as the input `kubeconfig`, or run in the cluster with a service account. A pull "
    "request from a fork, and Dependabot, have no secrets: deploy on `push` instead."
)
FORBIDDEN_TEXT = re.compile(r'User "(?P<user>[^"]+)" cannot (?P<verb>\S+) resource "(?P<resource>[^"]+)"')


@contextmanager
def failures(doing: str) -> Iterator[None]:
    """Turn what the Kubernetes client raises into a DeployError.

    Args:
        doing: what was asked, as it goes into the sentence: `reading the WorkflowTemplate x`.
    """
    import urllib3.exceptions
    from kubernetes.client import ApiException
    from kubernetes.config import ConfigException

    try:
        yield
    except ApiException as error:
        raise DeployError(_refused(doing, error)) from error
    except ConfigException as error:
        raise DeployError(
            Failure(
                reason=FailureReason.CREDENTIALS,
                input="kubeconfig",
                message="There is no kubeconfig that can be used.",
                advice=NO_KUBECONFIG,
                evidence=str(error),
            )
        ) from error
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise DeployError(
            Failure(
                reason=FailureReason.ORCHESTRATOR_UNREACHABLE,
                message=f"The cluster's API server did not answer while {doing}.",
                advice="Check the server's address in the kubeconfig, and that the runner may reach it.",
                evidence=str(error),
            )
        ) from error


def is_missing(error: Any) -> bool:
    """Whether a 404 is of the object itself; without its CRD the whole path is unknown."""
    return error.status == NOT_FOUND and bool(_document(error).get("details", {}).get("name"))


def _document(error: Any) -> dict[str, Any]:
    try:
        document = json.loads(error.body or "{}")
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _refused(doing: str, error: Any) -> Failure:
    document = _document(error)
    said = str(document.get("message") or error.body or error.reason)
    if error.status == UNAUTHORIZED:
        return Failure(
            reason=FailureReason.CREDENTIALS,
            input="kubeconfig",
            message=f"The cluster refused the credentials while {doing}.",
            advice="Renew the token in `kubeconfig`.",
            evidence=said,
        )
    if error.status == FORBIDDEN:
        found = FORBIDDEN_TEXT.search(said)
        lacks = f" {found['user']} lacks `{found['verb']}` on `{found['resource']}`." if found else ""
        return Failure(
            reason=FailureReason.PERMISSION,
            message=f"The job may not do that in the cluster: {doing}.{lacks}",
            advice="Add the verb to the Role that the service account is bound to.",
            evidence=said,
        )
    if error.status == NOT_FOUND and not is_missing(error):
        return Failure(
            reason=FailureReason.DEPLOY,
            message=f"The cluster does not know what {doing} means: Argo Workflows is not installed there.",
            advice="Install Argo Workflows' CRDs, or check which cluster the kubeconfig names.",
            evidence=said,
        )
    return Failure(
        reason=FailureReason.DEPLOY,
        message=f"The cluster refused {doing} (status {error.status}).",
        advice="What it said is below.",
        evidence=said,
    )
