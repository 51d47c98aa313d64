"""Deployments that were listed, looked at or changed without a flow file: cells, the story in a line, a table for the
log, objects for the outputs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from deployer.outcome import Deployment, DeploymentRow, Fate, Inventory, Outcome, Run
from deployer.report.flat import flat_deployment, flat_run
from deployer.report.markdown import Markdown, code, link, one_line, plain, prose
from deployer.report.words import count, duration, how_it_ended, moment, orchestrator, schedule, shortened, zone

NOTHING = Markdown("–")
FATE_SYMBOLS = {
    Fate.LISTED: "",
    Fate.KEPT: "–",
    Fate.WOULD_BE_DELETED: "🗑️",
    Fate.DELETED: "✅",
    Fate.TERMINATED: "✅",
    Fate.SUSPENDED: "✅",
    Fate.UNSUSPENDED: "✅",
    Fate.UNCHANGED: "–",
    Fate.FAILED: "❌",
    Fate.NOT_TRIED: "⏭️",
}
WIDEST = 60
"""Characters of a column in the log."""
MOST_BYTES = 1_000_000
"""Bytes of an output; GitHub takes a megabyte (Workflow syntax: outputs)."""


def inventory_story(outcome: Outcome) -> str:
    """What the heading tells, without its symbol."""
    inventory = outcome.inventory
    assert inventory is not None
    if outcome.operation == "list":
        return f"{_number(inventory.rows)} on {_where(inventory)}{_filtered(inventory)}"
    if outcome.operation == "cleanup":
        return _cleanup_story(inventory)
    row = inventory.rows[0]
    name = code(row.id)
    if outcome.operation == "status":
        return f"{name}: {_status_story(row)}"
    if outcome.operation == "production-token":
        return f"The production token of {name} is in the output {code('production-token')}"
    if outcome.operation == "delete":
        told = {Fate.DELETED: "was deleted", Fate.KEPT: "was left as it is"}
        return f"{name} {told.get(row.fate, 'was gone already')}"
    run = f"The run {code(shortened(row.runs[0].id))} of {name}" if row.runs else name
    return f"{run} was {row.fate}" if row.fate is not Fate.UNCHANGED else f"{run} was left as it is"


def inventory_rows(outcome: Outcome) -> list[list[Markdown]]:
    """The cells of the table, one list a deployment."""
    assert outcome.inventory is not None
    if outcome.operation == "production-token":  # what else is known of it was not asked for
        return []
    cleaning = outcome.operation == "cleanup"
    return [_cells(row, cleaning=cleaning) for row in outcome.inventory.rows]


def inventory_heads(outcome: Outcome) -> list[str]:
    """The heads of its columns."""
    if outcome.operation == "cleanup":
        return ["", "Deployment", "Last run", "Deployed", "Owner", "What becomes of it"]
    return ["Deployment", "Last run", "Next run", "Deployed", "Owner"]


def inventory_details(row: DeploymentRow) -> list[tuple[str, Markdown]]:
    """What else is told of a single deployment, by its name."""
    found: list[tuple[str, Markdown]] = []
    deployment = row.deployment
    if row.parts:
        found.append(("Changed", Markdown("<br>".join(plain(part) for part in row.parts))))
    if row.why:
        found.append(("Why", prose(row.why)))
    if deployment is None:
        return found
    if deployment.project:
        branch = f", branch {code(deployment.project_branch)}" if deployment.project_branch else ""
        found.append(("Project", Markdown(f"{code(deployment.project)}{branch}")))
    if deployment.provenance is not None:
        came = deployment.provenance
        pull = f", pull request {came.pull_request}" if came.pull_request else ""
        found.append(
            ("From", Markdown(f"{code(came.flow)} in {code(came.repository)} at {code(came.commit[:7])}{pull}"))
        )
    if deployment.tags:
        found.append(("Tags", Markdown(" · ".join(code(tag) for tag in deployment.tags))))
    if deployment.arn:
        found.append(("ARN", code(deployment.arn)))
    if deployment.metaflow_namespace:
        reads = f'namespace("{deployment.metaflow_namespace}"); Flow("{deployment.flow_name}").latest_run'
        found.append(("In a notebook", code(reads)))
    return found


def run_rows(row: DeploymentRow) -> list[list[Markdown]]:
    """The latest runs: id, state, start, how long, what is to be said."""
    return [
        [
            link(code(run.id), run.url),
            plain(run.status),
            plain(moment(run.started_at)) if run.started_at is not None else NOTHING,
            plain(duration(run.duration)) if run.duration is not None and run.status.is_terminal else NOTHING,
            _run_note(run),
        ]
        for run in row.runs
    ]


def console_table(outcome: Outcome) -> list[str]:
    """The table as lines of the log, in columns."""
    inventory = outcome.inventory
    if inventory is None or not inventory.rows:
        return []
    became = "" if outcome.operation == "list" else "BECAME OF IT"
    heads = ["DEPLOYMENT", "FLOW", "LAST RUN", "DEPLOYED", "OWNER", became]
    lines = [heads, *(_plain_cells(row) for row in inventory.rows)]
    widths = [min(WIDEST, max(len(line[column]) for line in lines)) for column in range(len(heads) - 1)]
    return [
        "  ".join([cell.ljust(width) for cell, width in zip(line[:-1], widths, strict=True)] + line[-1:]).rstrip()
        for line in lines
    ]


def fitting(rows: Sequence[DeploymentRow]) -> list[dict[str, Any]]:
    """The objects of as many rows as an output can hold, from the first on.

    All have the same keys, but in a list that does not fit otherwise: there what is null, false or empty is left out.
    """
    whole = [flat_row(row) for row in rows]
    if sum(map(_bytes, whole)) <= MOST_BYTES:
        return whole
    found: list[dict[str, Any]] = []
    room = MOST_BYTES
    for one in whole:
        short = {key: value for key, value in one.items() if value}
        room -= _bytes(short)
        if room < 0:
            break
        found.append(short)
    return found


def flat_row(row: DeploymentRow) -> dict[str, Any]:
    """A deployment's object in the output `deployments`; the keys that a flow's object has too mean the same."""
    deployment, failure = row.deployment, row.failure
    run = row.runs[0] if row.runs else None
    came = deployment.provenance if deployment is not None else None
    return {
        "deployment_id": row.id,
        "orchestrator": row.orchestrator,
        "fate": str(row.fate),
        "why": row.why or None,
        "changes": list(row.parts),
        "failure_reason": str(failure.reason) if failure else None,
        "failure_message": failure.message if failure else None,
        "flow_name": deployment.flow_name if deployment else None,
        **flat_deployment(deployment),
        "tags": list(deployment.tags) if deployment else [],
        "deployed_at": deployment.deployed_at.isoformat() if deployment and deployment.deployed_at else None,
        "last_run_at": row.last_run_at.isoformat() if row.last_run_at else None,
        "active": row.active,
        **flat_run(run),
        "runs": [{"run_id": one.id, "run_status": str(one.status), "run_url": one.url} for one in row.runs],
        "repository": came.repository if came else None,
        "flow": came.flow if came else None,
        "commit": came.commit if came else None,
        "pull_request": came.pull_request if came else None,
    }


def inventory_note(outcome: Outcome) -> Markdown:
    """What is to be known of the table below it."""
    inventory = outcome.inventory
    assert inventory is not None
    if outcome.operation == "cleanup":
        end = prose("Nothing was deleted: `dry-run: false` deletes what is marked.") if inventory.dry_run else ""
        return Markdown(f"{plain(_sentence(inventory.filters))} {end}".strip())
    if outcome.operation == "production-token" and inventory.production_token is not None:
        return Markdown(f"{code(inventory.production_token)} lets another user change this deployment, as `authorize`.")
    return Markdown("")


def _bytes(made: dict[str, Any]) -> int:
    return len(json.dumps(made, ensure_ascii=False).encode()) + len(", ")


def _cells(row: DeploymentRow, *, cleaning: bool) -> list[Markdown]:
    deployment = row.deployment
    name = link(code(row.id), deployment.url if deployment is not None else None)
    what = f"{name}<br>{plain(deployment.flow_name)}" if deployment is not None else f"{name}<br>{_alone(row)}"
    owner = code(deployment.owner) if deployment is not None and deployment.owner else NOTHING
    deployed = plain(moment(deployment.deployed_at)) if deployment and deployment.deployed_at else NOTHING
    if cleaning:
        symbol = Markdown(FATE_SYMBOLS[row.fate])
        return [symbol, Markdown(what), _last_run(row), deployed, owner, Markdown(f"{row.fate}<br>{prose(row.why)}")]
    return [Markdown(what), _last_run(row), _next(deployment), deployed, owner]


def _last_run(row: DeploymentRow) -> Markdown:
    if not row.runs:
        return plain(moment(row.last_run_at)) if row.last_run_at is not None else NOTHING
    run = row.runs[0]
    at = f"<br>{plain(moment(run.started_at))}" if run.started_at is not None else ""
    return Markdown(f"{link(code(shortened(run.id)), run.url)} {run.status}{at}")


def _next(deployment: Deployment | None) -> Markdown:
    if deployment is None:
        return NOTHING
    parts = [prose(trigger) for trigger in deployment.triggers]
    if deployment.schedule:
        words = schedule(deployment.schedule, deployment.timezone)
        spelled = Markdown(f"{code(deployment.schedule)} {plain(zone(deployment.timezone))}")
        parts.insert(0, plain(words) if words is not None else spelled)
    return Markdown("; ".join(parts) or "when triggered by hand")


def _run_note(run: Run) -> Markdown:
    if run.failed_task is not None:
        said = f": {code(run.failed_task.exception)}" if run.failed_task.exception else ""
        return Markdown(f"failed in step {code(run.failed_task.step)}{said}")
    return plain(run.note) if run.note else NOTHING


def _plain_cells(row: DeploymentRow) -> list[str]:
    deployment = row.deployment
    run = row.runs[0] if row.runs else None
    last = moment(row.last_run_at) if row.last_run_at is not None else "-"
    became = "" if row.fate is Fate.LISTED else f"{row.fate}: {row.why}" if row.why else str(row.fate)
    cells = [
        row.id,
        deployment.flow_name if deployment is not None else _alone(row),
        f"{last} ({run.status})" if run is not None else last,
        moment(deployment.deployed_at) if deployment is not None and deployment.deployed_at is not None else "-",
        (deployment.owner or "-") if deployment is not None else "-",
        became,
    ]
    return [one_line(cell) for cell in cells]


def _alone(row: DeploymentRow) -> str:
    """`CronWorkflow alone`."""
    return f"{row.parts[0].split(' ')[0]} alone" if row.parts else "alone"


def _cleanup_story(inventory: Inventory) -> str:
    fates = Counter(row.fate for row in inventory.rows)
    place = _where(inventory)
    if fates[Fate.FAILED] or fates[Fate.NOT_TRIED]:
        left = fates[Fate.FAILED] + fates[Fate.NOT_TRIED]
        return f"{_number_of(fates[Fate.DELETED])} deleted, {left} {'was' if left == 1 else 'were'} not, on {place}"
    if inventory.dry_run:
        chosen = fates[Fate.WOULD_BE_DELETED]
        return f"{_number_of(chosen)} of {len(inventory.rows)} on {place} would be deleted"
    if not fates[Fate.DELETED]:
        return f"Nothing was to be deleted on {place}"
    return f"Deleted {_number_of(fates[Fate.DELETED])} on {place}"


def _status_story(row: DeploymentRow) -> str:
    if not row.runs:
        return "no run of it is known"
    run = row.runs[0]
    which = f"{'the run' if len(row.runs) == 1 else 'the last run'} {code(shortened(run.id))}"
    if row.active:
        return f"{which} is {run.status}"
    return f"{which} {how_it_ended(run.status)}"


def _number(rows: Sequence[DeploymentRow]) -> str:
    return _number_of(len(rows)) if rows else "No deployment"


def _number_of(number: int) -> str:
    return count(number, "deployment")


def _where(inventory: Inventory) -> str:
    return f"{plain(orchestrator(inventory.orchestrator))} ({plain(inventory.place)})"


def _filtered(inventory: Inventory) -> str:
    return f": {plain(inventory.filters)}" if inventory.filters else ""


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}." if text else ""


ALL = (inventory_rows, inventory_heads, inventory_details, inventory_note, run_rows)
