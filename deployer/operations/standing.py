"""One deployment that stands, found by its identifier: what is asked of it, and who may change it."""

from __future__ import annotations

import difflib
from dataclasses import replace

from deployer.deadline import Deadline
from deployer.operations.choice import is_guarded
from deployer.operations.handle import FlowHandle
from deployer.orchestrators.inventory import DeploymentFilter, Listing
from deployer.outcome import Deployment, DeploymentRow, Failure, FailureReason, FlowOutcome, Run, RunStatus
from deployer.worker import inventory_protocol as asked
from deployer.worker import protocol
from deployer.worker.client import WorkerCancelled, WorkerError

READ_LIMIT = 60.0
"""Seconds for one question to the orchestrator; its client gives up earlier."""
PRODUCTION_NAMESPACE = "production:"
"""How Metaflow's namespace of a production deployment begins; its production token follows."""
MOST_NAMED = 3
NEAR = 0.5


def find(handle: FlowHandle, identifier: str) -> Deployment:
    """What stands under an identifier.

    Raises:
        WorkerError: nothing does, the nearest identifiers being named; or what does is not Metaflow's.
    """
    deployment = look_up(handle, identifier)
    if deployment is not None:
        return deployment
    listing = list_all(handle, DeploymentFilter())
    raise WorkerError((unknown(identifier, listing, handle.job.inputs.orchestrator),))


def look_up(handle: FlowHandle, identifier: str) -> Deployment | None:
    """What stands under an identifier; None: nothing does."""
    request = protocol.Read(deployment_id=identifier)
    found: Deployment | None = handle.call(request, Deployment | None, Deadline(READ_LIMIT))  # type: ignore[arg-type]
    return found


def list_all(handle: FlowHandle, wanted: DeploymentFilter, *, runs: bool = False, leftovers: bool = False) -> Listing:
    """What stands; see `Inventory.listing`."""
    request = asked.ListDeployments(wanted=wanted, runs=runs, leftovers=leftovers)
    return handle.call(request, Listing, Deadline(handle.job.inputs.deploy_timeout))


def unknown(identifier: str, listing: Listing, orchestrator: str) -> Failure:
    """Nothing stands under an identifier: which ones are near."""
    names = [row.id for row in listing.rows]
    by_letters = {name.lower(): name for name in names}
    near = difflib.get_close_matches(identifier.lower(), by_letters, n=MOST_NAMED, cutoff=NEAR)
    parts = [name for name in names if identifier.lower() in name.lower()]
    nearest = list(dict.fromkeys([*(by_letters[name] for name in near), *parts]))[:MOST_NAMED]
    if nearest:
        advice = f"The nearest names are: {', '.join(f'`{name}`' for name in nearest)}."
    elif names:
        advice = f"`operation: list` shows all {len(names)}."
    else:
        advice = (
            "Metaflow has deployed nothing there: look whether it is the right cluster, namespace, account or region."
        )
    return Failure(
        reason=FailureReason.INPUT,
        input="deployment-id",
        message=f"Nothing is deployed as `{identifier}` on {orchestrator} ({listing.place}).",
        advice=advice,
    )


def as_shown(deployment: Deployment, user: str | None) -> Deployment:
    """A deployment as it is reported: its production token, and the namespace made of it, are for its owner alone.

    Args:
        deployment: as the orchestrator has it.
        user: METAFLOW_USER of the job.
    """
    if deployment.owner is not None and deployment.owner == user:
        return deployment
    namespace = deployment.metaflow_namespace
    has_token = namespace is not None and namespace.startswith(PRODUCTION_NAMESPACE)
    return replace(deployment, production_token=None, metaflow_namespace=None if has_token else namespace)


def outcome_as_shown(outcome: FlowOutcome, user: str | None) -> FlowOutcome:
    """A flow's outcome as it is reported; see `as_shown`."""
    deployment, replaced = outcome.deployment, outcome.replaced
    return replace(
        outcome,
        deployment=as_shown(deployment, user) if deployment is not None else None,
        replaced=as_shown(replaced, user) if replaced is not None else None,
    )


def check_owner(handle: FlowHandle, deployment: Deployment, doing: str) -> None:
    """Let only the user who deployed it, and who has its production token, change a deployment: Metaflow's own rule.

    Metaflow itself is lenient without its flow file (`from_deployment` takes on the owner's name); this is not.

    Args:
        handle: whose user asks.
        deployment: what is to be changed.
        doing: completes the sentence "it may not …".

    Raises:
        WorkerError: it belongs to another user, and the token was not given.
    """
    user = handle.user
    if not is_guarded(deployment, user, handle.job.inputs.authorize):
        return
    given = handle.job.inputs.authorize is not None
    what = "and `authorize` is not its production token" if given else "and `authorize` was not given"
    failure = Failure(
        reason=FailureReason.TOKEN,
        input="authorize",
        message=f"`{deployment.id}` was deployed by `{deployment.owner}`, this job is `{user}`, {what}: it may not "
        f"{doing}.",
        advice="Give its production token as `authorize`; its owner gets it by `operation: production-token`.",
    )
    raise WorkerError((failure,))


def run_of(handle: FlowHandle, deployment: Deployment, run_id: str) -> Run:
    """The run of a deployment that the input `run-id` names, by its id or its pathspec.

    Raises:
        WorkerError: it is another deployment's, or another flow's.
    """
    flow_name, _, identifier = run_id.rpartition("/")
    request = asked.HasRun(deployment=deployment, run_id=identifier)
    if flow_name in ("", deployment.flow_name) and handle.call(request, bool, Deadline(READ_LIMIT)):
        pathspec = f"{deployment.flow_name}/{identifier}"
        return Run(id=identifier, pathspec=pathspec, status=RunStatus.PENDING)
    latest = known_runs(handle, deployment, MOST_NAMED)
    names = ", ".join(f"`{run.id}`" for run in latest)
    failure = Failure(
        reason=FailureReason.INPUT,
        input="run-id",
        message=f"`{run_id}` is no run of `{deployment.id}` ({deployment.flow_name}).",
        advice=f"Its latest runs: {names}." if latest else "No run of it is known.",
    )
    raise WorkerError((failure,))


def latest_runs(handle: FlowHandle, deployment: Deployment, limit: int) -> tuple[Run, ...]:
    """The latest runs of a deployment, the newest first."""
    request = asked.LatestRuns(deployment=deployment, limit=limit)
    return handle.call(request, tuple[Run, ...], Deadline(READ_LIMIT))


def known_runs(handle: FlowHandle, deployment: Deployment, limit: int) -> tuple[Run, ...]:
    """As `latest_runs`; none where an extension's orchestrator cannot be asked for them."""
    try:
        return latest_runs(handle, deployment, limit)
    except WorkerCancelled:
        raise
    except WorkerError as error:
        if error.failures[0].reason is not FailureReason.INPUT:
            raise
        return ()


def observed(handle: FlowHandle, deployment: Deployment, run: Run, *, diagnose: bool = False) -> tuple[Run, str | None]:
    """A run as it is now, and why it could not be looked at; then it is as it was handed in."""
    request = protocol.Observe(deployment=deployment, run=run, diagnose=diagnose)
    try:
        return handle.call(request, Run, Deadline(READ_LIMIT)), None
    except WorkerCancelled:
        raise
    except WorkerError as error:
        return run, f"What Metaflow knows of the runs could not be read. {error.failures[0].message}"


def row_of(deployment: Deployment, *runs: Run) -> DeploymentRow:
    """A row of one deployment with some of its runs."""
    row = DeploymentRow(id=deployment.id, orchestrator=deployment.orchestrator, deployment=deployment, runs=runs)
    if not runs:
        return row
    return replace(row, last_run_at=runs[0].started_at, active=not runs[0].status.is_terminal)
