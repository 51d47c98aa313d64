"""What stands when a deployment failed half-way: put back to what stood before, or told part by part.

Metaflow writes a deployment in several requests (template, schedule, Sensor; state machine, rule). Where one of them
fails, those before it have changed production already.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from deployer.deadline import Deadline
from deployer.operations.handle import FlowHandle
from deployer.orchestrators.driver import Snapshot
from deployer.outcome import Change, Deployment, Failure, FailureReason, FlowOutcome, Standing, Status
from deployer.worker import protocol
from deployer.worker.client import WorkerError

PUT_BACK_LIMIT = 30.0
"""Seconds to put things back, an orchestrator that does not answer at the moment included."""
CANCELLED_LIMIT = 4.0
"""Seconds for it in a cancelled job: of the ten that GitHub's runner leaves, the report needs some."""
PAUSE = 1.0
"""Seconds between two attempts."""


@dataclass(frozen=True, kw_only=True)
class Before:
    """What stood under the identifier before the job touched it."""

    deployment: Deployment | None = None
    snapshot: Snapshot | None = None
    """None: the orchestrator cannot be asked for it."""


def after_failure(handle: FlowHandle, outcome: FlowOutcome, before: Before) -> FlowOutcome:
    """Put back what a failed `create` has changed, and say so; say what stands where that fails, too.

    Args:
        handle: the flow.
        outcome: with the failure of `create`.
        before: what stood.

    Returns:
        The outcome with what stands now. A failure after which all stands as before keeps its reason.
    """
    if before.snapshot is None:
        return outcome
    try:
        changes = _restore(handle, before.snapshot, cancelled=outcome.status is Status.CANCELLED)
    except WorkerError as error:
        return _told(handle, outcome, before, before.snapshot, str(error))
    outcome = replace(outcome, deployment=before.deployment, replaced=None, standing=Standing.AS_BEFORE)
    if not changes:
        return outcome
    for change in changes:
        handle.job.console.info(f"put back: {change}")
    what = (
        "What had been written until then was put back to what stood before."
        if before.deployment is not None
        else "What had been written until then was removed again."
    )
    return _with_message(outcome, what)


def compared(before: Snapshot, now: Snapshot) -> tuple[str, ...]:
    """The parts of a deployment that stand otherwise than before, each in words; the others beside them.

    Returns:
        Nothing where all parts stand as before.
    """
    told = []
    for kind, was in before.objects.items():
        there = now.objects.get(kind)
        if was is None and there is None:
            continue
        if was == there:
            told.append(f"the {kind} is as before")
        else:
            told.append(f"the {kind} is {'new' if was is None else 'gone' if there is None else 'changed'}")
    return tuple(told) if any(not part.endswith("as before") for part in told) else ()


def _restore(handle: FlowHandle, snapshot: Snapshot, *, cancelled: bool) -> tuple[Change, ...]:
    """Restore, again for as long as the orchestrator does not answer; a cancelled job has time for one attempt."""
    deadline = Deadline(CANCELLED_LIMIT if cancelled else PUT_BACK_LIMIT)
    request = protocol.Restore(snapshot=snapshot)
    while True:
        try:
            return handle.call_aside(request, tuple[Change, ...], deadline)
        except WorkerError as error:
            unreachable = error.failures[0].reason is FailureReason.ORCHESTRATOR_UNREACHABLE
            if cancelled or not unreachable or deadline.passed:
                raise
            cancelled = handle.job.cancellation.wait(min(PAUSE, deadline.remaining))


def _told(handle: FlowHandle, outcome: FlowOutcome, before: Before, snapshot: Snapshot, why: str) -> FlowOutcome:
    """What stands after putting back failed, from the orchestrator's own mouth."""
    deadline = Deadline(CANCELLED_LIMIT)
    name = snapshot.deployment_id
    try:
        now = handle.call_aside(protocol.TakeSnapshot(deployment_id=name), Snapshot | None, deadline)  # type: ignore[arg-type]  # a union is no type[]
    except WorkerError as error:
        warning = f"What is deployed as `{name}` now could not be read; it may be a part of this deployment. {error}"
        return replace(outcome, standing=Standing.UNKNOWN, warnings=(*outcome.warnings, warning))
    parts = compared(snapshot, now) if now is not None else ()
    if not parts:
        return replace(outcome, deployment=before.deployment, standing=Standing.AS_BEFORE)
    failure = outcome.failure
    assert failure is not None
    said = f"A part of it was written before that, and could not be put back: {_within(why)} Now {', '.join(parts)}."
    half = replace(failure, reason=FailureReason.HALF_DEPLOYED)
    outcome = replace(outcome, failure=half, status=Status.FAILURE, standing=Standing.HALF_DEPLOYED)
    return _with_message(replace(outcome, deployment=before.deployment), said)


def _with_message(outcome: FlowOutcome, sentence: str) -> FlowOutcome:
    failure: Failure | None = outcome.failure
    assert failure is not None
    return replace(outcome, failure=replace(failure, message=f"{failure.message} {sentence}"))


def _within(sentence: str) -> str:
    """A sentence, ended, as it goes behind a colon."""
    return sentence if sentence.endswith((".", "!", "?")) else f"{sentence}."
