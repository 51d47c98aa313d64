"""A triggered run."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class RunStatus(StrEnum):
    """The state of a run, as its orchestrator tells it."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TERMINATED = "terminated"
    TIMED_OUT = "timed-out"
    """The orchestrator ended it at the deployment's own limit (`workflow-timeout`)."""

    @property
    def is_terminal(self) -> bool:
        """Whether the run can change no more."""
        return self not in (RunStatus.PENDING, RunStatus.RUNNING)


@dataclass(frozen=True, kw_only=True)
class TaskFailure:
    """The first task of a run that failed."""

    step: str
    task_id: str | None = None
    exception: str | None = None
    """The last line of the traceback: `ValueError: Input X contains NaN`."""
    path: str | None = None
    """The file of the user's own code where it was raised, relative to the repository's root."""
    line: int | None = None
    log: str = ""
    """The tail of the task's log."""
    advice: str = ""
    """What to do about it, where the orchestrator's reason tells that; empty: the flow has to be mended."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """A triggered run."""

    id: str
    """`argo-…`, `sfn-…`."""
    pathspec: str
    """FlowName/run id."""
    status: RunStatus
    url: str | None = None
    parameters: dict[str, str] = field(default_factory=dict)
    """What the run was triggered with, as text."""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    begun: bool = False
    """Whether Metaflow's `Run` exists, which it does once the start task has registered."""
    step_tasks: dict[str, tuple[int, int]] = field(default_factory=dict)
    """For each step that has begun: how many of its tasks succeeded, and how many there are."""
    failed_task: TaskFailure | None = None
    waiting: tuple[str, ...] = ()
    """What keeps its tasks from running, as the orchestrator tells it: `step train: pod unschedulable: …`."""
    note: str | None = None
    """What else is to be said of it: `left running after 60m`, `terminated after 60m`."""

    @property
    def duration(self) -> float | None:
        """Seconds from start to end, where both are known."""
        if self.started_at is None or self.finished_at is None:
            return None
        return (self.finished_at - self.started_at).total_seconds()
