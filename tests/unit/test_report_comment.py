"""The comment and the summary: what people read."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from report_samples import (
    BEFORE,
    CONTEXT,
    FAILED,
    FAILED_RUN,
    FAILED_TASK,
    IMAGE_WARNING,
    REPLACED,
    RUN_FAILED,
    RUNTIME,
    SAMPLES,
    SCORED,
    flow,
    outcome,
    run,
    step_functions,
    wrong,
)

from deployer.outcome import Failure, FailureReason, FlowDescription, Outcome, RunStatus, Standing, Status, Step
from deployer.report.cells import rows
from deployer.report.comment import comment_body
from deployer.report.mermaid import RESERVED, flowchart
from deployer.report.summary import summary


def comment(result: Outcome) -> str:
    return comment_body(result, summary_url=CONTEXT.run_url)


def heading(result: Outcome) -> str:
    return comment(result).splitlines()[0]


def table(text: str) -> list[list[str]]:
    """The cells of the first table's rows."""
    lines = text.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("|:-:|")) + 1
    rows = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return rows


CANCELLED = Failure(reason=FailureReason.CANCELLED, message="The job was cancelled.", advice="Run it again.")


@pytest.mark.parametrize(
    ("result", "told"),
    [
        (SAMPLES["one-deployed"], "✅ Deployed `TrainFlow` to production on Argo Workflows"),
        (
            outcome(flow(), context=replace(CONTEXT, environment=None)),
            "✅ Deployed `TrainFlow` to Argo Workflows",
        ),
        (SAMPLES["one"], "✅ Deployed `TrainFlow` to production on AWS Step Functions; its run succeeded"),
        (outcome(flow(run=run(RunStatus.RUNNING))), "Argo Workflows; its run has started"),
        (outcome(flow(run=run(RunStatus.PENDING))), "Argo Workflows; its run was triggered"),
        (outcome(flow(), SCORED), "✅ Deployed 2 flows to production on Argo Workflows"),
        (SAMPLES["deployed"], "✅ Deployed 2 flows to production on Argo Workflows; the run of `TrainFlow` succeeded"),
        (outcome(flow(run=run()), flow("B", run=run(name="B"))), "; both runs succeeded"),
        (
            outcome(flow(run=run()), flow("B", run=run(RunStatus.RUNNING, name="B"))),
            "; 2 runs: 1 succeeded and 1 running",
        ),
        (
            SAMPLES["failed"],
            "❌ `TrainFlow` was deployed, but its run failed in step `train`; the other flow succeeded",
        ),
        (SAMPLES["many"], "❌ `TrainFlow` was deployed, but its run failed in step `train`; 39 of 40 succeeded"),
        (SAMPLES["syntax"], "❌ `flows/train.py` was not deployed: not a valid flow; 1 skipped"),
        (SAMPLES["half"], "❌ `TrainFlow` is half deployed"),
        (
            outcome(flow(status=Status.FAILURE, failure=wrong("x"), standing=Standing.UNKNOWN)),
            "❌ `TrainFlow` may have been deployed",
        ),
        (SAMPLES["timeout"], "❌ `TrainFlow` was deployed, but its run did not end in time and was left running"),
        (SAMPLES["refused"], "❌ None of 4 flows was deployed: a permission is missing"),
        (
            outcome(FAILED, flow("B", status=Status.FAILURE, failure=wrong("x")), SCORED),
            "❌ 2 of 3 flows failed: 1 was not deployed, 1 run did not succeed; 1 of 3 succeeded",
        ),
        (SAMPLES["trigger"], "✅ Triggered `TrainFlow` in production on Argo Workflows; its run has started"),
        (
            outcome(flow(operation="trigger", status=Status.FAILURE, failure=wrong("x")), operation="trigger"),
            "❌ `TrainFlow` could not be triggered",
        ),
        (
            outcome(flow(status=Status.FAILURE, failure=replace(RUN_FAILED, reason=FailureReason.TRIGGER))),
            "❌ `TrainFlow` was deployed, but could not be triggered",
        ),
        (SAMPLES["skipped"], "⏭️ Nothing was deployed: the pull request was closed without being merged"),
        (SAMPLES["inputs"], "❌ Nothing was deployed: the inputs hold 4 mistakes"),
        (
            outcome(failures=(wrong("x", "flow"), wrong("y", "wait"))),
            "❌ Nothing was deployed: 2 inputs need correction",
        ),
        (outcome(failures=(CANCELLED,)), "⏹️ The job was cancelled before anything was deployed"),
        (SAMPLES["cancelled"], "⏹️ The job was cancelled after 1 of 2 flows"),
        (
            outcome(flow(status=Status.CANCELLED, run=run(RunStatus.RUNNING), failure=CANCELLED)),
            "⏹️ `TrainFlow` was deployed; the job was cancelled while it waited for the run",
        ),
    ],
)
def test_the_heading_alone_tells_the_story(result: Outcome, told: str) -> None:
    assert heading(result).startswith("### ")
    assert told in heading(result)
    assert heading(result).removeprefix("### ") == summary(result).splitlines()[0].removeprefix("## ")


def test_a_row_says_what_stands_where_how_its_run_went_and_what_starts_the_next() -> None:
    ((state, name, deployment, ran, following),) = table(comment(SAMPLES["one"]))
    assert state == "✅"
    assert name == f"[`TrainFlow`](https://github.com/octo-org/flows/blob/{CONTEXT.commit}/flows/train.py)"
    assert deployment.startswith("[`recsys_prod_TrainFlow`](https://eu-central-1.console.aws.amazon.com/")
    assert deployment.endswith(
        f"<br>AWS Step Functions · [`3f2a91c`](https://github.com/octo-org/flows/commit/{CONTEXT.commit})"
    )
    assert ran == (
        "[`argo-…-x7k2p`](https://metaflow.example.com/TrainFlow/argo-recsys.prod.trainflow-x7k2p)"
        "<br>succeeded in 3 min 12 s"
    )
    assert following == "every day at 06:00 UTC"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"schedule": None, "triggers": ()}, "when triggered by hand"),
        ({"schedule": None, "triggers": ("when `TrainFlow` finishes",)}, "when `TrainFlow` finishes"),
        ({"schedule": "5 4 1 1 *"}, "`5 4 1 1 *` UTC"),
        ({"schedule": "30 22 * * *", "timezone": "Europe/Berlin"}, "every day at 22:30 Europe/Berlin"),
        ({"triggers": ("on event data_arrived",)}, "every day at 06:00 UTC; on event data\\_arrived"),
    ],
)
def test_what_starts_the_next_run_is_said_in_words(changes: dict[str, Any], told: str) -> None:
    deployment = replace(flow().deployment, **changes)  # type: ignore[type-var]
    assert table(comment(outcome(flow(deployment=deployment))))[0][4] == told


def test_links_that_are_not_known_are_left_out() -> None:
    deployment = replace(flow().deployment, url=None)  # type: ignore[type-var]
    ((_, _, where, ran, _),) = table(comment(outcome(flow(deployment=deployment, run=run(url=None)))))
    assert where.startswith("`recsys.prod.trainflow`<br>")
    assert ran.startswith("`argo-…-x7k2p`<br>")


@pytest.mark.parametrize(
    ("status", "note", "told"),
    [
        (RunStatus.RUNNING, None, "<br>running"),
        (RunStatus.PENDING, None, "<br>pending"),
        (RunStatus.RUNNING, "left running after 60m", "<br>left running after 60m"),
        (RunStatus.TERMINATED, "terminated after 60m", "<br>terminated after 3 min 12 s"),
        (RunStatus.SUCCEEDED, "over by itself just before", "<br>succeeded in 3 min 12 s, over by itself just before"),
    ],
)
def test_the_state_of_a_run_is_told_once(status: RunStatus, note: str | None, told: str) -> None:
    ran = table(comment(outcome(flow(run=run(status, note=note)))))[0][3]
    assert ran.endswith(told)


def test_a_failed_run_shows_its_line_its_cause_and_what_to_do() -> None:
    text = comment(outcome(FAILED))
    assert (
        "**`ValueError: Input X contains NaN.`** · [flows/train.py line 42](https://github.com/octo-org/flows" in text
    )
    assert f"/blob/{CONTEXT.commit}/flows/train.py#L42) · task `train/3`" in text
    excerpt = text.split("```text\n")[1].split("\n```")[0].splitlines()
    assert excerpt[0] == '  File "flows/train.py", line 42, in train', "the user's own line comes first"
    assert excerpt[-1] == "ValueError: Input X contains NaN."
    assert 'train[["train 3/4"]]:::failed' in text
    assert "<summary>Log of <code>train/3</code>, last 10 lines</summary>" in text
    assert "**What to do:** Correct the flow and merge again. What was deployed stays deployed meanwhile.<br>" in text
    assert "`failure-reason: run-failed`" in text


def test_the_long_id_of_a_task_is_shortened_in_the_text() -> None:
    task = replace(FAILED_TASK, task_id="050396de-ef44-4439-9e5b-8e6144f79dd2")
    text = comment(outcome(replace(FAILED, run=replace(FAILED_RUN, failed_task=task))))
    assert "· task `train/050396de…`" in text
    assert "<summary>Log of <code>train/050396de-ef44-4439-9e5b-8e6144f79dd2</code>" in text


def test_an_excerpt_keeps_both_ends_of_a_long_traceback() -> None:
    evidence = "\n".join(["noise"] * 50 + ['  File "x/train.py", line 42, in f'] + ["deep"] * 50 + ["ValueError: x"])
    text = comment(outcome(replace(FAILED, failure=replace(RUN_FAILED, evidence=evidence))))
    excerpt = text.split("```text\n")[1].split("\n```")[0].splitlines()
    assert len(excerpt) == 17
    assert (excerpt[0], excerpt[-1]) == ('  File "flows/train.py", line 42, in f', "ValueError: x")
    assert "…" in excerpt


def test_what_needs_attention_stands_first() -> None:
    text = comment(outcome(SCORED, FAILED))
    assert [row[0] for row in table(text)] == ["❌", "✅"]
    assert text.index("What to do") < text.index("<b><code>ScoreFlow</code></b>")


def test_a_failure_that_many_flows_share_is_told_once() -> None:
    text = comment(SAMPLES["refused"])
    assert text.count("What to do") == 1
    assert "`TrainFlow`, `ScoreFlow`, `EvalFlow` and `FeatureFlow`: **The service account may not `patch`" in text


def test_what_a_failed_deployment_left_standing_is_told() -> None:
    text = comment(SAMPLES["refused"])
    assert "**Still deployed, as before:** [`recsys.prod.trainflow`]" in text
    assert f"of [`b81d0e4`](https://github.com/octo-org/flows/commit/{BEFORE})" in text
    assert "[`3f2a91c`]" not in "".join(cell for row in table(text) for cell in row), "this commit is not what stands"
    assert "Still deployed" not in comment(outcome(FAILED)), "after a failed run the new one stands"


def test_a_half_deployed_flow_says_what_stands() -> None:
    text = comment(SAMPLES["half"])
    assert "`recsys.prod.trainflow` was written before the failure and stands at the orchestrator now" in text
    assert "`failure-reason: half-deployed`" in text


def test_all_mistakes_in_the_inputs_are_a_list() -> None:
    text = comment(SAMPLES["inputs"])
    told = [line for line in text.splitlines() if line.startswith("- **")]
    assert len(told) == 4
    assert told[1] == "- **`wait-timeout` is `60`, a number without a unit.**<br>Write `60s` or `60m`."
    assert text.count("`failure-reason: input`") == 1


def test_a_flow_that_was_skipped_says_why() -> None:
    row = table(comment(SAMPLES["syntax"]))[1]
    assert (row[0], row[4]) == ("⏭️", "Skipped, since flows/train.py cannot be deployed and `fail-fast` is true")


def test_a_warning_of_many_flows_is_told_once() -> None:
    text = comment(SAMPLES["many"])
    assert text.count("No task image is configured") == 1
    assert "⚠️ `Segment01Flow`, `Segment02Flow`, `Segment03Flow` and 31 more: No task image" in text


def details(result: Outcome) -> dict[str, str]:
    found = re.findall(r"^\| ([A-Z][\w &;]+) \| (.*) \|$", comment(result), re.MULTILINE)
    return {name.replace("&nbsp;", " "): value for name, value in found}


def test_the_details_tell_what_made_the_deployment_and_how_to_read_its_runs() -> None:
    found = details(SAMPLES["one"])
    assert found["Parameters"] == "`alpha=0.5` · `epochs=20`"
    assert found["Project"] == "`recsys`, branch `prod` · `--production`"
    assert found["Schedule"] == "`0 6 * * ? *` UTC"
    assert found["ARN"] == "`arn:aws:states:eu-central-1:123456789012:stateMachine:recsys_prod_TrainFlow`"
    assert found["Deployed as"].startswith("`github-octo-org-flows`")
    assert found["Deployed with"] == "Python 3.12.8, Metaflow 2.19.39"
    assert found["Tasks run on"] == "`python:3.12` where a step names no image"
    assert found["In a notebook"] == (
        '`namespace("production:recsys-0-apnt"); Run("TrainFlow/argo-recsys.prod.trainflow-x7k2p")`'
    )


def test_a_flow_that_was_skipped_is_not_said_to_be_deployed() -> None:
    (made,) = SAMPLES["one"].flows
    skipped = replace(made, status=Status.SKIPPED, deployment=None, run=None, replaced=None)
    names = dict(rows(skipped, SAMPLES["one"]))
    assert "Tried with" in names
    assert "Deployed with" not in names


@pytest.mark.parametrize(("branch", "where"), [("test.pr_8", "`test.pr_8`"), ("prod", "production")])
def test_the_heading_names_a_branch_beside_production(branch: str, where: str) -> None:
    (made,) = SAMPLES["one"].flows
    assert made.deployment is not None
    deployed = replace(made, deployment=replace(made.deployment, project_branch=branch))
    assert f"Deployed `TrainFlow` to {where} on AWS Step Functions" in heading(
        replace(SAMPLES["one"], flows=(deployed,))
    )


def test_the_details_tell_the_image_and_what_was_replaced() -> None:
    found = details(outcome(flow(replaced=REPLACED)))
    assert found["Tasks run on"] == f"`{RUNTIME.task_image}`"
    assert found["Replaced"] == f"[`b81d0e4`](https://github.com/octo-org/flows/commit/{BEFORE}) of pull request 398"
    assert found["In a notebook"].endswith('Flow("TrainFlow").latest_run`')


def test_production_that_nobody_asked_for_is_explained() -> None:
    assert "since the code is of a deploy branch" in details(outcome(flow(production_by_default=True)))["Project"]
    assert "default branch" not in details(outcome(flow()))["Project"]


def test_where_it_stands_is_told() -> None:
    assert "· Argo Workflows · namespace <code>ml</code></summary>" in comment(outcome(flow()))
    assert "4 steps, 7 tasks · AWS Step Functions · eu-central-1</summary>" in comment(SAMPLES["one"])


def test_the_footer_tells_commit_author_job_and_time() -> None:
    last = comment(SAMPLES["deployed"]).splitlines()[-1]
    assert last == (
        f"<sub>[`3f2a91c`](https://github.com/octo-org/flows/commit/{CONTEXT.commit}) by `octocat` · 2 flows in "
        "3 min 16 s · [job](https://github.com/octo-org/flows/actions/runs/19612345678/attempts/1) · "
        "updated 2026-11-23 08:41 UTC</sub>"
    )


def test_of_many_flows_those_that_are_well_are_folded() -> None:
    text = comment(SAMPLES["many"])
    assert [row[0] for row in table(text)] == ["❌"]
    folded = text.split("<summary>39 flows are well</summary>")[1].split("</details>")[0]
    assert folded.count("| ✅ |") == 39
    assert text.count("```mermaid") == 1, "a chart explains a failure; forty would be a wall"


@pytest.mark.parametrize("name", SAMPLES)
def test_every_outcome_can_be_told_without_a_mention(name: str) -> None:
    for text in (comment(SAMPLES[name]), summary(SAMPLES[name])):
        assert "@" not in text
        assert "None" not in re.sub(r"None of \d", "", text)
        assert text.count("<details>") == text.count("</details>")


def test_nothing_is_needed_but_the_flow_and_its_state() -> None:
    bare = replace(
        flow(), deployment=None, description=None, runtime=None, production=None, seconds=None, status=Status.PENDING
    )
    text = comment(Outcome(operation="deploy", flows=(bare,)))
    assert "`flows/train.py`" in text
    assert summary(Outcome(operation="deploy")).startswith("## ⏭️ There was nothing to do")


def test_the_summary_tells_the_parameters_of_a_flow_and_all_of_the_log() -> None:
    text = summary(outcome(FAILED))
    assert "| `label` | str, required |  | How the run is called. |" in text
    assert "| `alpha` | float | `0.5` | Regularisation. |" in text
    assert "loading 1,204,311 rows" in text


def test_a_chart_counts_the_tasks_of_a_foreach() -> None:
    done = flowchart(SAMPLES["one"].flows[0].description, run())  # type: ignore[arg-type]
    assert 'train[["train ×4"]]:::done' in done
    failed = flowchart(SAMPLES["one"].flows[0].description, FAILED_RUN)  # type: ignore[arg-type]
    assert re.findall(r":::(\w+)", failed) == ["done", "failed", "todo", "todo"]
    assert ":::" not in flowchart(SAMPLES["one"].flows[0].description)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", [*sorted(RESERVED), "größe", "step0_", "end_"])
def test_no_step_has_a_name_that_mermaid_keeps(name: str) -> None:
    steps = (Step(name=name, type="start", next=("end",)), Step(name="end", type="end"))
    chart = flowchart(FlowDescription(name="F", steps=steps if name != "end" else steps[1:]))
    nodes = re.findall(r"^    (\w+)[\[({]", chart, re.MULTILINE)
    assert len(nodes) == len(set(nodes))
    assert not set(nodes) & RESERVED
    assert all(node.isascii() for node in nodes)
    assert f'"{name}"' in chart


def test_a_flow_of_hundreds_of_steps_has_no_chart() -> None:
    steps = tuple(Step(name=f"s{number}", type="linear") for number in range(300))
    assert "mermaid" not in comment(outcome(flow(description=FlowDescription(name="F", steps=steps))))


def test_a_warning_of_the_job_is_told_without_a_name() -> None:
    text = comment(outcome(flow(), warnings=("`wait` is ignored.",)))
    assert "⚠️ `wait` is ignored." in text
    assert f"⚠️ {IMAGE_WARNING[:20]}" in comment(outcome(step_functions(warnings=(IMAGE_WARNING,))))
