"""docs/rbac.yaml in a namespace, and a kubeconfig with a token of the job's own account, as its reader makes them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from sandbox.kubernetes.api import Api, path_for, path_of
from sandbox.kubernetes.pki import kubeconfig

RBAC = Path(__file__).resolve().parents[2] / "docs" / "rbac.yaml"
ACCOUNT = "metaflow-deploy"
"""The job's own account in docs/rbac.yaml; the other one is that of the runs' pods."""
NAMESPACE = "flows"
"""The namespace that docs/rbac.yaml is written for."""
LEAST_SECONDS = 600
"""The shortest life of a token that the API server gives."""


@dataclass(frozen=True, kw_only=True)
class Account:
    """A service account that may do what docs/rbac.yaml says."""

    namespace: str
    token: str = field(repr=False)
    kubeconfig: str = field(repr=False)


def permissions() -> Iterator[tuple[str, str]]:
    """Each resource of the job's own Role with each of its verbs."""
    for document in _documents(NAMESPACE):
        if document["kind"] == "Role" and document["metadata"]["name"] == ACCOUNT:
            for rule in document["rules"]:
                yield from ((resource, verb) for resource in rule["resources"] for verb in rule["verbs"])


def make_account(
    api: Api, namespace: str, *, without: tuple[str, str] | None = None, seconds: int = LEAST_SECONDS
) -> Account:
    """Apply docs/rbac.yaml in a namespace that is there, and have a token made.

    Args:
        without: a resource and a verb to take out of the Role.
        seconds: how long the token holds.
    """
    for document in _documents(namespace):
        if without is not None and document["kind"] == "Role":
            less = [_less(rule, *without) for rule in document["rules"]]
            document["rules"] = [rule for rule in less if rule["verbs"]]  # a rule without verbs is refused
        api.apply(document, path_for(document))
    request = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": seconds},
    }
    path = path_of("ServiceAccount", ACCOUNT, namespace=namespace)
    token = str(api.request("POST", f"{path}/token", body=request)["status"]["token"])
    text = kubeconfig(
        api.server, certificate_authority=api.certificate_authority, user={"token": token}, namespace=namespace
    )
    return Account(namespace=namespace, token=token, kubeconfig=text)


def _documents(namespace: str) -> list[dict[str, Any]]:
    """docs/rbac.yaml, with another namespace everywhere that it names its own."""
    documents = [one for one in yaml.safe_load_all(RBAC.read_text()) if one is not None]
    text = json.dumps(documents).replace(f'"namespace": "{NAMESPACE}"', f'"namespace": {json.dumps(namespace)}')
    return list(json.loads(text))


def _less(rule: dict[str, Any], resource: str, verb: str) -> dict[str, Any]:
    if resource not in rule["resources"]:
        return rule
    return {**rule, "verbs": [one for one in rule["verbs"] if one != verb]}
