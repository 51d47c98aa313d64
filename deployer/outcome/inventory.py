"""Deployments that an operation without a flow file looked at, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from deployer.outcome.deployment import Deployment
from deployer.outcome.failure import Failure
from deployer.outcome.run import Run


class Fate(StrEnum):
    """What became of a deployment that an operation without a flow file looked at."""

    LISTED = "listed"
    KEPT = "kept"
    WOULD_BE_DELETED = "would be deleted"
    DELETED = "deleted"
    TERMINATED = "terminated"
    SUSPENDED = "suspended"
    UNSUSPENDED = "unsuspended"
    UNCHANGED = "unchanged"
    """It was so already: a run that had ended by itself, one that was suspended before."""
    FAILED = "failed"
    NOT_TRIED = "not tried"

    @property
    def is_change(self) -> bool:
        """Whether something at the orchestrator is not as it was before."""
        return self in (Fate.DELETED, Fate.TERMINATED, Fate.SUSPENDED, Fate.UNSUSPENDED)


@dataclass(frozen=True, kw_only=True)
class DeploymentRow:
    """One deployment that an operation without a flow file looked at, and what became of it."""

    id: str
    orchestrator: str
    deployment: Deployment | None = None
    """None where only parts of one stand, whose WorkflowTemplate or state machine is gone."""
    runs: tuple[Run, ...] = ()
    """Its latest runs, the newest first, as far as they were asked for."""
    last_run_at: datetime | None = None
    """When its last run started; the present for one that is under way."""
    active: bool = False
    """Whether a run is under way."""
    parts: tuple[str, ...] = ()
    """The objects that were changed, or that stand alone: `CronWorkflow helloflow`."""
    fate: Fate = Fate.LISTED
    why: str = ""
    """Why that became of it, as one sentence."""
    failure: Failure | None = None


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """The deployments that an operation without a flow file looked at."""

    rows: tuple[DeploymentRow, ...] = ()
    orchestrator: str = ""
    """Deployer's TYPE, or `airflow`."""
    place: str = ""
    """Where they stand, in words: `namespace ml`, `eu-west-1`."""
    filters: str = ""
    """What was asked for, in words; empty where it was everything."""
    dry_run: bool = False
    production_token: str | None = None
    """What `operation: production-token` was asked for."""
