"""Why a call to the worker failed: from what Metaflow printed, or from the stack that an ended process left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from deployer.orchestrators.diagnosis import ReportedError, classify_output, diagnose_exception, last_error
from deployer.orchestrators.error_patterns import folded
from deployer.outcome import DeployError, Failure, FailureReason, FlowOutcome, Standing, Status, internal_failure
from deployer.worker.client import WorkerCancelled, WorkerError, WorkerTimeout
from deployer.worker.protocol import CommandError

EVIDENCE_LINES = 25
STACK = "Stack (most recent call first):"
"""What faulthandler writes before a stack that was asked for by a signal."""
STACK_LINES = 12

# Where a process stood when its time was over, by a module that its stack names; the first that fits decides.
STOOD_AT = (
    (
        FailureReason.DATASTORE,
        ("metaflow/plugins/datastores/", "metaflow/datastore/", "metaflow/plugins/datatools/s3"),
        "The datastore did not answer",
        "Check METAFLOW_DATASTORE_SYSROOT_S3, the region and the credentials, and that the runner may reach it.",
    ),
    (
        FailureReason.ORCHESTRATOR_UNREACHABLE,
        (
            "deployer/orchestrators/",
            "argo_client.py",
            "kubernetes/client/",
            "step_functions_client.py",
            "event_bridge_client.py",
            "kubernetes_client.py",
        ),
        "The orchestrator took the connection and never answered",
        "Check that the API server's address is the right one and that nothing between holds requests back.",
    ),
    (
        FailureReason.ORCHESTRATOR_UNREACHABLE,
        ("metadata_providers/service.py",),
        "The metadata service did not answer",
        "Check METAFLOW_SERVICE_URL and that the runner may reach it.",
    ),
)


def guarded(
    outcome: FlowOutcome, act: Callable[[FlowOutcome], FlowOutcome], *, leaves: Standing | None = None
) -> FlowOutcome:
    """What an act makes of a flow's outcome; where it raises, the outcome as it was, with the failure.

    What was reached until then is kept, and the job's other flows go on.

    Args:
        outcome: before the act.
        act: whatever is done for this one flow.
        leaves: what is deployed after an exception that nothing expects; None: what the outcome says.
    """
    try:
        return act(outcome)
    except WorkerError as error:
        return failed(outcome, error)
    except DeployError as error:
        return with_failure(outcome, error.failure)
    except Exception as error:  # noqa: BLE001  # a fault of the action's own: reported with its traceback
        return with_failure(replace(outcome, standing=leaves or outcome.standing), internal_failure(error))


def failed(outcome: FlowOutcome, error: WorkerError) -> FlowOutcome:
    """The outcome with a failed call's failure; what Metaflow printed is read for the cause where it lies there."""
    if isinstance(error, WorkerCancelled):
        return with_failure(outcome, error.failures[0])
    failure = error.failures[0]
    if error.from_output:
        failure = _from_command(failure, error)
    elif isinstance(error, WorkerTimeout):
        failure = _from_stack(failure, error.output)
    if error.error is not None:
        outcome = replace(outcome, flow_name=error.error.flow_name)
    if len(error.failures) > 1:
        failure = _joined(failure, error.failures[1:])
    return with_failure(outcome, failure)


def with_failure(outcome: FlowOutcome, failure: Failure | None) -> FlowOutcome:
    """The outcome with that failure, if there is one; what was cancelled has not failed."""
    if failure is None:
        return outcome
    failure = _without_repetition(failure)
    cancelled = failure.reason is FailureReason.CANCELLED
    return replace(outcome, failure=failure, status=Status.CANCELLED if cancelled else Status.FAILURE)


def _without_repetition(failure: Failure) -> Failure:
    """The failure without evidence that its message has word for word."""
    said = folded(failure.evidence).rstrip(".")
    return replace(failure, evidence="") if said and said in folded(failure.message) else failure


def _from_command(failure: Failure, error: WorkerError) -> Failure:
    """The cause of a command that failed: from the exception that ended it, else from what it printed last."""
    output = error.output
    evidence = failure.evidence or "\n".join(output.rstrip().splitlines()[-EVIDENCE_LINES:])
    reported = _reported(error.error) if error.error is not None else last_error(output)
    known = diagnose_exception(reported, output) if error.error is not None and reported else classify_output(output)
    if known is not None:
        return replace(known, evidence=known.evidence or evidence, **_place(error.error))
    if failure.evidence:  # what the exception means is said already
        return failure
    said = f" {reported.sentence.rstrip('.')}." if reported is not None else ""
    invalid = error.error is not None and error.error.phase == "open" and error.error.headline is not None
    reason = FailureReason.FLOW_INVALID if invalid else failure.reason
    return replace(failure, reason=reason, message=f"{failure.message}{said}", evidence=evidence, **_place(error.error))


def _reported(error: CommandError) -> ReportedError:
    return ReportedError(
        type=error.type,
        message=error.message,
        module=error.module,
        headline=error.headline,
        traceback=error.traceback,
    )


def _place(error: CommandError | None) -> dict[str, Any]:
    """Where in the repository the exception arose, as far as it is known by its line."""
    if error is None or error.line is None:
        return {}
    return {"path": error.path, "line": error.line}


def _from_stack(failure: Failure, output: str) -> Failure:
    """The cause of a call that never came back, from the stack that its process left when it was ended."""
    evidence = _where_it_stood(output)
    for reason, modules, what, advice in STOOD_AT:
        if any(module in output for module in modules):
            message = f"{what} within the limit; {failure.message[0].lower()}{failure.message[1:]}"
            return replace(failure, reason=reason, message=message, advice=advice, evidence=evidence)
    known = classify_output(output)
    if known is not None:
        return replace(known, evidence=evidence)
    return replace(failure, reason=FailureReason.DEPLOY, input="deploy-timeout", evidence=evidence)


def _where_it_stood(output: str) -> str:
    """The last lines that were printed, and the innermost calls of the process that was waited for."""
    printed, *stacks = output.split(STACK)
    # the innermost process is the one that did the work: its stack is the deepest
    deepest = max(stacks, key=lambda stack: stack.count("\n"), default="").strip("\n").splitlines()
    calls = [line for line in deepest if line.lstrip().startswith("File ")][:STACK_LINES]
    said = printed.rstrip().splitlines()[-STACK_LINES:]
    return "\n".join([*said, "", "waiting in (most recent call first):", *calls] if calls else said)


def _joined(first: Failure, others: tuple[Failure, ...]) -> Failure:
    messages = " ".join([first.message, *(other.message for other in others)])
    return replace(first, message=messages)
