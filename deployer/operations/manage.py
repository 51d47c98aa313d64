"""Operations on what is deployed already, without a flow file: list, status, terminate, suspend, unsuspend, delete,
production-token; `deployer.operations.cleanup` is the one for many."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from deployer.deadline import Deadline
from deployer.inputs import Inputs, OperationName
from deployer.operations.handle import FlowHandle
from deployer.operations.standing import (
    READ_LIMIT,
    check_owner,
    find,
    known_runs,
    latest_runs,
    list_all,
    look_up,
    observed,
    row_of,
    run_of,
    unknown,
)
from deployer.orchestrators.inventory import DeploymentFilter
from deployer.outcome import (
    Action,
    Change,
    Deployment,
    DeploymentRow,
    Failure,
    FailureReason,
    Fate,
    Inventory,
    Run,
)
from deployer.worker import inventory_protocol as asked
from deployer.worker import protocol
from deployer.worker.client import WorkerError

LATEST_RUNS = 5
"""Runs that `status` tells."""
FATES = {
    Action.TERMINATED: Fate.TERMINATED,
    Action.SUSPENDED: Fate.SUSPENDED,
    Action.RESUMED: Fate.UNSUSPENDED,
    Action.REMOVED: Fate.DELETED,
    Action.UNCHANGED: Fate.UNCHANGED,
}
LOOKED_AT = 20
"""How many of the latest runs are looked at for one that is under way."""
ENDS_WITH_IT = "AWS ends the runs of a state machine that is deleted. Under way: {runs}."


@dataclass(frozen=True, kw_only=True)
class Managed:
    """What an operation without a flow file found or did."""

    inventory: Inventory | None = None
    failures: tuple[Failure, ...] = ()
    """Why all of it failed; what failed for one row of several stands in that row."""
    warnings: tuple[str, ...] = ()


def wanted(inputs: Inputs) -> DeploymentFilter:
    """The deployments that the inputs ask for."""
    return DeploymentFilter(
        flow_name=inputs.flow_name,
        project=inputs.project,
        project_branch=inputs.project_branch,
        tags=inputs.tags,
    )


def list_deployments(handle: FlowHandle) -> Managed:
    """Everything that stands and that the filters take."""
    asked_for = wanted(handle.job.inputs)
    listing = list_all(handle, asked_for, runs=True)
    inventory = Inventory(
        rows=listing.rows, place=listing.place, filters=str(asked_for), orchestrator=handle.job.inputs.orchestrator
    )
    return Managed(inventory=inventory, warnings=listing.warnings)


def status(handle: FlowHandle) -> Managed:
    """A deployment with its latest runs, or with the one that was asked for."""
    deployment = _deployment(handle)
    run_id = handle.job.inputs.run_id
    if run_id is not None:
        run, warning = observed(handle, deployment, run_of(handle, deployment, run_id), diagnose=True)
        return _one(row_of(deployment, run), warning)
    seen = [observed(handle, deployment, run) for run in latest_runs(handle, deployment, LATEST_RUNS)]
    warning = next((warning for _, warning in seen if warning is not None), None)
    return _one(row_of(deployment, *(run for run, _ in seen)), warning)


def terminate(handle: FlowHandle) -> Managed:
    """End a run."""

    def ask(deployment: Deployment, run: Run) -> Change:
        return handle.call(protocol.Terminate(deployment=deployment, run=run), Change, Deadline(READ_LIMIT))

    return _change_run(handle, "be terminated", ask)


def suspend(handle: FlowHandle) -> Managed:
    """Let a run begin no further task."""

    def ask(deployment: Deployment, run: Run) -> Change:
        return handle.call(asked.Suspend(deployment=deployment, run_id=run.id), Change, Deadline(READ_LIMIT))

    return _change_run(handle, "be suspended", ask)


def unsuspend(handle: FlowHandle) -> Managed:
    """Let a suspended run go on."""

    def ask(deployment: Deployment, run: Run) -> Change:
        return handle.call(asked.Unsuspend(deployment=deployment, run_id=run.id), Change, Deadline(READ_LIMIT))

    return _change_run(handle, "be unsuspended", ask)


def delete(handle: FlowHandle) -> Managed:
    """Remove a deployment with its schedule and its triggers; or what one that is gone has left behind."""
    identifier = handle.job.inputs.deployment_id or ""
    deployment = look_up(handle, identifier)
    if deployment is None:
        return _one(_delete_leftovers(handle, identifier))
    check_owner(handle, deployment, "be deleted")
    runs = known_runs(handle, deployment, LOOKED_AT)
    running = tuple(run for run in runs if not run.status.is_terminal)
    row = deleted(handle, row_of(deployment, *(running or runs)[:1]))
    ends = running and deployment.orchestrator == "step-functions"
    return _one(row, ENDS_WITH_IT.format(runs=", ".join(f"`{run.id}`" for run in running)) if ends else None)


def production_token(handle: FlowHandle) -> Managed:
    """The production token, for the user who deployed: whoever reads another's token and hands it to `authorize` in
    one go has gone round what it is there for."""
    deployment = _deployment(handle)
    token = deployment.production_token
    user = handle.user
    if token is None:
        failure = Failure(
            reason=FailureReason.INPUT,
            input="deployment-id",
            message=f"`{deployment.id}` has no production token.",
            advice="It was deployed by a Metaflow that writes none: deploy it again."
            if deployment.owner is not None
            else f"{deployment.orchestrator} does not tell who deployed it, and so guards nothing by a token.",
        )
        raise WorkerError((failure,))
    if deployment.owner != user:
        failure = Failure(
            reason=FailureReason.TOKEN,
            input="metaflow-user",
            message=f"`{deployment.id}` was deployed by `{deployment.owner}`, and this job is `{user}`.",
            advice="Ask its owner; if that is you, give the name as `metaflow-user`.",
        )
        raise WorkerError((failure,))
    made = _one(row_of(deployment))
    assert made.inventory is not None
    return replace(made, inventory=replace(made.inventory, production_token=token))


def deleted(handle: FlowHandle, row: DeploymentRow) -> DeploymentRow:
    """The row, once its deployment is deleted; or why it was kept.

    Raises:
        WorkerError: it could not be deleted.
    """
    limit = Deadline(handle.job.inputs.deploy_timeout)
    request = asked.Delete(deployment_id=row.id) if row.deployment is not None else asked.DeleteLeftovers(row=row)
    changes = handle.call(request, tuple[Change, ...], limit)
    parts = tuple(str(change) for change in changes)
    if any(change.action is Action.REMOVED for change in changes):
        return replace(row, parts=parts, fate=Fate.DELETED)
    if changes:
        return replace(row, parts=parts, fate=Fate.KEPT, why=_sentence(changes[0].note))
    return replace(row, parts=parts, fate=Fate.UNCHANGED, why="It was gone already.")


def _deployment(handle: FlowHandle) -> Deployment:
    return find(handle, handle.job.inputs.deployment_id or "")


def _change_run(handle: FlowHandle, doing: str, ask: Callable[[Deployment, Run], Change]) -> Managed:
    deployment = _deployment(handle)
    run = run_of(handle, deployment, handle.job.inputs.run_id or "")
    check_owner(handle, deployment, doing)
    change = ask(deployment, run)
    run, warning = observed(handle, deployment, run)
    row = row_of(deployment, run)
    parts = (str(change),) if change.action is not Action.UNCHANGED else ()
    return _one(replace(row, fate=FATES[change.action], why=_sentence(change.note), parts=parts), warning)


def _delete_leftovers(handle: FlowHandle, identifier: str) -> DeploymentRow:
    listing = list_all(handle, DeploymentFilter(), leftovers=True)
    rows = [row for row in listing.rows if row.id == identifier and row.deployment is None]
    if not rows:
        raise WorkerError((unknown(identifier, listing, handle.job.inputs.orchestrator),))
    done = [deleted(handle, row) for row in rows]
    parts = tuple(part for row in done for part in row.parts)
    gone = next((row for row in done if row.fate is Fate.DELETED), None)
    return replace(gone, parts=parts, why="Only this was left of it.") if gone else replace(done[0], parts=parts)


def _one(row: DeploymentRow, warning: str | None = None) -> Managed:
    return Managed(
        inventory=Inventory(rows=(row,), orchestrator=row.orchestrator),
        warnings=(warning,) if warning is not None else (),
    )


def _sentence(note: str | None) -> str:
    """A note as a sentence of its own."""
    return f"{note[:1].upper()}{note[1:].rstrip('.')}." if note else ""


OPERATIONS: dict[OperationName, Callable[[FlowHandle], Managed]] = {
    OperationName.LIST: list_deployments,
    OperationName.STATUS: status,
    OperationName.TERMINATE: terminate,
    OperationName.SUSPEND: suspend,
    OperationName.UNSUSPEND: unsuspend,
    OperationName.DELETE: delete,
    OperationName.PRODUCTION_TOKEN: production_token,
}
