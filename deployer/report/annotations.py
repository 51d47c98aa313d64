"""Failures and warnings as annotations."""

from __future__ import annotations

from deployer.console import Annotation
from deployer.outcome import Failure, Outcome

MOST = 10
"""GitHub shows ten errors and ten warnings of a step (Workflow commands: limits)."""
LONGEST = 4000


def to_annotations(outcome: Outcome) -> tuple[Annotation, ...]:
    """What GitHub shows on the files and on the job, the errors first."""
    failures = [*outcome.failures, *(flow.failure for flow in outcome.flows if flow.failure is not None)]
    errors = [_error(failure) for failure in failures]
    warned = [*outcome.warnings, *(f"{flow.name}: {text}" for flow in outcome.flows for text in flow.warnings)]
    warnings = [Annotation(level="warning", message=text[:LONGEST]) for text in dict.fromkeys(warned)]
    notices = [Annotation(level="notice", message=outcome.skipped)] if outcome.skipped else []
    return (*errors[:MOST], *warnings[:MOST], *notices)


def _error(failure: Failure) -> Annotation:
    text = f"{failure.message} {failure.advice}"
    if failure.evidence:
        text += f"\n\n{failure.evidence}"
    return Annotation(
        level="error",
        title=f"{failure.reason}: {failure.input}" if failure.input else str(failure.reason),
        message=text[:LONGEST],
        path=failure.path,
        line=failure.line,
    )
