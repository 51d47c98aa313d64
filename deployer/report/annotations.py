"""Failures and warnings as annotations."""

from __future__ import annotations

from dataclasses import replace

from deployer.console import Annotation
from deployer.outcome import Check, CheckState, DeploymentRow, Failure, FlowOutcome, Outcome, Status
from deployer.report.advice import advice_for
from deployer.report.inventory import fitting

MOST = 10
"""GitHub shows ten errors and ten warnings of a step (Workflow commands: limits)."""
LONGEST = 4096
"""Bytes of a message; the runner cuts what is longer (actions/runner: ExecutionContext)."""


def to_annotations(outcome: Outcome) -> tuple[Annotation, ...]:
    """What GitHub shows on the files and on the job, the errors first, each once."""
    errors = [_error(failure, None) for failure in outcome.failures]
    errors += [_error(flow.failure, _whose(flow, outcome)) for flow in outcome.flows if flow.failure is not None]
    errors += [_error(check.failure, None) for check in outcome.checks if check.failure is not None]
    rows = outcome.inventory.rows if outcome.inventory is not None else ()
    errors += [_error(row.failure, row.id if len(rows) > 1 else None) for row in rows if row.failure is not None]
    warned = [*outcome.warnings, *_unsure(outcome.checks), *_left_out(rows)]
    warned += [text for flow in outcome.flows if _is_told(flow.status) for text in flow.warnings]
    warnings = [Annotation(level="warning", message=_cut(text, "")) for text in warned]
    notices = [Annotation(level="notice", message=outcome.skipped)] if outcome.skipped else []
    return (*_most(errors), *_most(warnings), *notices)


def _whose(flow: FlowOutcome, outcome: Outcome) -> str | None:
    """The flow's name, where there are several; one that could not be read has none but its file."""
    return flow.name if len(outcome.flows) > 1 and flow.description is not None else None


def _unsure(checks: tuple[Check, ...]) -> list[str]:
    """What `doctor` would have a person look at, though deploying works."""
    return [f"{one.name}: {one.found} {one.advice}" for one in checks if one.state is CheckState.WARNING]


def _left_out(rows: tuple[DeploymentRow, ...]) -> list[str]:
    """That the output does not hold all of a long list."""
    left = len(rows) - len(fitting(rows))
    return [f"The output `deployments` lacks the last {left} of {len(rows)}: it may have a megabyte."] if left else []


def _is_told(status: Status) -> bool:
    """A flow that was skipped only says so, which the error of the flow that failed says too."""
    return status is not Status.SKIPPED


def _error(failure: Failure, flow: str | None) -> Annotation:
    title = f"{failure.reason}: {failure.input}" if failure.input else str(failure.reason)
    return Annotation(
        level="error",
        title=f"{flow}: {title}" if flow is not None else title,
        message=_cut(f"{failure.message} {advice_for(failure)}", failure.evidence),
        path=failure.path,
        line=failure.line,
    )


def _most(annotations: list[Annotation]) -> list[Annotation]:
    """As many as are shown; the last one says how many are not."""
    told = list(dict.fromkeys(annotations))
    if len(told) <= MOST:
        return told
    more = len(told) - MOST
    last = told[MOST - 1]
    return [*told[: MOST - 1], replace(last, message=f"{last.message}\n\n{more} more are in the job's summary.")]


def _cut(text: str, evidence: str) -> str:
    """The text, and below it the end of the evidence, within what is shown."""
    room = LONGEST - 100  # for what `_most` adds
    head = text.encode()[:room].decode(errors="ignore")
    tail = evidence.encode(errors="replace")[-(room - len(head.encode())) :].decode(errors="ignore") if evidence else ""
    return f"{head}\n\n{tail.strip()}" if tail.strip() and len(head.encode()) < room else head
