"""What the Kubernetes client raises, as failures."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from deployer.outcome import DeployError, Failure, FailureReason

UNAUTHORIZED = 401
FORBIDDEN = 403
NOT_FOUND = 404
CONFLICT = 409
TOO_MANY_REQUESTS = 429
SERVER_ERROR = 500
NO_KUBECONFIG = (
    "Give a kubeconfig's content as the input `kubeconfig`, the name of an EKS cluster as `eks-cluster`, or run in the "
    "cluster with a service account."
)
FORBIDDEN_TEXT = re.compile(
    r'User "?(?P<user>[^"\s]+)"? cannot (?P<verb>\S+) resource "?(?P<resource>[^"\s]+)"?'
    r'(?: in API group "?(?P<group>[^"\s]*)"?)?(?: in the namespace "?(?P<namespace>[^"\s]+)"?)?'
)
ADD_TO_ROLE = "Add it to the Role that the account is bound to; docs/rbac.yaml has a Role with all that is needed."


@contextmanager
def failures(doing: str, passed: Callable[[Any], bool] = lambda _: False) -> Iterator[None]:
    """Turn what the Kubernetes client raises into a DeployError.

    Args:
        doing: what was asked, as it goes into the sentence: `reading the WorkflowTemplate x`.
        passed: an ApiException for which this holds is passed on as it is.
    """
    import urllib3.exceptions
    from kubernetes.client import ApiException
    from kubernetes.config import ConfigException

    try:
        yield
    except ApiException as error:
        if passed(error):
            raise
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


def missing_right(said: str) -> str | None:
    """Which right a text of Kubernetes' authorization says is missing, as a sentence; None where it says nothing.

    `system:serviceaccount:flows:deployer lacks the verb `create` on `workflows` of the API group `argoproj.io` in the
    namespace `flows`.` The core group, which pods are of, has no name.
    """
    found = FORBIDDEN_TEXT.search(said)
    if found is None:
        return None
    group = f" of the API group `{found['group']}`" if found["group"] else ""
    namespace = f" in the namespace `{found['namespace']}`" if found["namespace"] else ""
    return f"{found['user']} lacks the verb `{found['verb']}` on `{found['resource']}`{group}{namespace}."


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
        lacks = missing_right(said)
        return Failure(
            reason=FailureReason.PERMISSION,
            message=f"The job may not do that in the cluster: {doing}.{f' {lacks}' if lacks else ''}",
            advice=ADD_TO_ROLE,
            evidence=said,
        )
    if error.status == NOT_FOUND and not is_missing(error):
        return Failure(
            reason=FailureReason.DEPLOY,
            message=f"The cluster does not know what {doing} means: Argo Workflows is not installed there.",
            advice="Install Argo Workflows' CRDs, or check which cluster the kubeconfig names.",
            evidence=said,
        )
    if error.status >= SERVER_ERROR or error.status == TOO_MANY_REQUESTS:
        # an API server whose etcd is away answers, too: `etcdserver: request timed out`
        return Failure(
            reason=FailureReason.ORCHESTRATOR_UNREACHABLE,
            message=f"The cluster's API server could not answer while {doing} (status {error.status}).",
            advice="Try again when the cluster's control plane is well.",
            evidence=said,
        )
    return Failure(
        reason=FailureReason.DEPLOY,
        message=f"The cluster refused {doing} (status {error.status}).",
        advice="What it said is below.",
        evidence=said,
    )
