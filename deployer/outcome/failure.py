"""Why something failed, in the one form in which every failure is told."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from enum import StrEnum


class FailureReason(StrEnum):
    """The closed list of the output `failure-reason`; what to do for each is in `deployer.report.advice`."""

    INPUT = "input"
    SOURCE = "source"
    FLOW_INVALID = "flow-invalid"
    FLOW_IMPORT = "flow-import"
    CREDENTIALS = "credentials"
    PERMISSION = "permission"
    TOKEN = "token"  # noqa: S105  # a word of the list, no secret
    DATASTORE = "datastore"
    ORCHESTRATOR_UNREACHABLE = "orchestrator-unreachable"
    DEPLOY = "deploy"
    HALF_DEPLOYED = "half-deployed"
    TRIGGER = "trigger"
    START_TIMEOUT = "start-timeout"
    RUN_FAILED = "run-failed"
    RUN_TIMEOUT = "run-timeout"
    CANCELLED = "cancelled"
    INTERNAL = "internal"


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why something failed, in the form in which every failure is told.

    `message` is one sentence on what is wrong, `advice` one on what to do, `evidence` the text that shows it (the
    tail of a log, a traceback), already masked but not escaped.
    """

    reason: FailureReason
    message: str
    advice: str
    evidence: str = ""
    input: str | None = None
    """The input that is at fault, in kebab-case."""
    path: str | None = None
    """The file at fault, relative to the repository's root."""
    line: int | None = None
    """The line at fault in `path`, counted from 1."""


def internal_failure(error: Exception) -> Failure:
    """An exception that nothing expects, with its traceback: a fault of the action's own.

    Args:
        error: the exception, while it is handled or afterwards.
    """
    return Failure(
        reason=FailureReason.INTERNAL,
        message=f"The action met an error that it does not know: {type(error).__name__}: {error}",
        advice="Please report it with the traceback below.",
        evidence="".join(traceback.format_exception(error)),
    )


class DeployError(Exception):
    """The one exception that carries a `Failure` up to where it is reported; it never crosses a process by itself."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure
