"""`operation: cleanup`: delete what nobody uses, or what the repository no longer has; say beforehand what would go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from deployer.checkout import checked_out_branch, checked_out_commit, flow_is_gone, why_partial
from deployer.deadline import Deadline
from deployer.durations import in_words as duration_in_words
from deployer.event import Event
from deployer.inputs import Inputs
from deployer.operations.choice import Criteria, all_named, at_first_sight, is_named, judge, takes_everything
from deployer.operations.handle import FlowHandle
from deployer.operations.manage import Managed, deleted, wanted
from deployer.operations.standing import list_all, look_up
from deployer.orchestrators.inventory import Activity, Listing
from deployer.outcome import Deployment, DeploymentRow, Failure, FailureReason, Fate, Inventory, internal_failure
from deployer.worker import inventory_protocol as asked
from deployer.worker.client import WorkerCancelled, WorkerError

DAY = 86400.0
ENDS_ALL = (FailureReason.CANCELLED, FailureReason.CREDENTIALS, FailureReason.ORCHESTRATOR_UNREACHABLE)
"""Failures after which no other deployment need be tried."""


def cleanup(handle: FlowHandle, event: Event) -> Managed:
    """Choose, and delete unless it is a dry run.

    Args:
        handle: a process opened without a flow file.
        event: what called the job; its repository, and its branch, are what `removed` compares with.

    Raises:
        WorkerError: it cannot be done at all; nothing was deleted.
    """
    inputs = handle.job.inputs
    if inputs.removed:
        check_checkout(Path(handle.job.workspace), event)
    listing = list_all(handle, wanted(inputs), runs=False, leftovers=not inputs.removed)
    _check_memory(listing, inputs)
    criteria = _criteria(handle, event.repository)
    named = [row for row in listing.rows if is_named(row.id, criteria)]
    rows = _judged(handle, named, criteria)
    inventory = Inventory(
        rows=tuple(sorted(rows, key=_order)),
        place=listing.place,
        filters=in_words(inputs),
        dry_run=inputs.dry_run,
        orchestrator=inputs.orchestrator,
    )
    refusal = _refusal(rows, listing, inputs)
    if refusal is not None and inputs.dry_run:
        warning = f"{refusal.message} Without `dry-run` nothing would be deleted. {refusal.advice}"
        return Managed(inventory=inventory, warnings=(*listing.warnings, warning))
    if refusal is not None:
        held = tuple(_held(row) for row in inventory.rows)
        return Managed(inventory=replace(inventory, rows=held), failures=(refusal,), warnings=listing.warnings)
    if not inputs.dry_run:
        inventory = replace(inventory, rows=_delete(handle, inventory.rows, criteria))
    return Managed(inventory=inventory, warnings=listing.warnings)


def in_words(inputs: Inputs) -> str:
    """What was asked for: `not used for 90 days, include test.*`."""
    parts = [
        "flow file gone" if inputs.removed else f"not used for {duration_in_words(inputs.older_than)}",
        str(wanted(inputs)),
    ]
    parts += [f"include {', '.join(inputs.include)}"] if inputs.include else []
    parts += [f"exclude {', '.join(inputs.exclude)}"] if inputs.exclude else []
    return ", ".join(filter(None, parts))


def _criteria(handle: FlowHandle, repository: str) -> Criteria:
    inputs, workspace = handle.job.inputs, Path(handle.job.workspace)
    assert handle.opened is not None
    return Criteria(
        now=datetime.now(UTC),
        older_than=inputs.older_than,
        include=inputs.include,
        exclude=inputs.exclude,
        removed=inputs.removed,
        repository=repository,
        is_gone=lambda flow: flow_is_gone(workspace, flow),
        user=handle.opened.settings.user,
        authorize=inputs.authorize,
    )


def _judged(handle: FlowHandle, named: Sequence[DeploymentRow], criteria: Criteria) -> list[DeploymentRow]:
    """Every row with its fate; only those that nothing has decided yet are asked about one by one."""
    sights = [(row, at_first_sight(row, criteria)) for row in named]
    open_ones: list[Deployment] = [row.deployment for row, sight in sights if sight is None and row.deployment]
    handle.job.console.info(f"{len(named)} deployments are looked at, {len(open_ones)} of them closely")
    used = _last_use(handle, open_ones, criteria) if open_ones else {}
    return [sight if sight is not None else judge(row, used[row.id], criteria) for row, sight in sights]


def _last_use(handle: FlowHandle, deployments: Sequence[Deployment], criteria: Criteria) -> dict[str, Activity]:
    """When each was used last. What ran since a date is not asked further; where the age does not matter, a run that is
    under way behind a newer one that has ended does."""
    since = datetime.now(UTC) if criteria.removed else criteria.since
    request = asked.LastUse(deployments=tuple(deployments), since=since)
    seen = handle.call(request, tuple[Activity, ...], Deadline(handle.job.inputs.deploy_timeout))
    return {one.deployment_id: one for one in seen}


def _delete(handle: FlowHandle, rows: Sequence[DeploymentRow], criteria: Criteria) -> tuple[DeploymentRow, ...]:
    """Delete what was chosen, one after another: what fails is told in its row, and the others go on."""
    done: list[DeploymentRow] = []
    ended: Failure | None = None
    for row in rows:
        if row.fate is not Fate.WOULD_BE_DELETED:
            done.append(row)
        elif ended is not None or handle.job.cancellation.cancelled:
            why = (
                "The job was cancelled before." if ended is None else "Another deletion failed in a way that ends all."
            )
            done.append(replace(row, fate=Fate.NOT_TRIED, why=why, failure=ended or _cancelled()))
        else:
            done.append(_delete_one(handle, row, criteria))
            failure = done[-1].failure
            ended = failure if failure is not None and failure.reason in ENDS_ALL else None
    return tuple(done)


def _delete_one(handle: FlowHandle, row: DeploymentRow, criteria: Criteria) -> DeploymentRow:
    try:
        if row.deployment is not None:
            if _was_changed(handle, row.deployment):
                return replace(row, fate=Fate.KEPT, why="It was deployed, or removed, while the others were looked at.")
            now = judge(row, _last_use(handle, [row.deployment], criteria)[row.id], criteria)
            if now.fate is Fate.KEPT:
                return now
        row = deleted(handle, row)
    except (WorkerError, WorkerCancelled) as error:
        failure = error.failures[0]
    except Exception as error:  # noqa: BLE001  # what was deleted before is reported, and the others go on
        failure = internal_failure(error)
    else:
        handle.job.console.info(f"{row.fate}: {row.id}")
        return row
    return replace(row, fate=Fate.FAILED, why=failure.message, failure=failure)


def _was_changed(handle: FlowHandle, before: Deployment) -> bool:
    """Whether somebody deployed it since it was listed: between choosing and deleting minutes may pass."""
    now = look_up(handle, before.id)
    if now is None:
        return True
    if now.deployed_at is not None and before.deployed_at is not None:
        return now.deployed_at > before.deployed_at
    return now.version != before.version


def _refusal(rows: Sequence[DeploymentRow], listing: Listing, inputs: Inputs) -> Failure | None:
    """Why so many may not go, whatever was asked for."""
    taken = sum(row.fate is Fate.WOULD_BE_DELETED for row in rows)
    if takes_everything(rows, listing.standing) and not all_named(rows, inputs.include):
        number = listing.standing
        all_of_them = f"All {number} deployments" if number > 1 else "The only deployment"
        return Failure(
            reason=FailureReason.INPUT,
            input="include",
            message=f"{all_of_them} in {listing.place} would be deleted.",
            advice="If that is meant, name them in `include`, each whole or by a pattern with three letters or digits "
            "in a row (`team.*`); else give a longer `older-than` or a filter.",
        )
    if taken > inputs.max_deletions:
        return Failure(
            reason=FailureReason.INPUT,
            input="max-deletions",
            message=f"{taken} deployments would be deleted, and `max-deletions` is {inputs.max_deletions}.",
            advice="Look at the table; if all of them may go, raise `max-deletions`, else narrow the filters.",
        )
    return None


def check_checkout(workspace: Path, event: Event) -> None:
    """Let a flow file be missing only in a whole checkout of the default branch: another branch may be older.

    Raises:
        WorkerError: it is another branch, a part of the repository, or another one.
    """
    why = why_partial(workspace, event.repository)
    advice = (
        "Check the whole repository out with actions/checkout before this step, without `sparse-checkout`, "
        "`repository` and `path`; a shallow checkout is fine."
    )
    if why is None:
        why = _why_other_branch(checked_out_branch(workspace), checked_out_commit(workspace), event)
        advice = "Run the job on the default branch, as a schedule does, or give actions/checkout that branch as `ref`."
    if why is not None:
        failure = Failure(
            reason=FailureReason.INPUT,
            input="removed",
            message=f"Which flow files are gone cannot be seen in this checkout: {why}.",
            advice=advice,
        )
        raise WorkerError((failure,))


def _why_other_branch(checked_out: str | None, commit: str | None, event: Event) -> str | None:
    """Why it is not the default branch as it is now: a tag or a commit that was checked out without its branch may be
    older, unless it is the one that the event is about."""
    if event.default_branch is None:
        return "the event does not tell the repository's default branch"
    if checked_out is None and event.pull_request is not None and not event.merged:
        return "it is of a pull request that is not merged"
    branch = checked_out or event.branch
    if branch == event.default_branch:
        if checked_out is None and commit not in event.own_commits:
            return f"it is of the commit `{(commit or '')[:7]}`, and the event is about another"
        return None
    here = f"the branch `{branch}`" if branch is not None else f"`{event.ref}`"
    return f"it is of {here}, and the default branch is `{event.default_branch}`"


def _check_memory(listing: Listing, inputs: Inputs) -> None:
    """Nothing older than what the orchestrator remembers can be told from what never ran."""
    if inputs.removed or listing.remembered is None or inputs.older_than <= listing.remembered:
        return
    days = duration_in_words(listing.remembered)
    failure = Failure(
        reason=FailureReason.INPUT,
        input="older-than",
        message=f"{inputs.orchestrator} remembers runs for {days}, and `older-than` is "
        f"{duration_in_words(inputs.older_than)}: "
        "which deployment ran between the two cannot be known.",
        advice=f"Write `{listing.remembered / DAY:.0f}d` or less.",
    )
    raise WorkerError((failure,))


def _held(row: DeploymentRow) -> DeploymentRow:
    return replace(row, fate=Fate.NOT_TRIED) if row.fate is Fate.WOULD_BE_DELETED else row


def _order(row: DeploymentRow) -> tuple[bool, str]:
    """What goes stands before what stays."""
    return (row.fate is not Fate.WOULD_BE_DELETED, row.id)


def _cancelled() -> Failure:
    return Failure(
        reason=FailureReason.CANCELLED,
        message="The job was cancelled before everything was deleted.",
        advice="Run it again: what is deleted stays so, and the rest is looked at anew.",
    )
