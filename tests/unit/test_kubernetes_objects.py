"""What the Kubernetes client answers and raises, as the orchestrator's room goes on with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import urllib3.exceptions
from kubernetes.client import ApiException

from deployer.orchestrators.clients.kubernetes_errors import missing_right
from deployer.orchestrators.clients.kubernetes_objects import KubernetesObjects
from deployer.outcome import DeployError, FailureReason


def refusal(status: int, message: str = "no", name: str | None = None) -> ApiException:
    error = ApiException(status=status, reason="Refused")
    error.body = json.dumps({"message": message, "details": {"name": name} if name else {}})
    return error


class Api:
    """CustomObjectsApi with an answer for each call in turn; the last one stays."""

    def __init__(self, *answers: Any) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self._answers = list(answers)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(**arguments: Any) -> Any:
            self.calls.append((name, arguments))
            answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call


def objects(*apis: Api) -> KubernetesObjects:
    """A client that gets the first of the APIs, and the next one each time that it is connected anew."""
    left = list(apis)
    return KubernetesObjects(lambda: (left.pop(0), None))


OBJECT = {"metadata": {"name": "x", "resourceVersion": "1"}, "spec": {}}


def test_credentials_that_expired_are_loaded_anew_once() -> None:
    old, new = Api(refusal(401)), Api(OBJECT)
    assert objects(old, new).get("Workflow", "x", "ml") == OBJECT
    assert [len(api.calls) for api in (old, new)] == [1, 1]


def test_credentials_that_stay_refused_are_a_failure() -> None:
    with pytest.raises(DeployError) as caught:
        objects(Api(refusal(401)), Api(refusal(401))).get("Workflow", "x", "ml")
    assert caught.value.failure.reason is FailureReason.CREDENTIALS


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (refusal(500, "etcdserver: request timed out"), FailureReason.ORCHESTRATOR_UNREACHABLE),
        (refusal(503, "no endpoints"), FailureReason.ORCHESTRATOR_UNREACHABLE),
        (refusal(429, "Too many requests"), FailureReason.ORCHESTRATOR_UNREACHABLE),
        (urllib3.exceptions.ReadTimeoutError(None, "/", "timed out"), FailureReason.ORCHESTRATOR_UNREACHABLE),  # type: ignore[arg-type]
        (ConnectionResetError(), FailureReason.ORCHESTRATOR_UNREACHABLE),
        (refusal(403, "no"), FailureReason.PERMISSION),
        (refusal(404, "the server could not find the requested resource"), FailureReason.DEPLOY),
        (refusal(422, "spec.schedules: Required value"), FailureReason.DEPLOY),
    ],
)
def test_what_passes_and_what_does_not_are_told_apart(error: Exception, reason: FailureReason) -> None:
    with pytest.raises(DeployError) as caught:
        objects(Api(error)).get("Workflow", "x", "ml")
    assert caught.value.failure.reason is reason
    assert "reading the Workflow x in ml" in caught.value.failure.message


def test_an_object_that_is_not_there_is_none_and_a_kind_that_is_not_there_is_told() -> None:
    assert objects(Api(refusal(404, name="x"))).get("Sensor", "x", "ml") is None
    assert objects(Api(refusal(404))).get("Sensor", "x", "ml", missing_kind_is_none=True) is None
    assert objects(Api(refusal(404, name="x"))).delete("Sensor", "x", "ml") is False
    with pytest.raises(DeployError, match="not installed"):
        objects(Api(refusal(404))).get("Sensor", "x", "ml")


def test_a_change_starts_over_where_somebody_was_faster() -> None:
    newer = {**OBJECT, "metadata": {"name": "x", "resourceVersion": "2"}}
    api = Api(OBJECT, refusal(409), newer, newer)
    written = objects(api).change("Workflow", "x", "ml", lambda now: {**now, "spec": {"a": 1}})
    assert written == {**newer, "spec": {"a": 1}}
    assert [name.split("_")[0] for name, _ in api.calls] == ["get", "replace", "get", "replace"]


def test_a_change_that_always_conflicts_is_a_failure() -> None:
    api = Api(OBJECT, refusal(409), OBJECT, refusal(409), OBJECT, refusal(409))
    with pytest.raises(DeployError, match="status 409"):
        objects(api).change("Workflow", "x", "ml", lambda now: now)


def test_every_request_has_a_limit() -> None:
    api = Api(OBJECT)
    client = objects(api)
    client.get("Workflow", "x", "ml")
    client.patch("Workflow", "x", {}, "ml")
    client.create("Workflow", OBJECT, "ml")
    client.try_create("Workflow", OBJECT, "ml")
    client.delete("Workflow", "x", "ml")
    assert len(api.calls) == 5
    assert all(arguments["_request_timeout"] for _, arguments in api.calls)


def test_a_missing_right_is_read_from_what_kubernetes_says() -> None:
    said = (
        'workflows.argoproj.io is forbidden: User "system:serviceaccount:ml:deploy" cannot create resource '
        '"workflows" in API group "argoproj.io" in the namespace "ml"'
    )
    assert missing_right(said) == (
        "system:serviceaccount:ml:deploy lacks the verb `create` on `workflows` of the API group `argoproj.io` in the "
        "namespace `ml`."
    )
    core = 'pods is forbidden: User "me" cannot list resource "pods" in API group "" in the namespace "ml"'
    assert missing_right(core) == "me lacks the verb `list` on `pods` in the namespace `ml`."
    assert missing_right("something else") is None
