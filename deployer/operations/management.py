"""The road of an operation without a flow file: a worker's process in which only the orchestrator is opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from deployer.console import Console
from deployer.deadline import Cancellation, Deadline
from deployer.event import Event
from deployer.inputs import Inputs, OperationName
from deployer.operations.causes import failed
from deployer.operations.cleanup import cleanup
from deployer.operations.handle import FlowHandle
from deployer.operations.job import make_job, open_worker
from deployer.operations.manage import OPERATIONS, Managed
from deployer.operations.options import open_request
from deployer.operations.standing import as_shown
from deployer.outcome import DeployError, Failure, FlowOutcome, Status
from deployer.worker.client import WorkerError


def run_management(
    operation: OperationName,
    event: Event,
    inputs: Inputs,
    *,
    environ: Mapping[str, str],
    workspace: Path,
    console: Console,
    cancellation: Cancellation,
) -> Managed:
    """Look at what is deployed, or change it.

    Args:
        operation: one of `deployer.inputs.WITHOUT_FLOW`.
        event: what called the job.
        inputs: its inputs, their paths checked.
        environ: the job's environment.
        workspace: the checkout, if there is one.
        console: where progress is told.
        cancellation: ends whatever is under way.

    Returns:
        What was found or done; with failures, where nothing could be.
    """
    try:
        with open_worker(
            event, inputs, environ=environ, workspace=workspace, console=console, cancellation=cancellation
        ) as worker:
            job = make_job(event, inputs, worker, console, cancellation, workspace)
            handle = FlowHandle(job, open_request(job, None))
            try:
                return _as_shown(_act(handle, operation, event), handle.user)
            finally:
                handle.close()
    except WorkerError as error:
        return Managed(failures=(_failure(error, operation, inputs),))
    except DeployError as error:
        return Managed(failures=(error.failure,))


def _act(handle: FlowHandle, operation: OperationName, event: Event) -> Managed:
    handle.open(Deadline(handle.job.inputs.deploy_timeout))
    if operation is OperationName.CLEANUP:
        return cleanup(handle, event)
    return OPERATIONS[operation](handle)


def _as_shown(managed: Managed, user: str | None) -> Managed:
    """What is reported of deployments, without the production tokens of other users."""
    if managed.inventory is None:
        return managed
    rows = tuple(
        replace(row, deployment=as_shown(row.deployment, user)) if row.deployment is not None else row
        for row in managed.inventory.rows
    )
    return replace(managed, inventory=replace(managed.inventory, rows=rows))


def _failure(error: WorkerError, operation: OperationName, inputs: Inputs) -> Failure:
    """A failed call's failure, with the cause that its output or its stack shows."""
    outcome = FlowOutcome(flow="", operation=str(operation), orchestrator=inputs.orchestrator, status=Status.PENDING)
    failure = failed(outcome, error).failure
    assert failure is not None
    return failure
