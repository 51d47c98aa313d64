"""Orchestrators that an extension registers with Deployer, over the objects that the extension has for Deployer.

What an extension is: a DeployerImpl with its TYPE, a DeployedFlow, a TriggeredRun (metaflow/runner/deployer.py). Which
of their methods there are differs; what is asked for and not there is told by its name.
"""

from __future__ import annotations

import inspect
import json
import socket
import sys
from collections.abc import Mapping
from importlib import metadata
from typing import Any, NoReturn

from deployer.check import ok, unknown, warning
from deployer.orchestrators.driver import MetaflowSettings, RunState
from deployer.orchestrators.extension.driver import Plugin
from deployer.orchestrators.provenance import run_tags
from deployer.outcome import (
    Action,
    Change,
    Check,
    DeployError,
    Deployment,
    Failure,
    FailureReason,
    Provenance,
    RunStatus,
)
from deployer.worker import commands
from deployer.worker.flow import OpenedFlow, started, triggered_run

# What the action asks of an extension's objects, and what becomes of it without them.
DEPLOYED_FLOW = {
    "trigger": "no run can be triggered",
    "from_deployment": "a run is triggered only with the flow's file",
    "delete": "a deployment is deleted at the orchestrator itself",
}
TRIGGERED_RUN = {
    "terminate": "a run is ended at the orchestrator itself, and `on-timeout: terminate` leaves it",
    "status": "a run that fails is waited for until `wait-timeout`, since Metaflow's `Run` does not tell it",
}
# The words that extensions have for a run's state; of others Metaflow's `Run` decides.
STATES = {
    RunStatus.PENDING: ("PENDING", "QUEUED", "SCHEDULED", "CREATED", "NOT_STARTED"),
    RunStatus.RUNNING: ("RUNNING", "STARTED", "STARTING"),
    RunStatus.SUCCEEDED: ("SUCCEEDED", "SUCCESS", "COMPLETED"),
    RunStatus.FAILED: ("FAILED", "FAILURE", "ERROR", "CRASHED"),
    RunStatus.TIMED_OUT: ("TIMED_OUT", "TIMEDOUT", "TIMEOUT"),
    RunStatus.TERMINATED: ("TERMINATED", "CANCELED", "CANCELLED", "ABORTED", "KILLED"),
}


class DeployerPlugin(Plugin):
    """An extension's orchestrator, in the process that holds its objects."""

    def __init__(
        self,
        type: str,  # noqa: A002  # Deployer's own word
        settings: MetaflowSettings,
        flow: OpenedFlow | None,
        warm: socket.socket,
    ) -> None:
        """Args:
            type: Deployer's TYPE.
            settings: Metaflow's configuration.
            flow: the opened flow, where there is a flow file.
            warm: to the warm process, which forks Deployer's commands.

        Raises:
            DeployError: the flow was given a name, and the extension takes none.
        """
        super().__init__(type, settings)
        self._flow = flow
        self._warm = warm
        if flow is not None and flow.deployment_name is not None:
            self._check_name(flow)

    def create_tags(self, provenance: Provenance) -> tuple[str, ...]:
        """Tags for the runs, where the extension's `create` takes tags."""
        assert self._flow is not None
        return run_tags(provenance) if "tags" in create_options(self._flow.impl) else ()

    def run_state(self, deployment: Deployment, run_id: str, *, diagnose: bool = False) -> RunState | None:  # noqa: ARG002
        """What the extension's TriggeredRun says; None where it says nothing known, and Metaflow's Run decides."""
        triggered = self._triggered(deployment, run_id)
        if triggered is None or not has_own(type(triggered), "status"):
            return None
        try:
            word = str(triggered.status or "").upper()
        except Exception as error:  # whatever the extension's client raises
            raise DeployError(self._failed("tell the state of the run", error)) from error
        state = next((state for state, words in STATES.items() if word in words), None)
        return RunState(status=state) if state is not None else None

    def trigger(self, deployment: Deployment, parameters: Mapping[str, Any], *, key: str) -> str:  # noqa: ARG002
        """Run what stands under the identifier, by the extension's own `from_deployment`."""
        deployed = self._deployed(deployment.id)
        return started(triggered_run(deployed, parameters)).id

    def terminate(self, deployment: Deployment, run_id: str) -> Change:
        """End a run by its TriggeredRun."""
        return self._change_run(deployment, run_id, "terminate", Action.TERMINATED)

    def suspend(self, deployment: Deployment, run_id: str) -> Change:
        """Suspend a run by its TriggeredRun."""
        return self._change_run(deployment, run_id, "suspend", Action.SUSPENDED)

    def unsuspend(self, deployment: Deployment, run_id: str) -> Change:
        """Resume a run by its TriggeredRun."""
        return self._change_run(deployment, run_id, "unsuspend", Action.RESUMED)

    def delete(self, deployment_id: str) -> tuple[Change, ...]:
        """Delete a deployment by its DeployedFlow."""
        kind = self._deployed_flow_type()
        if not has_own(kind, "delete"):
            self._tell_lack(kind, "delete")
        done = self._ask("delete the deployment", self._deployed(deployment_id).delete)
        action = Action.UNCHANGED if done is False else Action.REMOVED
        return (Change(kind="deployment", name=deployment_id, action=action),)

    def _check_name(self, flow: OpenedFlow) -> None:
        if "name" in group_options(flow.impl):
            return
        whose = extension(self.type)
        as_option = "name" in create_options(flow.impl)
        raise DeployError(
            Failure(
                reason=FailureReason.INPUT,
                input="deployment-name",
                message=f"{whose} takes no name where Deployer gives it.",
                advice=f"Give it in `create-options` instead: `name: {flow.deployment_name}`."
                if as_option
                else "Leave `deployment-name` out.",
            )
        )

    def _change_run(self, deployment: Deployment, run_id: str, method: str, action: Action) -> Change:
        impl = implementation(self.type)
        kind = triggered_run_type(impl) if impl is not None else None
        triggered = self._triggered(deployment, run_id)
        if triggered is not None:
            kind = type(triggered)
        if kind is None or not has_own(kind, method):
            self._tell_lack(kind, method)
        if triggered is None:
            raise DeployError(self._unknown_run(run_id))
        done = self._ask(f"{method} the run", getattr(triggered, method))
        return Change(kind="run", name=run_id, action=Action.UNCHANGED if done is False else action)

    def _triggered(self, deployment: Deployment, run_id: str) -> Any | None:
        """The TriggeredRun: the one that this process triggered, else as the extension finds it, else one made anew."""
        if self._flow is not None and run_id in self._flow.triggered:
            return self._flow.triggered[run_id]
        kind = self._deployed_flow_type()
        if has_own(kind, "get_triggered_run"):
            return self._ask("find the run", lambda: kind.get_triggered_run(deployment.id, run_id))
        made = triggered_run_type(implementation(self.type))
        if made is None or self._flow is None:
            return None
        content = {"pathspec": f"{deployment.flow_name}/{run_id}", "name": run_id, "metadata": "{}"}
        return made(deployer=self._flow.impl, content=json.dumps(content))

    def _deployed(self, deployment_id: str) -> Any:
        kind = self._deployed_flow_type()
        if not has_own(kind, "from_deployment"):
            self._tell_lack(kind, "from_deployment")
        deployed = self._ask("find the deployment", lambda: kind.from_deployment(deployment_id))
        commands.install(deployed.deployer, self._warm)
        return deployed

    def _deployed_flow_type(self) -> Any:
        impl = implementation(self.type)
        assert impl is not None, "a TYPE that is not installed is told when it is opened"
        return impl.deployed_flow_type()

    def _ask(self, doing: str, method: Any) -> Any:
        try:
            return method()
        except Exception as error:  # whatever the extension's client raises
            raise DeployError(self._failed(doing, error)) from error

    def _failed(self, doing: str, error: Exception) -> Failure:
        return Failure(
            reason=FailureReason.ORCHESTRATOR_UNREACHABLE,
            message=f"{extension(self.type)} could not {doing}: {type(error).__name__}: {error}",
            advice=f"Look at {self.type} itself, and at what {extension(self.type)} needs to reach it.",
        )

    def _unknown_run(self, run_id: str) -> Failure:
        return Failure(
            reason=FailureReason.INPUT,
            input="orchestrator",
            message=f"{extension(self.type)} has no way to find the run {run_id} again.",
            advice=f"Look for it in {self.type} itself.",
        )

    def _tell_lack(self, kind: Any, method: str) -> NoReturn:
        whose, name = extension(self.type), kind.__name__ if kind is not None else "Deployer plug-in"
        becomes = {**DEPLOYED_FLOW, **TRIGGERED_RUN}.get(method, f"do it in {self.type} itself")
        raise DeployError(
            Failure(
                reason=FailureReason.INPUT,
                input="orchestrator",
                message=f"{whose}'s {name} has no `{method}`.",
                advice=f"{becomes[0].upper()}{becomes[1:]}. Ask whoever makes {whose} for it.",
            )
        )


def implementation(orchestrator: str) -> Any | None:
    """The DeployerImpl that is registered for a TYPE; None where none is."""
    from metaflow.plugins import DEPLOYER_IMPL_PROVIDERS

    return next((one for one in DEPLOYER_IMPL_PROVIDERS if orchestrator == one.TYPE), None)


def extension(orchestrator: str) -> str:
    """The name of the distribution that registers a TYPE (`metaflow-dagster`); the TYPE where it cannot be known."""
    impl = implementation(orchestrator)
    try:
        file = inspect.getfile(impl) if impl is not None else ""
    except (TypeError, OSError):
        return orchestrator
    for distribution in metadata.distributions():
        for path in distribution.files or ():
            if path.parts[:1] == ("metaflow_extensions",) and file.endswith(str(path)):
                return str(distribution.metadata["Name"])
    return orchestrator


def triggered_run_type(impl: Any) -> Any | None:
    """The TriggeredRun that the extension's DeployedFlow makes: the one that its own module defines."""
    from metaflow.runner.deployer import TriggeredRun

    module = sys.modules.get(impl.deployed_flow_type().__module__)
    found = [
        one
        for one in vars(module).values()
        if isinstance(one, type) and issubclass(one, TriggeredRun) and one is not TriggeredRun
    ]
    return found[0] if found else None


def has_own(kind: Any, name: str) -> bool:
    """Whether an extension's class has the method itself: Metaflow's own base class answers `from_deployment` and the
    like for Argo Workflows, whatever the class."""
    return any(name in vars(one) for one in kind.__mro__ if not one.__module__.startswith("metaflow.runner"))


def group_options(impl: Any) -> frozenset[str]:
    """What Deployer's method of the orchestrator takes: `name`, most often."""
    group = getattr(impl.api(**impl.top_level_kwargs), impl.TYPE)
    return _options(group)


def create_options(impl: Any) -> frozenset[str]:
    """What `create` takes, by the names that Deployer gives them."""
    group = getattr(impl.api(**impl.top_level_kwargs), impl.TYPE)
    return _options(group().create)


def _options(method: Any) -> frozenset[str]:
    """What a method of Metaflow's API takes: a partial of a function that is given its signature by hand."""
    return frozenset(inspect.signature(getattr(method, "func", method)).parameters)


def plugin_check(orchestrator: str) -> Check:
    """Which extension registers the orchestrator, and what its objects lack."""
    impl = implementation(orchestrator)
    if impl is None:
        return unknown("Orchestrator", f"no extension registers `{orchestrator}`")
    whose, triggered = extension(orchestrator), triggered_run_type(impl)
    lacking = [*_lacking(impl.deployed_flow_type(), DEPLOYED_FLOW)]
    lacking += _lacking(triggered, TRIGGERED_RUN) if triggered is not None else []
    if lacking:
        return warning("Orchestrator", f"{whose}: {'; '.join(lacking)}.", f"Ask whoever makes {whose} for it.")
    return ok("Orchestrator", f"`{orchestrator}`, of {whose}")


def _lacking(kind: Any, wanted: Mapping[str, str]) -> list[str]:
    return [
        f"its {kind.__name__} has no `{name}`, so {without}"
        for name, without in wanted.items()
        if not has_own(kind, name)
    ]
