"""Orchestrators that an extension registers with Deployer: what its objects offer, and what they lack, by name."""

from __future__ import annotations

import inspect
import sys
from importlib import metadata
from typing import Any

from deployer.check import ok, unknown, warning
from deployer.outcome import Check

# What the action asks of an extension's objects, and what becomes of it without them.
DEPLOYED_FLOW = {"trigger": "no run can be triggered"}
TRIGGERED_RUN = {
    "terminate": "`on-timeout: terminate` leaves a run",
    "status": "a run that fails is waited for until `wait-timeout`, since Metaflow's `Run` does not tell it",
}


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


def plugin_check(orchestrator: str) -> Check:
    """Which extension registers the orchestrator, and what its objects lack."""
    impl = implementation(orchestrator)
    if impl is None:
        return unknown("Orchestrator", f"no extension registers `{orchestrator}`")
    whose, deployed, triggered = extension(orchestrator), impl.deployed_flow_type(), triggered_run_type(impl)
    lacking = _lacking(deployed, DEPLOYED_FLOW) + (_lacking(triggered, TRIGGERED_RUN) if triggered else [])
    if lacking:
        return warning("Orchestrator", f"{whose}: {'; '.join(lacking)}.", f"Ask whoever makes {whose} for it.")
    return ok("Orchestrator", f"`{orchestrator}`, of {whose}")


def _lacking(kind: Any, wanted: dict[str, str]) -> list[str]:
    return [
        f"its {kind.__name__} has no `{name}`, so {without}"
        for name, without in wanted.items()
        if not hasattr(kind, name)
    ]
