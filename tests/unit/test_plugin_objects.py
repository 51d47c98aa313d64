"""An extension's Deployer objects behind the orchestrators' protocol: what they offer is used, the rest is named."""

from __future__ import annotations

import json
import socket
import types
from typing import Any, ClassVar

import pytest
from metaflow import plugins as metaflow_plugins
from metaflow.runner.deployer import DeployedFlow, TriggeredRun

from deployer.orchestrators.driver import MetaflowSettings
from deployer.outcome import Action, CheckState, DeployError, Deployment, FailureReason, Provenance, RunStatus
from deployer.worker.failures import option_failure
from deployer.worker.flow import OpenedFlow
from deployer.worker.plugins import DeployerPlugin, has_own, plugin_check

STANDS = Deployment(id="hello", orchestrator="fake", flow_name="HelloFlow")
PROVENANCE = Provenance(repository="octo-org/flows", flow="hello.py", commit="a" * 40)


class FakeRun(TriggeredRun):
    """A run of the extension."""

    state: Any = "RUNNING"
    ended = False

    @property
    def status(self) -> Any:
        if isinstance(self.state, Exception):
            raise self.state
        return self.state

    def terminate(self) -> bool:
        was_running, self.ended = not self.ended, True
        return was_running


class FakeDeployedFlow(DeployedFlow):
    """A deployment of the extension."""

    TYPE = "fake"

    def trigger(self, **parameters: Any) -> FakeRun:
        content = {"pathspec": f"HelloFlow/fake-{parameters.get('n', 1)}", "name": self.name, "metadata": "{}"}
        return FakeRun(deployer=self.deployer, content=json.dumps(content))

    @classmethod
    def from_deployment(cls, identifier: str, metadata: str | None = None) -> FakeDeployedFlow:
        if identifier != "hello":
            raise LookupError(f"no {identifier}")
        return cls(deployer=types.SimpleNamespace(name=identifier, flow_name="HelloFlow", metadata=metadata))


class BareDeployedFlow(DeployedFlow):
    """A deployment of an extension that has nothing of its own."""

    TYPE = "bare"


class FakeImpl:
    """What an extension registers with Deployer; beside it a real Metaflow calls none of it."""

    TYPE: ClassVar[str] = "fake"
    deployed: ClassVar[Any] = FakeDeployedFlow
    top_level_kwargs: ClassVar[dict[str, Any]] = {}
    group: ClassVar[tuple[str, ...]] = ("name",)
    create: ClassVar[tuple[str, ...]] = ("name", "tags")

    @classmethod
    def deployed_flow_type(cls) -> Any:
        return cls.deployed

    def api(self) -> Any:
        """As Metaflow builds its API: functions with a signature that is given by hand."""
        created = types.SimpleNamespace(create=_taking(self.create, None))
        return types.SimpleNamespace(**{self.TYPE: _taking(self.group, created)})


def _taking(names: tuple[str, ...], answer: Any) -> Any:
    import inspect

    def method(**_: Any) -> Any:
        return answer

    kind = inspect.Parameter.KEYWORD_ONLY
    method.__signature__ = inspect.Signature([inspect.Parameter(name, kind) for name in names])  # type: ignore[attr-defined]
    return method


class BareImpl(FakeImpl):
    """One that lacks all."""

    TYPE = "bare"
    deployed = BareDeployedFlow
    group = ()
    create = ()


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        metaflow_plugins, "DEPLOYER_IMPL_PROVIDERS", [*metaflow_plugins.DEPLOYER_IMPL_PROVIDERS, FakeImpl, BareImpl]
    )


def opened(impl: Any, name: str | None = None) -> OpenedFlow:
    about = {"root": None, "flow_class": None, "repository_root": "/", "production": None, "parameters": ()}
    return OpenedFlow(impl=impl, deployment_name=name, project=None, **about)  # type: ignore[arg-type]


def plugin(impl: Any = FakeImpl, flow: OpenedFlow | None = None) -> DeployerPlugin:
    warm, _ = socket.socketpair()
    return DeployerPlugin(impl.TYPE, MetaflowSettings(ui_url="https://ui"), flow, warm)


def refusal(call: Any) -> str:
    with pytest.raises(DeployError) as caught:
        call()
    return f"{caught.value.failure.reason}: {caught.value.failure.message} {caught.value.failure.advice}"


def test_a_run_is_triggered_by_the_identifier_alone() -> None:
    assert plugin().trigger(STANDS, {"n": "7"}, key="x") == "fake-7"
    assert "could not find the deployment: LookupError" in refusal(
        lambda: plugin().trigger(Deployment(id="nosuch", orchestrator="fake", flow_name="x"), {}, key="x")
    )


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("PENDING", RunStatus.PENDING),
        ("running", RunStatus.RUNNING),
        ("Completed", RunStatus.SUCCEEDED),
        ("FAILED", RunStatus.FAILED),
        ("CANCELLED", RunStatus.TERMINATED),
        ("PONDERING", None),
        (None, None),
    ],
)
def test_the_words_of_its_run_are_understood_or_left_to_metaflow(
    word: str | None, status: RunStatus | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeRun, "state", word)
    state = plugin(flow=opened(FakeImpl())).run_state(STANDS, "fake-1")
    assert (state.status if state is not None else None) is status


def test_a_state_that_cannot_be_asked_may_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeRun, "state", ConnectionError("refused"))
    told = refusal(lambda: plugin(flow=opened(FakeImpl())).run_state(STANDS, "fake-1"))
    assert told.startswith(FailureReason.ORCHESTRATOR_UNREACHABLE)
    assert "ConnectionError: refused" in told


def test_a_run_is_terminated_by_its_own_object_once() -> None:
    flow = opened(FakeImpl())
    flow.triggered["fake-1"] = FakeDeployedFlow.from_deployment("hello").trigger()
    module = plugin(flow=flow)
    assert module.terminate(STANDS, "fake-1").action is Action.TERMINATED
    assert module.terminate(STANDS, "fake-1").action is Action.UNCHANGED


def test_what_lacks_is_named() -> None:
    module = plugin(flow=opened(FakeImpl()))
    assert "FakeRun has no `suspend`" in refusal(lambda: module.suspend(STANDS, "fake-1"))
    assert "FakeDeployedFlow has no `delete`" in refusal(lambda: module.delete("hello"))
    bare = plugin(BareImpl)
    for method, call in {
        "from_deployment": lambda: bare.trigger(STANDS, {}, key="x"),
        "delete": lambda: bare.delete("hello"),
    }.items():
        assert f"BareDeployedFlow has no `{method}`" in refusal(call)


def test_what_metaflow_answers_for_argo_workflows_is_no_method_of_an_extension() -> None:
    assert hasattr(BareDeployedFlow, "from_deployment"), "Metaflow's base class has it, and asks Argo Workflows"
    assert not has_own(BareDeployedFlow, "from_deployment")
    assert has_own(FakeDeployedFlow, "from_deployment")


def test_tags_are_given_where_they_are_taken() -> None:
    assert plugin(flow=opened(FakeImpl())).create_tags(PROVENANCE)
    assert plugin(BareImpl, opened(BareImpl())).create_tags(PROVENANCE) == ()


def test_a_name_is_refused_where_it_is_not_taken() -> None:
    plugin(flow=opened(FakeImpl(), "hello"))
    assert "Leave `deployment-name` out." in refusal(lambda: plugin(BareImpl, opened(BareImpl(), "hello")))


def test_doctor_tells_what_lacks() -> None:
    check = plugin_check("bare")
    assert check.state is CheckState.WARNING
    assert "its BareDeployedFlow has no `trigger`, so no run can be triggered" in check.found
    assert plugin_check("nosuch").state is CheckState.UNKNOWN


def test_an_input_whose_option_is_not_taken_is_named() -> None:
    error = ValueError("Unknown argument: 'max_workers', possible args are: name, tags")
    failure = option_failure(error, "create-options")
    assert "leave the input `max-workers` out" in failure.advice
    assert "(or leave" not in option_failure(ValueError("Unknown argument: 'x', possible args are: y"), "z").advice
