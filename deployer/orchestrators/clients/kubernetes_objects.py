"""Argo's objects over the Kubernetes client: every request has a limit, every refusal is a failure that names it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from deployer.orchestrators.clients.kubernetes_errors import (
    CONFLICT,
    NOT_FOUND,
    UNAUTHORIZED,
    failures,
    is_missing,
)

GROUP = "argoproj.io"
VERSION = "v1alpha1"
REQUEST_SECONDS = (10, 20)
"""To connect, and to be answered."""
PLURALS = {
    "WorkflowTemplate": "workflowtemplates",
    "CronWorkflow": "cronworkflows",
    "Workflow": "workflows",
    "Sensor": "sensors",
}
SERVER_SET = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid")
REPLACE_ATTEMPTS = 3
"""How often a replacement is tried anew when somebody else changed the object in between."""

Object = Mapping[str, Any]
Connect = Callable[[], tuple[Any, Any]]
"""Makes kubernetes.client.CustomObjectsApi and CoreV1Api anew, with credentials as they are now."""


class KubernetesObjects:
    """The objects of the group argoproj.io, and the pods beside them.

    A token that expired while a run was waited for is loaded anew, once a request: kubeconfigs with a token file or an
    exec plug-in, and service accounts, have a fresh one by then.
    """

    def __init__(self, connect: Connect) -> None:
        """Args: connect: makes the clients.

        Raises:
            DeployError: there is no configuration that can be used.
        """
        self._connect = connect
        with failures("loading the kubeconfig"):
            self._custom, self._core = connect()

    def get(self, kind: str, name: str, namespace: str, *, missing_kind_is_none: bool = False) -> dict[str, Any] | None:
        """The object; None where there is none of that name.

        `missing_kind_is_none`: whether a cluster without the kind's CRD has none of that name, too.
        """
        from kubernetes.client import ApiException

        try:
            found = self._ask(
                f"reading the {kind} {name} in {namespace}",
                lambda custom, _: custom.get_namespaced_custom_object(**_path(kind, namespace), name=name),
                lambda error: is_missing(error) or (missing_kind_is_none and error.status == NOT_FOUND),
            )
        except ApiException:
            return None
        return dict(found)

    def create(self, kind: str, body: Object, namespace: str, *, exists_is_fine: bool = False) -> None:
        """Create the object; one that exists already is left as it is where that is fine."""
        from kubernetes.client import ApiException

        try:
            self._ask(
                f"creating the {kind} {body['metadata']['name']} in {namespace}",
                lambda custom, _: custom.create_namespaced_custom_object(**_path(kind, namespace), body=body),
                lambda error: exists_is_fine and error.status == CONFLICT,
            )
        except ApiException:
            return

    def try_create(self, kind: str, body: Object, namespace: str) -> dict[str, Any]:
        """What would become of the object if it were created; nothing is (Kubernetes' `dryRun=All`)."""
        return dict(
            self._ask(
                f"trying a {kind} in {namespace}",
                lambda custom, _: custom.create_namespaced_custom_object(
                    **_path(kind, namespace), body=body, dry_run="All"
                ),
            )
        )

    def patch(self, kind: str, name: str, body: Object, namespace: str) -> None:
        """Change the object by a merge patch."""
        self._ask(
            f"patching the {kind} {name} in {namespace}",
            lambda custom, _: custom.patch_namespaced_custom_object(**_path(kind, namespace), name=name, body=body),
        )

    def change(
        self, kind: str, name: str, namespace: str, changed: Callable[[dict[str, Any]], Object | None]
    ) -> Object | None:
        """Replace the object by what `changed` makes of it as it stands, again where somebody else was faster.

        Returns:
            What was written; None where there was no object or nothing to change.
        """
        from kubernetes.client import ApiException

        for attempt in range(1, REPLACE_ATTEMPTS + 1):
            now = self.get(kind, name, namespace)
            body = changed(now) if now is not None else None
            if body is None:
                return None
            may_retry = attempt < REPLACE_ATTEMPTS
            try:
                self._replace(kind, name, body, namespace, may_conflict=may_retry)
            except ApiException:
                continue
            return body
        raise AssertionError("the last attempt returns or raises a failure")

    def delete(self, kind: str, name: str, namespace: str) -> bool:
        """Delete the object; whether it was there."""
        from kubernetes.client import ApiException

        try:
            self._ask(
                f"deleting the {kind} {name} in {namespace}",
                lambda custom, _: custom.delete_namespaced_custom_object(**_path(kind, namespace), name=name),
                is_missing,
            )
        except ApiException:
            return False
        return True

    def pods(self, workflow: str, namespace: str, phase: str, limit: int) -> list[dict[str, Any]]:
        """The pods of a Workflow in a phase (`Pending`, `Failed`), as the API gives them; at most `limit`."""
        answer = self._ask(
            f"listing the pods of the Workflow {workflow} in {namespace}",
            lambda _, core: core.list_namespaced_pod(
                namespace,
                label_selector=f"workflows.argoproj.io/workflow={workflow}",
                field_selector=f"status.phase={phase}",
                limit=limit,
                _request_timeout=REQUEST_SECONDS,
            ),
        )
        plain = self._core.api_client.sanitize_for_serialization(answer)
        return list(plain.get("items") or ())

    def _replace(self, kind: str, name: str, body: Object, namespace: str, *, may_conflict: bool) -> None:
        self._ask(
            f"replacing the {kind} {name} in {namespace}",
            lambda custom, _: custom.replace_namespaced_custom_object(**_path(kind, namespace), name=name, body=body),
            lambda error: may_conflict and error.status == CONFLICT,
        )

    def _ask(
        self, doing: str, ask: Callable[[Any, Any], Any], expected: Callable[[Any], bool] = lambda _: False
    ) -> Any:
        """Ask once; refused credentials are loaded anew first.

        Raises:
            ApiException: an answer that is `expected`: the caller knows what it means.
            DeployError: any other.
        """
        from kubernetes.client import ApiException

        with failures(doing, passed=expected):
            try:
                return ask(self._custom, self._core)
            except ApiException as error:
                if error.status != UNAUTHORIZED:
                    raise
            self._custom, self._core = self._connect()
            return ask(self._custom, self._core)


def stripped(one: Object | None) -> dict[str, Any] | None:
    """An object without what only the server, or a controller, writes to it."""
    if one is None:
        return None
    metadata = {key: value for key, value in one["metadata"].items() if key not in SERVER_SET}
    return {key: value for key, value in {**one, "metadata": metadata}.items() if key != "status"}


def _path(kind: str, namespace: str) -> dict[str, Any]:
    return {
        "group": GROUP,
        "version": VERSION,
        "namespace": namespace,
        "plural": PLURALS[kind],
        "_request_timeout": REQUEST_SECONDS,
    }
