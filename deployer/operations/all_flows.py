"""All flows of a job: every one is prepared before the first is deployed, and one flow's failure costs no other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from deployer.operations.causes import guarded
from deployer.operations.deploy import deploy, trigger_existing
from deployer.operations.handle import FlowHandle, Job
from deployer.operations.options import open_request
from deployer.operations.prepare import prepare, prepare_run, refuse_same_deployment
from deployer.operations.sharing import share_values
from deployer.operations.standing import outcome_as_shown
from deployer.outcome import Failure, FailureReason, FlowOutcome, Standing, Status

MOST_OPEN = 4
"""How many flows' processes stay open between preparation and deployment."""


def run_flows(
    job: Job, operation: str, flows: Sequence[str | None], outcomes: Sequence[FlowOutcome]
) -> tuple[FlowOutcome, ...]:
    """Deploy or trigger the flows of a job, in their order.

    Args:
        job: what they share.
        operation: deploy or trigger.
        flows: the flow files, relative to the working directory; None for a deployment that is given by identifier.
        outcomes: to start from, one a flow; one that has failed already is left as it is.

    Returns:
        An outcome a flow. A flow that cannot be deployed fails alone, and those that wait for its end are skipped; with
        `fail-fast` nothing is deployed unless every flow can be.
    """
    handles = [FlowHandle(job, open_request(job, flow)) for flow in flows]
    try:
        prepared = _prepare(job, operation, handles, flows, outcomes)
        if job.inputs.fail_fast and any(outcome.failure is not None for outcome in prepared):
            return skip_all(prepared)
        act = deploy if operation == "deploy" else trigger_existing
        done = _act(job, operation, handles, prepared, act)
        return tuple(outcome_as_shown(outcome, handle.user) for handle, outcome in zip(handles, done, strict=True))
    finally:
        for handle in handles:
            handle.close()


def skip_all(outcomes: Sequence[FlowOutcome]) -> tuple[FlowOutcome, ...]:
    """Skip the flows that could be deployed, since others cannot be."""
    failed = ", ".join(outcome.name for outcome in outcomes if outcome.failure is not None)
    reason = f"Skipped, since {failed} cannot be deployed and `fail-fast` is true."
    return tuple(outcome if outcome.failure is not None else _skipped(outcome, reason) for outcome in outcomes)


def failed_upstream(outcome: FlowOutcome, earlier: Sequence[FlowOutcome]) -> str | None:
    """The name of a flow of this job that a flow waits for (@trigger_on_finish) and that was not deployed.

    Metaflow names an upstream flow by its class, or by `project.branch.Class`.
    """
    upstream = {name.rsplit(".", 1)[-1] for name in (outcome.description.upstream if outcome.description else ())}
    return next(
        (
            one.name
            for one in earlier
            if one is not outcome
            and one.standing is not Standing.DEPLOYED
            and (one.failure is not None or one.status is Status.SKIPPED)
            and (one.description.name if one.description is not None else one.name) in upstream
        ),
        None,
    )


def _prepare(
    job: Job,
    operation: str,
    handles: Sequence[FlowHandle],
    flows: Sequence[str | None],
    outcomes: Sequence[FlowOutcome],
) -> list[FlowOutcome]:
    prepared = []
    for handle, flow, outcome in zip(handles, flows, outcomes, strict=True):
        if outcome.failure is None and flow is not None:
            with job.console.group(f"check {outcome.flow} for {outcome.orchestrator}"):
                job.console.info("Metaflow compiles the flow; whatever it says of deploying, nothing is deployed yet.")
                outcome = guarded(outcome, partial(prepare, handle))  # noqa: PLW2901  # the same flow, further on
        prepared.append(outcome)
        if len(handles) > MOST_OPEN:
            handle.close()
    prepared = list(refuse_same_deployment(handles, prepared))
    runs = job.inputs.trigger or operation == "trigger"
    prepared = list(share_values(handles, prepared, runs=runs))
    if not runs:
        return prepared
    return [
        _prepare_run(job, handle, outcome) if outcome.failure is None and flow is not None else outcome
        for handle, flow, outcome in zip(handles, flows, prepared, strict=True)
    ]


def _prepare_run(job: Job, handle: FlowHandle, outcome: FlowOutcome) -> FlowOutcome:
    with job.console.group(f"check the run of {outcome.name} on {outcome.orchestrator}"):
        return guarded(outcome, partial(prepare_run, handle))


def _act(
    job: Job,
    operation: str,
    handles: Sequence[FlowHandle],
    prepared: Sequence[FlowOutcome],
    act: Callable[[FlowHandle, FlowOutcome], FlowOutcome],
) -> tuple[FlowOutcome, ...]:
    done = list(prepared)
    for place, (handle, outcome) in enumerate(zip(handles, prepared, strict=True)):
        if outcome.failure is not None:
            continue
        upstream = failed_upstream(outcome, done) if operation == "deploy" else None
        if upstream is not None:
            done[place] = _skipped(outcome, f"Skipped, since {upstream}, whose end triggers it, was not deployed.")
        elif job.cancellation.cancelled:
            done[place] = replace(outcome, status=Status.CANCELLED, failure=_cancelled(outcome))
        else:
            with job.console.group(f"{operation} {outcome.name} on {outcome.orchestrator}"):
                done[place] = guarded(outcome, partial(act, handle))
            handle.close()
    return tuple(done)


def _skipped(outcome: FlowOutcome, reason: str) -> FlowOutcome:
    return replace(outcome, status=Status.SKIPPED, warnings=(reason, *outcome.warnings))


def _cancelled(outcome: FlowOutcome) -> Failure:
    return Failure(
        reason=FailureReason.CANCELLED,
        message=f"The job was cancelled before {outcome.name} was deployed.",
        advice="Run it again when you are ready.",
    )
