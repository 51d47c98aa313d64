"""Deployments without a flow file: what the orchestrator tells, and what Metaflow remembers of runs that it forgot."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from deployer.orchestrators.driver import Orchestrator
from deployer.orchestrators.extension.driver import Plugin
from deployer.orchestrators.inventory import Activity, Inventory
from deployer.outcome import Deployment
from deployer.worker import inventory_protocol as asked
from deployer.worker.runs import metaflow_run

LOCAL = (
    "When it ran last is not known: runs that the orchestrator has removed are known to Metaflow's metadata service "
    "alone, and none is configured (METAFLOW_DEFAULT_METADATA, METAFLOW_SERVICE_URL)."
)


def answer(request: asked.InventoryRequest, orchestrator: Orchestrator) -> Any:
    """Do what is asked; what it returns is what the request's docstring says.

    Raises:
        DeployError: with the reason.
    """
    match request:
        case asked.Suspend():
            return orchestrator.suspend(request.deployment, request.run_id)
        case asked.Unsuspend():
            return orchestrator.unsuspend(request.deployment, request.run_id)
        case asked.Delete():
            return orchestrator.delete(request.deployment_id)
        case asked.HasRun():
            return _has_run(orchestrator, request.deployment, request.run_id)
        case _:
            return _of_inventory(request, orchestrator.inventory())


def _of_inventory(request: asked.InventoryRequest, inventory: Inventory) -> Any:
    match request:
        case asked.ListDeployments():
            return inventory.listing(request.wanted, runs=request.runs, leftovers=request.leftovers)
        case asked.LatestRuns():
            return inventory.latest_runs(request.deployment, request.limit)
        case asked.LastUse():
            return _last_use(inventory, request.deployments, request.since)
        case asked.DeleteLeftovers():
            return inventory.delete_leftovers(request.row)
    raise AssertionError(f"no such request: {request!r}")


def _has_run(orchestrator: Orchestrator, deployment: Deployment, run_id: str) -> bool:
    """By the run's id where that tells, else by what the orchestrator knows under deployment and run together; an
    extension cannot be asked, and Metaflow knows the flow's runs."""
    if isinstance(orchestrator, Plugin):
        return metaflow_run(f"{deployment.flow_name}/{run_id}") is not None
    told = orchestrator.inventory().has_run(deployment, run_id)
    return told if told is not None else orchestrator.run_state(deployment, run_id) is not None


def _last_use(inventory: Inventory, deployments: Sequence[Deployment], since: datetime) -> tuple[Activity, ...]:
    seen = inventory.activity(deployments, since)
    if not inventory.run_ids_tell:
        return seen
    used = {one.deployment_id for one in seen if one.active or (one.last_run_at and one.last_run_at >= since)}
    unsure = [one for one in deployments if one.id not in used]
    remembered = {one.deployment_id: one for one in _remembered(inventory, unsure)}
    return tuple(_later(one, remembered.get(one.deployment_id)) for one in seen)


def _later(seen: Activity, remembered: Activity | None) -> Activity:
    if remembered is None:
        return seen
    times = [time for time in (seen.last_run_at, remembered.last_run_at) if time is not None]
    return replace(seen, last_run_at=max(times, default=None), unknown=seen.unknown or remembered.unknown)


def _remembered(inventory: Inventory, deployments: Sequence[Deployment]) -> Iterable[Activity]:
    """The last runs as Metaflow's metadata service has them: one request a flow, whose answer is of all deployments
    of the flow (the service can neither filter nor page runs), and of which nothing but ids and times is read."""
    if not deployments:
        return
    from metaflow import metaflow_config

    if metaflow_config.DEFAULT_METADATA != "service":
        yield from (Activity(deployment_id=one.id, unknown=LOCAL) for one in deployments)
        return
    for flow_name in dict.fromkeys(one.flow_name for one in deployments):
        ours = [one for one in deployments if one.flow_name == flow_name]
        try:
            runs = _runs(flow_name)
        except Exception as error:  # noqa: BLE001  # the client raises whatever its service, or the network, does
            unknown = f"When it ran last is not known: Metaflow's metadata service failed ({type(error).__name__})."
            yield from (Activity(deployment_id=one.id, unknown=unknown) for one in ours)
            continue
        for one in ours:
            # in doubt, it is one of this deployment
            started = [at for run_id, at in runs if inventory.has_run(one, run_id) is not False]
            yield Activity(deployment_id=one.id, last_run_at=max(started, default=None))


def _runs(flow_name: str) -> list[tuple[str, datetime]]:
    """The ids of a flow's runs in all namespaces, and when each began."""
    from metaflow import Flow
    from metaflow.exception import MetaflowNotFound

    try:
        return [(str(run.id), run.created_at.astimezone()) for run in Flow(flow_name, _namespace_check=False)]
    except MetaflowNotFound:
        return []
