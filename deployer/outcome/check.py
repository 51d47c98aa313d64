"""What `operation: doctor` found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from deployer.outcome.failure import Failure, FailureReason


class CheckState(StrEnum):
    """What one look of `operation: doctor` found."""

    OK = "ok"
    WARNING = "warning"
    """Deploying works, something else does not, or soon will not."""
    BAD = "bad"
    """Deploying fails for it."""
    UNKNOWN = "unknown"
    """It could not be looked at; what stands in the way is a line of its own."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """One line of what `operation: doctor` found. No text of it holds a secret."""

    name: str
    """What was looked at: `Datastore`, `Rights in the cluster`."""
    state: CheckState
    found: str
    """What was found, as one sentence or a few words."""
    advice: str = ""
    """What to do, as one sentence; empty where all is well."""
    reason: FailureReason | None = None
    """The `failure-reason` that a deployment would fail with; of bad checks only."""
    evidence: str = ""

    @property
    def failure(self) -> Failure | None:
        """A bad check as a failure."""
        if self.state is not CheckState.BAD:
            return None
        reason = self.reason or FailureReason.INTERNAL
        return Failure(reason=reason, message=f"{self.name}: {self.found}", advice=self.advice, evidence=self.evidence)
