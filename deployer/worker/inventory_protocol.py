"""What is asked about deployments without a flow file; see `deployer.worker.protocol`."""

from __future__ import annotations

from datetime import datetime

import msgspec

from deployer.orchestrators.inventory import DeploymentFilter
from deployer.outcome import Deployment, DeploymentRow


class ListDeployments(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """List what stands; answers a `Listing`."""

    wanted: DeploymentFilter
    runs: bool = True
    """Whether to ask when each ran last, where that costs a request for each."""
    leftovers: bool = False
    """Whether to look for schedules and triggers whose deployment is gone."""


class LatestRuns(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """The latest runs of a deployment; answers `Run`s, the newest first."""

    deployment: Deployment
    limit: int


class LastUse(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """When deployments were used last, what the orchestrator has forgotten included; answers an `Activity` for each."""

    deployments: tuple[Deployment, ...]
    since: datetime
    """What happened before it need not be told apart."""


class HasRun(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """Whether a run is one of a deployment; answers a boolean."""

    deployment: Deployment
    run_id: str


class Suspend(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """Suspend a run; answers a `Change`."""

    deployment: Deployment
    run_id: str


class Unsuspend(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """Let a suspended run go on; answers a `Change`."""

    deployment: Deployment
    run_id: str


class Delete(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """Remove a deployment with its schedule and its triggers; answers `Change`s."""

    deployment_id: str


class DeleteLeftovers(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """Remove the schedule or the trigger that a row without a deployment stands for; answers `Change`s."""

    row: DeploymentRow


InventoryRequest = ListDeployments | LatestRuns | LastUse | HasRun | Suspend | Unsuspend | Delete | DeleteLeftovers
