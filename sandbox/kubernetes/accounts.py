"""docs/rbac.yaml and docs/rbac-sensors.yaml in namespaces of a test's, and a kubeconfig with a token of the job's own
account, as their reader makes them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from sandbox.kubernetes.api import Api, path_for, path_of
from sandbox.kubernetes.pki import kubeconfig

DOCS = Path(__file__).resolve().parents[2] / "docs"
ACCOUNT = "metaflow-deploy"
"""The job's own account in docs/rbac.yaml."""
RUNS_ACCOUNT = "metaflow-workflow"
"""The account of the runs' pods there."""
NAMESPACE = "flows"
"""The namespace that docs/rbac.yaml is written for."""
SENSOR_NAMESPACE = "events"
"""The namespace of Sensors that docs/rbac-sensors.yaml is written for."""
MOVED = ("get", "list", "create", "update")
"""The verbs on `sensors` that the flows' namespace need not grant where Sensors have one of their own."""
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
    return _permissions("rbac.yaml", ACCOUNT)


def sensor_permissions() -> Iterator[tuple[str, str]]:
    """The same of the Role in a namespace of Sensors."""
    return _permissions("rbac-sensors.yaml", f"{ACCOUNT}-sensors")


def make_account(
    api: Api,
    namespace: str,
    *,
    sensor_namespace: str | None = None,
    without: tuple[str, str] | None = None,
    seconds: int = LEAST_SECONDS,
) -> Account:
    """Apply docs/rbac.yaml in a namespace that is there, and have a token made.

    Args:
        namespace: the flows'.
        sensor_namespace: where Sensors have a namespace of their own; docs/rbac-sensors.yaml is applied too, and the
            flows' namespace then grants no more on `sensors` than that says.
        without: a resource and a verb to take out of the Roles.
        seconds: how long the token holds.
    """
    documents = _documents("rbac.yaml", {NAMESPACE: namespace})
    if sensor_namespace is not None:
        for verb in MOVED:
            documents = [_less(document, "sensors", verb) for document in documents]
        documents += _documents("rbac-sensors.yaml", {NAMESPACE: namespace, SENSOR_NAMESPACE: sensor_namespace})
    if without is not None:
        documents = [_less(document, *without) for document in documents]
    for document in documents:
        api.apply(document, path_for(document))
    request = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": seconds},
    }
    path = path_of("ServiceAccount", ACCOUNT, namespace=namespace)
    token = str(api.request("POST", f"{path}/token", body=request)["status"]["token"])
    text = kubeconfig(
        api.server,
        certificate_authority=api.certificate_authority,
        user={"token": token},
        namespace=namespace,
        verify=api.verifies,
    )
    return Account(namespace=namespace, token=token, kubeconfig=text)


def _permissions(name: str, role: str) -> Iterator[tuple[str, str]]:
    for document in _documents(name, {}):
        if document["kind"] == "Role" and document["metadata"]["name"] == role:
            for rule in document["rules"]:
                yield from ((resource, verb) for resource in rule["resources"] for verb in rule["verbs"])


def _documents(name: str, namespaces: Mapping[str, str]) -> list[dict[str, Any]]:
    """A file of docs/, with other namespaces everywhere that it names its own."""
    documents = [one for one in yaml.safe_load_all((DOCS / name).read_text()) if one is not None]
    text = json.dumps(documents)
    for written, namespace in namespaces.items():
        text = text.replace(f'"namespace": "{written}"', f'"namespace": {json.dumps(namespace)}')
    return list(json.loads(text))


def _less(document: dict[str, Any], resource: str, verb: str) -> dict[str, Any]:
    """The same, without a verb on a resource if it is a Role."""
    if document["kind"] != "Role":
        return document
    rules = [
        {**rule, "verbs": [one for one in rule["verbs"] if one != verb]} if resource in rule["resources"] else rule
        for rule in document["rules"]
    ]
    return {**document, "rules": [rule for rule in rules if rule["verbs"]]}  # a rule without verbs is refused
