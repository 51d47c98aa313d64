"""The Kubernetes API as this package needs it: apply, get, delete, and wait for what is asked to become true."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from sandbox.docker.machine import UnavailableError

MANAGER = "metaflow-deploy-sandbox"
"""The field manager of everything that is applied here."""
REQUEST_SECONDS = (5, 60)
"""To connect, and to be answered; the full CRDs take seconds."""
POLL = 0.1
PLURALS = {
    "ClusterRole": "clusterroles",
    "ClusterRoleBinding": "clusterrolebindings",
    "ConfigMap": "configmaps",
    "CronWorkflow": "cronworkflows",
    "CustomResourceDefinition": "customresourcedefinitions",
    "Deployment": "deployments",
    "Namespace": "namespaces",
    "Node": "nodes",
    "Pod": "pods",
    "PriorityClass": "priorityclasses",
    "Role": "roles",
    "RoleBinding": "rolebindings",
    "Secret": "secrets",
    "Sensor": "sensors",
    "ServiceAccount": "serviceaccounts",
    "Workflow": "workflows",
    "WorkflowTemplate": "workflowtemplates",
}
Found = TypeVar("Found")


class ApiError(Exception):
    """The API server refused a request.

    Attributes:
        status: HTTP's.
        reason: Kubernetes' word for it, such as `NotFound`, `Invalid`, `Forbidden`.
    """

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


class Api:
    """The API server that a kubeconfig leads to.

    Attributes:
        server: its URL.
        verifies: whether its certificate is checked.
    """

    def __init__(self, kubeconfig: Path) -> None:
        """Args: kubeconfig: its current context is used."""
        from kubernetes import client, config

        configuration = client.Configuration()
        config.load_kube_config(config_file=str(kubeconfig), client_configuration=configuration)
        configuration.retries = False
        self.server = str(configuration.host)
        self._authority: str | None = configuration.ssl_ca_cert
        self.verifies = bool(configuration.verify_ssl)
        self._client = client.ApiClient(configuration)

    @property
    def certificate_authority(self) -> bytes | None:
        """What the server's certificate is signed by, in PEM; None where the kubeconfig names nothing of its own."""
        return Path(self._authority).read_bytes() if self._authority is not None else None

    def apply(self, document: Mapping[str, Any], path: str) -> dict[str, Any]:
        """Server-side apply: what was applied before and is not in the document any more goes away.

        Args:
            document: the object.
            path: the object's, as `path_of` gives it.

        Raises:
            ApiError: the server refused it.
        """
        query = {"fieldManager": MANAGER, "force": "true"}
        return self.request("PATCH", path, body=json.dumps(document), query=query, kind="application/apply-patch+yaml")

    def get(self, path: str) -> dict[str, Any] | None:
        """An object or a list; None if there is none."""
        with suppress(NotFoundError):
            return self.request("GET", path)
        return None

    def delete(self, path: str) -> bool:
        """Delete an object and what belongs to it; False if there was none."""
        with suppress(NotFoundError):
            self.request("DELETE", path, query={"propagationPolicy": "Background"})
            return True
        return False

    def request(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        query: Mapping[str, str] | None = None,
        kind: str = "application/json",
    ) -> dict[str, Any]:
        """Any request.

        Args:
            body: an object for `application/json`, else text or bytes.
            kind: the body's content type.

        Raises:
            ApiError: the server refused it; NotFoundError where it knows no such thing.
            urllib3.exceptions.HTTPError: the server can't be reached.
        """
        content = self._ask(method, path, body=body, query=query, kind=kind)
        return dict(json.loads(content)) if content.startswith(b"{") else {}

    def text(self, path: str) -> str:
        """What is no object, such as the log of a pod.

        Raises:
            ApiError: the server refused it; NotFoundError where it knows no such thing.
            urllib3.exceptions.HTTPError: the server can't be reached.
        """
        return self._ask("GET", path, accept="*/*").decode(errors="replace")

    def _ask(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        query: Mapping[str, str] | None = None,
        kind: str = "application/json",
        accept: str = "application/json",
    ) -> bytes:
        prepared = self._client.param_serialize(
            method=method,
            resource_path=path,
            query_params=list((query or {}).items()),
            header_params={"Accept": accept, "Content-Type": kind},
            body=body,
            auth_settings=["BearerToken"],
        )
        answer = self._client.call_api(*prepared, _request_timeout=REQUEST_SECONDS)
        content = bytes(answer.read())
        if answer.status >= 400:
            raise _error(answer.status, content)
        return content


class NotFoundError(ApiError):
    """There is no such object, or no such kind."""


def _error(status: int, content: bytes) -> ApiError:
    try:
        said = json.loads(content)
        reason, message = str(said.get("reason", "")), str(said.get("message", ""))
    except ValueError:
        reason, message = "", content.decode(errors="replace")
    return (NotFoundError if status == 404 else ApiError)(status, reason, message)


def path_of(kind: str, name: str = "", *, namespace: str | None = None, api: str = "v1") -> str:
    """The path of an object, or of all of a kind where no name is given.

    Args:
        kind: one of PLURALS.
        namespace: None for what belongs to none.
        api: the apiVersion.
    """
    root = f"/api/{api}" if "/" not in api else f"/apis/{api}"
    scope = f"/namespaces/{quote(namespace)}" if namespace else ""
    return f"{root}{scope}/{PLURALS[kind]}" + (f"/{quote(name)}" if name else "")


def path_for(document: Mapping[str, Any], *, namespace: str | None = None) -> str:
    """The path of an object that is at hand.

    Args:
        document: the object.
        namespace: instead of the one that it names.
    """
    metadata = document["metadata"]
    return path_of(
        str(document["kind"]),
        str(metadata["name"]),
        namespace=namespace or metadata.get("namespace"),
        api=str(document["apiVersion"]),
    )


def wait_for(ask: Callable[[], Found | None], *, what: str, limit: float) -> Found:
    """Ask again and again until there is an answer.

    Args:
        ask: gives the answer, or None as long as there is none.
        what: what is waited for, for the message.
        limit: seconds.

    Raises:
        UnavailableError: the limit passed.
    """
    end = time.monotonic() + limit
    while (answer := ask()) is None:
        if time.monotonic() > end:
            raise UnavailableError(f"{what} did not come about within {limit:.0f} s")
        time.sleep(POLL)
    return answer
