"""The report: what people read, and that nobody's text becomes markup."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
import yaml
from markdown_it import MarkdownIt

from deployer.outcome import (
    Deployment,
    Failure,
    FailureReason,
    FlowDescription,
    FlowOutcome,
    JobContext,
    Outcome,
    Run,
    RunStatus,
    Runtime,
    Status,
    Step,
    TaskFailure,
    from_json,
    to_json,
)
from deployer.report.advice import ADVICE, advice_table
from deployer.report.annotations import to_annotations
from deployer.report.comment import COMMENT_LIMIT, HEADER_ROOM, comment_body, length
from deployer.report.mermaid import flowchart
from deployer.report.outputs import outputs
from deployer.report.summary import summary
from deployer.report.words import duration, schedule, shortened
from sandbox.runner import ROOT

CONTEXT = JobContext(
    repository="octo-org/flows",
    server_url="https://github.com",
    commit="3f2a91c" + "0" * 33,
    actor="octocat",
    workflow="Deploy",
    job="deploy",
    run_id="42",
    branch="main",
)
STEPS = (
    Step(name="start", type="foreach", next=("train",)),
    Step(name="train", type="linear", next=("join",)),
    Step(name="join", type="join", next=("end",)),
    Step(name="end", type="end"),
)


def flow(name: str = "TrainFlow", **changes: object) -> FlowOutcome:
    well = FlowOutcome(
        flow=f"flows/{name.lower()}.py",
        operation="deploy",
        orchestrator="argo-workflows",
        status=Status.SUCCESS,
        description=FlowDescription(name=name, steps=STEPS),
        runtime=Runtime(python="3.13.1", metaflow="2.19.39", task_image="python:3.13"),
        deployment=Deployment(
            id=f"recsys.prod.{name.lower()}",
            orchestrator="argo-workflows",
            flow_name=name,
            namespace="ml",
            schedule="0 6 * * *",
            metaflow_namespace="production:recsys-0-apnt",
            project="recsys",
            project_branch="prod",
        ),
        seconds=2.0,
    )
    return replace(well, **changes)  # type: ignore[arg-type]


def run(status: RunStatus = RunStatus.SUCCEEDED, **changes: object) -> Run:
    at = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
    made = Run(
        id="argo-recsys.prod.trainflow-x7k2p",
        pathspec="TrainFlow/argo-recsys.prod.trainflow-x7k2p",
        status=status,
        url="https://ui.example.com/TrainFlow/argo-x7k2p",
        parameters={"alpha": "0.5"},
        started_at=at,
        finished_at=at.replace(minute=3, second=12),
        begun=True,
        step_tasks={"start": (1, 1), "train": (4, 4), "join": (1, 1), "end": (1, 1)},
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def outcome(*flows: FlowOutcome, **changes: object) -> Outcome:
    made = Outcome(
        operation="deploy", flows=flows, context=CONTEXT, finished_at=datetime(2026, 11, 23, 8, 41, tzinfo=UTC)
    )
    return replace(made, **changes)  # type: ignore[arg-type]


FAILED_RUN = run(
    RunStatus.FAILED,
    step_tasks={"start": (1, 1), "train": (3, 4)},
    failed_task=TaskFailure(step="train", task_id="3", exception="ValueError: NaN", path="flows/train.py", line=42),
)
RUN_FAILED = Failure(
    reason=FailureReason.RUN_FAILED,
    message="The run failed in step train: ValueError: NaN",
    advice="Mend the flow and merge again.",
    evidence='  File "train.py", line 42\nValueError: NaN',
    path="flows/train.py",
    line=42,
)


def comment(result: Outcome) -> str:
    return comment_body(result, summary_url=CONTEXT.run_url)


def heading(result: Outcome) -> str:
    return comment(result).splitlines()[0]


@pytest.mark.parametrize(
    ("result", "told"),
    [
        (outcome(flow()), "✅ Deployed `TrainFlow` to Argo Workflows"),
        (outcome(flow(run=run())), "✅ Deployed `TrainFlow` to Argo Workflows; its run succeeded"),
        (outcome(flow(run=run(RunStatus.RUNNING))), "its run has started"),
        (outcome(flow(), flow("ScoreFlow")), "✅ Deployed 2 flows to Argo Workflows"),
        (
            outcome(flow(status=Status.FAILURE, run=FAILED_RUN, failure=RUN_FAILED)),
            "❌ `TrainFlow` was deployed, but its run failed in step `train`",
        ),
        (outcome(flow(status=Status.SKIPPED), flow("B", status=Status.FAILURE, failure=RUN_FAILED)), "1 held back"),
        (outcome(skipped="It is a tag."), "⏭️ Nothing was deployed: It is a tag."),
        (
            outcome(failures=(Failure(reason=FailureReason.INPUT, message="x", advice="y"),) * 2),
            "❌ Nothing was deployed: 2 inputs need correction",
        ),
        (
            outcome(failures=(Failure(reason=FailureReason.CANCELLED, message="x", advice="y"),)),
            "⏹️ The job was cancelled",
        ),
    ],
)
def test_the_heading_alone_tells_the_story(result: Outcome, told: str) -> None:
    assert told in heading(result)


def test_the_table_says_what_runs_where_and_what_starts_it_next() -> None:
    row = next(line for line in comment(outcome(flow(run=run()))).splitlines() if line.startswith("| ✅"))
    assert "[`TrainFlow`](https://github.com/octo-org/flows/blob/3f2a91c" in row
    assert "Argo Workflows" in row
    assert "`recsys.prod.trainflow`" in row
    assert "[`3f2a91c`](https://github.com/octo-org/flows/commit/" in row
    assert "[`argo-…-x7k2p`](https://ui.example.com/TrainFlow/argo-x7k2p) succeeded in 3 min 12 s" in row
    assert "every day at 06:00 UTC" in row


def test_a_failure_shows_the_line_the_cause_and_what_to_do() -> None:
    text = comment(outcome(flow(status=Status.FAILURE, run=FAILED_RUN, failure=RUN_FAILED)))
    assert "[flows/train.py line 42](https://github.com/octo-org/flows/blob/" in text
    assert "/flows/train.py#L42)" in text
    assert "```text\n" in text
    assert "**What to do:** Mend the flow and merge again. `failure-reason: run-failed`" in text
    assert 'train[["train 3/4"]]:::failed' in text
    assert text.index("What to do") < text.index("<details>"), "what needs attention stands first"


def test_how_to_read_the_results_is_told() -> None:
    text = comment(outcome(flow(run=run())))
    assert 'namespace("production:recsys-0-apnt"); Run("TrainFlow/argo-recsys.prod.trainflow-x7k2p")' in text


def test_the_worst_flow_stands_first() -> None:
    rows = [
        line
        for line in comment(outcome(flow("Good"), flow("Bad", status=Status.FAILURE, failure=RUN_FAILED))).splitlines()
        if line.startswith("| ") and "flows/" in line
    ]
    assert ["bad.py" in rows[0], "good.py" in rows[1]] == [True, True]


class Rendered(HTMLParser):
    """The text and the tags of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.code = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.code += tag in ("code", "pre")

    def handle_endtag(self, tag: str) -> None:
        self.code -= tag in ("code", "pre")

    def handle_data(self, data: str) -> None:
        if not self.code:
            self.text.append(data)


def rendered(markdown: str) -> Rendered:
    page = Rendered()
    page.feed(MarkdownIt("gfm-like", {"html": True}).render(markdown))
    return page


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "| a | b |",
    "[x](javascript:alert(1))",
    "[x](https://evil.example)",
    "![x](https://evil.example/p.png)",
    "https://evil.example/path",
    "www.evil.example",
    "@octocat @octo-org/team",
    "fixes #12 and GH-13",
    "`code` ``` fence",
    "odd ` tick",
    "<!-- metaflow-deploy: {} -->",
    "-->",
    "**bold** _it_ ~~gone~~ $math$",
    "line\nbreak\r\n# heading\n- list",
    "</details></summary>",
    "\\` \\| back\\slash",
    "{{ 7 * 7 }} {% raw %}",
    "::error::x",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_foreign_text_stays_text(text: str) -> None:
    wicked = flow(
        text.replace("\n", " ")[:60] or "x",
        status=Status.FAILURE,
        flow=f"flows/{text}.py",
        warnings=(text,),
        failure=replace(RUN_FAILED, message=text, advice=text, evidence=text, path=f"{text}.py"),
        run=replace(
            FAILED_RUN, parameters={"a": text}, note=text, failed_task=replace(FAILED_RUN.failed_task, exception=text)
        ),  # type: ignore[type-var]
    )
    calm = flow(
        "x",
        status=Status.FAILURE,
        flow="flows/x.py",
        warnings=("x",),
        failure=replace(RUN_FAILED, message="x", advice="x", evidence="x", path="x.py"),
        run=replace(FAILED_RUN, parameters={"a": "x"}, note="x"),
    )
    context = replace(CONTEXT, actor=text, environment=text)
    for body in (comment(outcome(wicked, context=context)), summary(outcome(wicked, context=context))):
        page = rendered(body)
        tags = {tag for tag, _ in page.tags}
        assert not tags & {"script", "img", "del", "em", "h1"}
        hosts = {
            re.sub(r"^https://([^/]+).*", r"\1", attrs.get("href") or "") for tag, attrs in page.tags if tag == "a"
        }
        assert hosts <= {"github.com", "ui.example.com"}
        said = "".join(page.text)
        assert not re.search(r"(?<![\w/])@octo", said), "a mention"
        assert not re.search(r"#12|GH-13", said), "a reference"
        assert "49" not in said
    reference = rendered(comment(outcome(calm)))
    page = rendered(comment(outcome(wicked)))
    for tag in ("tr", "td", "details"):
        assert [t for t, _ in page.tags].count(tag) == [t for t, _ in reference.tags].count(tag), (
            f"the {tag}s of the page"
        )


def test_a_comment_is_cut_to_what_github_takes_and_keeps_what_failed() -> None:
    flows = tuple(flow(f"Flow{number}", run=run()) for number in range(400))
    bad = flow("Broken", status=Status.FAILURE, run=FAILED_RUN, failure=replace(RUN_FAILED, evidence="x" * 90_000))
    text = comment(outcome(*flows, bad))
    assert length(text) <= COMMENT_LIMIT - HEADER_ROOM
    assert "Broken" in text
    assert "run-failed" in text
    assert text.count("```") % 2 == 0
    assert text.count("<details>") == text.count("</details>")
    assert "summary" in text


def test_forty_flows_fit_whole() -> None:
    text = comment(outcome(*(flow(f"Flow{number}", run=run()) for number in range(40))))
    assert length(text) <= COMMENT_LIMIT - HEADER_ROOM
    assert text.count("| ✅") == 40


def test_the_outputs_are_those_of_action_yml() -> None:
    declared = yaml.safe_load((ROOT / "action.yml").read_text())["outputs"]
    made = outputs(outcome(flow(run=run())), "https://github.com/c/1")
    assert list(made) == list(declared)
    assert made["status"] == "success"
    assert made["deployment-id"] == "recsys.prod.trainflow"
    assert made["run-pathspec"] == "TrainFlow/argo-recsys.prod.trainflow-x7k2p"
    (one,) = json.loads(made["deployments"])
    assert (one["flow_name"], one["run_status"], one["python"], one["run_seconds"]) == (
        "TrainFlow",
        "succeeded",
        "3.13.1",
        192.0,
    )


def test_the_outputs_speak_of_the_flow_that_failed() -> None:
    bad = flow("Bad", status=Status.FAILURE, run=FAILED_RUN, failure=RUN_FAILED)
    made = outputs(outcome(flow("Good"), bad), None)
    assert (made["status"], made["failure-reason"], made["deployment-id"]) == (
        "failure",
        "run-failed",
        "recsys.prod.bad",
    )


def test_an_outcome_goes_through_json_unchanged() -> None:
    result = outcome(flow(run=FAILED_RUN, failure=RUN_FAILED))
    assert from_json(to_json(result), Outcome) == result


def test_a_failure_is_an_annotation_on_its_line() -> None:
    (first, *_) = to_annotations(outcome(flow(status=Status.FAILURE, failure=RUN_FAILED)))
    assert (first.level, first.path, first.line, first.title) == ("error", "flows/train.py", 42, "run-failed")


def test_annotations_are_no_more_than_github_shows() -> None:
    failures = tuple(Failure(reason=FailureReason.INPUT, message=str(n), advice="x") for n in range(50))
    assert len(to_annotations(outcome(failures=failures))) == 10


def test_every_reason_says_what_to_do() -> None:
    assert set(ADVICE) == set(FailureReason)
    assert all(what and todo for _, what, todo in advice_table())


@pytest.mark.parametrize(
    ("cron", "zone", "words"),
    [
        ("0 6 * * *", None, "every day at 06:00 UTC"),
        ("0 6 * * ? *", "Etc/UTC", "every day at 06:00 UTC"),
        ("30 22 * * *", "Europe/Berlin", "every day at 22:30 Europe/Berlin"),
        ("0 * * * *", None, "every hour"),
        ("*/15 * * * *", None, "every 15 minutes"),
        ("0/15 * * * ? *", None, "every 15 minutes"),
        ("0 6 * * 1", None, "every Monday at 06:00 UTC"),
        ("0 6 ? * 1 *", None, "every Sunday at 06:00 UTC"),
        ("0 6 ? * MON *", None, "every Monday at 06:00 UTC"),
        ("0 6 1 * *", None, "on day 1 of every month at 06:00 UTC"),
        ("0 6 1 1 *", None, None),
        ("0 6 * * 1-5", None, None),
        ("nonsense", None, None),
    ],
)
def test_schedules_in_words(cron: str, zone: str | None, words: str | None) -> None:
    assert schedule(cron, zone) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.44, "0.4 s"), (42, "42 s"), (59.6, "1 min 00 s"), (192, "3 min 12 s"), (7500, "2 h 05 min")],
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_long_ids_are_shortened_in_the_text() -> None:
    assert shortened("argo-recsys.prod.trainflow-x7k2p") == "argo-…-x7k2p"
    assert shortened("sfn-2a4290fb-d36d-4eb6-833e-73ac58ed4c16") == "sfn-2a4290fb…"
    assert shortened("argo-short") == "argo-short"


def test_the_chart_names_no_node_as_mermaid_does() -> None:
    chart = flowchart(FlowDescription(name="F", steps=STEPS), FAILED_RUN)
    assert 'end_(["end"]):::todo' in chart
    assert "start([" in chart
    assert "train --> join" in chart
    assert "\n    end" not in chart.replace("end_", "")
