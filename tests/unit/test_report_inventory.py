"""What is told of deployments that were listed, looked at or changed without a flow file."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from report_samples import AT, CONTEXT

from deployer.outcome import (
    Deployment,
    DeploymentRow,
    Failure,
    FailureReason,
    Fate,
    Inventory,
    Outcome,
    Provenance,
    Run,
    RunStatus,
    Status,
    TaskFailure,
    from_json,
    to_json,
)
from deployer.report.annotations import to_annotations
from deployer.report.comment import comment_body
from deployer.report.headline import headline
from deployer.report.inventory import MOST_BYTES, console_table, fitting, flat_row
from deployer.report.outputs import outputs
from deployer.report.summary import summary

FAILURE = Failure(
    reason=FailureReason.PERMISSION,
    message="system:serviceaccount:flows:deployer lacks the verb `delete` on `cronworkflows`.",
    advice="Add it to the Role.",
)


def deployment(name: str = "recsys.prod.trainflow", **changes: Any) -> Deployment:
    made = Deployment(
        id=name,
        orchestrator="argo-workflows",
        flow_name="TrainFlow",
        namespace="ml",
        url=f"https://argo.example.com/workflow-templates/ml/{name}",
        schedule="0 6 * * *",
        timezone="Etc/UTC",
        metaflow_namespace="production:recsys-0-apnt",
        owner="octo-org.flows",
        project="recsys",
        project_branch="prod",
        tags=("nightly",),
        deployed_at=AT - timedelta(days=120),
        provenance=Provenance(repository="octo-org/flows", flow="flows/train.py", commit="b" * 40, pull_request=412),
    )
    return replace(made, **changes)


def run(number: int = 1, status: RunStatus = RunStatus.SUCCEEDED, **changes: Any) -> Run:
    identifier = f"argo-recsys.prod.trainflow-{number}aaaa"
    made = Run(
        id=identifier,
        pathspec=f"TrainFlow/{identifier}",
        status=status,
        url=f"https://metaflow.example.com/TrainFlow/{identifier}",
        started_at=AT - timedelta(days=number),
        finished_at=AT - timedelta(days=number) + timedelta(minutes=3) if status.is_terminal else None,
    )
    return replace(made, **changes)


def row(name: str = "recsys.prod.trainflow", fate: Fate = Fate.LISTED, why: str = "", **changes: Any) -> DeploymentRow:
    made = DeploymentRow(
        id=name, orchestrator="argo-workflows", deployment=deployment(name), fate=fate, why=why, last_run_at=AT
    )
    return replace(made, **changes)


def outcome(operation: str, *rows: DeploymentRow, failures: tuple[Failure, ...] = (), **changes: Any) -> Outcome:
    inventory = Inventory(rows=rows, orchestrator="argo-workflows", place="namespace ml", **changes)
    return Outcome(operation=operation, inventory=inventory, failures=failures, context=CONTEXT, finished_at=AT)


UNUSED = "It ran last 120 days ago, and was deployed 120 days ago."
CHOSEN = row("recsys.test.x.trainflow", Fate.WOULD_BE_DELETED, UNUSED)
KEPT = row("helloflow", Fate.KEPT, "It ran 3 days ago.")
DELETED = replace(CHOSEN, fate=Fate.DELETED)
FAILED = replace(row("scoreflow"), fate=Fate.FAILED, why=FAILURE.message, failure=FAILURE)
ALONE = DeploymentRow(
    id="old", orchestrator="argo-workflows", parts=("CronWorkflow old",), fate=Fate.WOULD_BE_DELETED, why="Gone."
)


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (outcome("list", row(), row("b")), "✅ 2 deployments on Argo Workflows (namespace ml)"),
        (outcome("list"), "✅ No deployment on Argo Workflows (namespace ml)"),
        (
            outcome("list", row(), filters="project recsys"),
            "✅ 1 deployment on Argo Workflows (namespace ml): project recsys",
        ),
        (outcome("status", row(runs=(run(),))), "✅ `recsys.prod.trainflow`: the run `argo-…-1aaaa` succeeded"),
        (outcome("status", row()), "✅ `recsys.prod.trainflow`: no run of it is known"),
        (
            outcome("status", row(runs=(run(status=RunStatus.RUNNING), run(2)), active=True)),
            "✅ `recsys.prod.trainflow`: the last run `argo-…-1aaaa` is running",
        ),
        (
            outcome("terminate", row(fate=Fate.TERMINATED, runs=(run(status=RunStatus.TERMINATED),))),
            "✅ The run `argo-…-1aaaa` of `recsys.prod.trainflow` was terminated",
        ),
        (
            outcome("suspend", row(fate=Fate.UNCHANGED, runs=(run(),))),
            "✅ The run `argo-…-1aaaa` of `recsys.prod.trainflow` was left as it is",
        ),
        (outcome("delete", row(fate=Fate.DELETED)), "✅ `recsys.prod.trainflow` was deleted"),
        (outcome("delete", row(fate=Fate.UNCHANGED)), "✅ `recsys.prod.trainflow` was gone already"),
        (outcome("delete", row(fate=Fate.KEPT)), "✅ `recsys.prod.trainflow` was left as it is"),
        (
            outcome("cleanup", CHOSEN, KEPT, dry_run=True),
            "✅ 1 deployment of 2 on Argo Workflows (namespace ml) would be deleted",
        ),
        (outcome("cleanup", DELETED, KEPT), "✅ Deleted 1 deployment on Argo Workflows (namespace ml)"),
        (outcome("cleanup", KEPT), "✅ Nothing was to be deleted on Argo Workflows (namespace ml)"),
        (
            outcome("cleanup", DELETED, FAILED, KEPT),
            "❌ 1 deployment deleted, 1 was not, on Argo Workflows (namespace ml)",
        ),
        (
            outcome("cleanup", CHOSEN, failures=(replace(FAILURE, reason=FailureReason.INPUT, input="include"),)),
            "❌ Nothing was deleted: 1 input needs correction",
        ),
        (
            outcome("production-token", row(), production_token="recsys-0-apnt"),
            "✅ The production token of `recsys.prod.trainflow` is in the output `production-token`",
        ),
    ],
)
def test_the_story_is_told_in_a_line(made: Outcome, told: str) -> None:
    assert headline(made) == told
    assert summary(made).startswith(f"## {told}\n")


def test_a_dry_run_says_what_would_go_and_why_and_whose_it_is() -> None:
    body = summary(outcome("cleanup", CHOSEN, ALONE, KEPT, dry_run=True, filters="not used for 90 days"))
    assert "Not used for 90 days. Nothing was deleted: `dry-run: false` deletes what is marked." in body
    assert (
        "| 🗑️ | [`recsys.test.x.trainflow`](https://argo.example.com/workflow-templates/ml/recsys.test.x.trainflow)"
        "<br>TrainFlow | 2026-11-23 08:37 UTC | 2026-07-26 08:37 UTC | `octo-org.flows` "
        f"| would be deleted<br>{UNUSED} |"
    ) in body
    assert "| 🗑️ | `old`<br>CronWorkflow alone | – | – | – | would be deleted<br>Gone. |" in body
    assert "| – | [`helloflow`]" in body


def test_each_row_says_what_became_of_it_and_the_worst_decides() -> None:
    made = outcome("cleanup", DELETED, FAILED, KEPT)
    assert made.status is Status.FAILURE
    assert outcome("cleanup", DELETED, KEPT).status is Status.SUCCESS
    cancelled = replace(FAILED, failure=replace(FAILURE, reason=FailureReason.CANCELLED))
    assert outcome("cleanup", DELETED, cancelled).status is Status.CANCELLED
    assert outcome("cleanup", cancelled, FAILED).status is Status.FAILURE
    assert "| ❌ |" in summary(made)
    (annotation,) = to_annotations(made)
    assert annotation.title == "scoreflow: permission"
    given = outputs(made, None)
    assert (given["status"], given["failure-reason"], given["deployment-id"]) == ("failure", "permission", "scoreflow")
    assert [one["fate"] for one in json.loads(given["deployments"])] == ["deleted", "failed", "kept"]


def test_status_tells_the_latest_runs_and_where_it_came_from() -> None:
    task = TaskFailure(step="train", exception="ValueError: NaN | `x`")
    body = summary(outcome("status", row(runs=(run(1, RunStatus.FAILED, failed_task=task), run(2)))))
    assert "| Run | | Started | Took | |" in body
    assert "failed | 2026-11-22 08:37 UTC | 3 min 00 s | failed in step `train`: <code>ValueError: NaN " in body
    assert "`flows/train.py` in `octo-org/flows` at `bbbbbbb`, pull request 412" in body
    assert 'namespace("production:recsys-0-apnt"); Flow("TrainFlow").latest_run' in body


def test_the_token_is_told_alone() -> None:
    made = outcome("production-token", row(), production_token="recsys-0-apnt")
    assert outputs(made, None)["production-token"] == "recsys-0-apnt"
    body = summary(made)
    assert "`recsys-0-apnt` lets another user change this deployment" in body
    assert "Last run" not in body, "it was not asked for"
    assert outputs(outcome("list", row()), None)["production-token"] == ""


def test_the_log_has_the_table_in_columns() -> None:
    lines = console_table(outcome("cleanup", CHOSEN, KEPT))
    assert lines[0].split("  ")[0] == "DEPLOYMENT"
    assert len({line.index("TrainFlow") for line in lines[1:]}) == 1
    assert lines[1].endswith(f"would be deleted: {UNUSED}")
    assert console_table(outcome("list")) == []
    hostile = row("a\n::error::b", deployment=deployment(owner="\x1b[31m::x"))
    assert all("\n" not in line and "\x1b" not in line for line in console_table(outcome("list", hostile)))


def test_foreign_text_stays_text() -> None:
    hostile = row(deployment=deployment(flow_name="<b>@octocat</b> | x", owner="`|`"), why="`a|b` [x](http://y)")
    body = summary(outcome("cleanup", replace(hostile, fate=Fate.KEPT)))
    assert "<b>" not in body
    assert "@octocat" not in body
    line = next(line for line in body.splitlines() if "octocat" in line)
    assert line.replace("\\|", "").count(" | ") == 5, "a cell ends no cell"


def test_long_lists_are_cut_and_it_is_said() -> None:
    rows = [row(f"flow{number:05}", Fate.KEPT, "It ran 3 days ago.") for number in range(5000)]
    made = outcome("cleanup", *rows)
    body = summary(made)
    assert len(body.encode()) < 1024 * 1024
    assert "3000 deployments more are in the output `deployments`." in body
    assert len(comment_body(made, summary_url=None)) < 65_536
    given = json.dumps(fitting(rows), ensure_ascii=False)
    assert len(given.encode()) < MOST_BYTES
    left = 5000 - len(fitting(rows))
    assert f"The output `deployments` lacks the last {left} of 5000" in str(to_annotations(made))
    assert set(fitting(rows[:10])[0]) == set(flat_row(rows[0])), "what fits has all keys"


def test_a_row_is_json_both_ways() -> None:
    made = row(runs=(run(),), failure=FAILURE, parts=("CronWorkflow x",))
    assert from_json(to_json(made), DeploymentRow) == made
