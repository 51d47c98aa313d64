"""Write the generated parts of the documents: `make docs`; `--check` fails where they are not what would be written."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from deployer.branches import DeployBranches
from deployer.event import Event, WorkflowRun
from deployer.inputs import WITHOUT_FLOW, OperationName, read_inputs
from deployer.inputs.read import NEEDED
from deployer.operation import MANAGED, MANAGING, Skip, decide
from deployer.production import Unanswered, check_checkout, production_right
from deployer.report.advice import advice_table

ROOT = Path(__file__).resolve().parent.parent

OWN, MERGE, OTHER = "3f2a91c0" * 5, "7b40d2e1" * 5, "c81e5a96" * 5
PUSH = Event(name="push", ref="refs/heads/main", branch="main", default_branch="main", own_sha=OWN)
CLOSED = replace(PUSH, name="pull_request", action="closed", ref="refs/pull/7/merge", branch=None, pull_request=7)
MERGED = replace(CLOSED, merged=True, branch="main", merge_commit=MERGE)
TARGET_MERGED = replace(MERGED, name="pull_request_target", ref="refs/heads/main")
TARGET_OPEN = replace(CLOSED, name="pull_request_target", ref="refs/heads/main", action="opened")
RUN = WorkflowRun(event="push", conclusion="success", head_branch="main", head_sha=OTHER, is_own=True)
AFTER_PUSH = replace(PUSH, name="workflow_run", triggered_by=RUN)
AFTER_FORK = replace(AFTER_PUSH, triggered_by=replace(RUN, event="pull_request", is_own=False))
AFTER_FAILURE = replace(AFTER_PUSH, triggered_by=replace(RUN, conclusion="failure"))
# What is asked of deployer.operation for the table of decisions: the event in words, and as it comes.
EVENTS = (
    ("`push`, which every merge is, to a branch of `deploy-branches`", PUSH),
    ("`pull_request: closed`, merged into such a branch", MERGED),
    ("`workflow_dispatch` on such a branch", replace(PUSH, name="workflow_dispatch")),
    ("`repository_dispatch`, which runs on the default branch", replace(PUSH, name="repository_dispatch")),
    ("`schedule`, which runs on the default branch", replace(PUSH, name="schedule")),
    ("`push` to another branch", replace(PUSH, ref="refs/heads/feature", branch="feature")),
    ("`pull_request: closed`, merged into another branch", replace(MERGED, branch="develop")),
    ("`pull_request: closed`, not merged", CLOSED),
    ("`pull_request: opened`, and whatever else is not `closed`", replace(CLOSED, action="opened")),
    ("a tag", replace(PUSH, ref="refs/tags/v1", branch=None)),
    ("a branch that is deleted", replace(PUSH, ref="refs/heads/main", deleted=True)),
    ("`workflow_run` after a successful run of a `push` to such a branch", AFTER_PUSH),
    ("`workflow_run` after one that failed", AFTER_FAILURE),
    ("`workflow_run` after a run of a fork's code", AFTER_FORK),
    ("any other event, such as `release`", replace(PUSH, name="release")),
)
TAG = replace(PUSH, ref="refs/tags/v1", branch=None, name="push")
FEATURE = replace(PUSH, ref="refs/heads/feature", branch="feature")
OPENED = replace(CLOSED, action="opened")
COMMENT = replace(PUSH, name="issue_comment")
REVIEW = replace(CLOSED, name="pull_request_review", action="submitted", own_sha=OWN, is_fork=True)
QUEUE = "gh-readonly-queue/main/pr-7"
MERGE_GROUP = replace(PUSH, name="merge_group", ref=f"refs/heads/{QUEUE}", branch=QUEUE)
NONE = ""
# What is asked of deployer.production: the event in words, what is checked out in words; both as they come; and the
# branch that GitHub says contains it: NONE of this repository's; or None, where GitHub does not answer.
SOURCES: tuple[tuple[str, str, Event, str | None, str | None], ...] = (
    (
        "`push`, `workflow_dispatch`, `schedule`, `repository_dispatch` on a deploy branch",
        "its commit",
        PUSH,
        OWN,
        NONE,
    ),
    ("`pull_request: closed`, merged into a deploy branch", "its merge commit", MERGED, MERGE, NONE),
    ("`push` or `workflow_dispatch` on another branch", "its commit", FEATURE, OWN, "feature"),
    ("`pull_request`, open", "whatever", OPENED, OTHER, NONE),
    ("`pull_request: closed`, not merged", "whatever", CLOSED, OTHER, NONE),
    ("`pull_request_target`, merged", "the base's commit", TARGET_MERGED, OWN, NONE),
    ("`pull_request_target`, open", "the pull request's code", TARGET_OPEN, OTHER, "feature"),
    ("a tag, a release", "a commit that a deploy branch contains", TAG, OWN, "main"),
    ("a tag, a release", "another commit", TAG, OWN, NONE),
    ("`workflow_run`", "a commit that a deploy branch contains", AFTER_PUSH, OTHER, "main"),
    ("`workflow_run` after a fork's pull request", "the fork's code", AFTER_FORK, OTHER, NONE),
    ("`issue_comment`", "the code of a pull request of a branch of this repository", COMMENT, OTHER, "feature"),
    ("`issue_comment`", "the code of a fork's pull request", COMMENT, OTHER, NONE),
    ("`pull_request_review`, `pull_request_review_comment` of a fork's pull request", "whatever", REVIEW, OWN, NONE),
    (
        "any event, with another `ref` of actions/checkout",
        "a commit that a deploy branch contains",
        PUSH,
        OTHER,
        "main",
    ),
    ("any event but `pull_request`", "a commit that no branch of this repository contains", PUSH, OTHER, NONE),
    ("`merge_group`", "its commit", MERGE_GROUP, OWN, QUEUE),
    ("any event", "another commit than the event's, and GitHub does not answer", PUSH, OTHER, None),
    ("any event that only who may write can cause", "no repository that can be read", PUSH, None, NONE),
    ("any other event, such as `issue_comment`", "no repository that can be read", COMMENT, None, NONE),
)
# Those of them that the README has; docs/workflows.md has all.
MAIN_SOURCES = (PUSH, MERGED, FEATURE, OPENED, TAG, COMMENT)
# What each operation without a flow file does.
OPERATIONS = {
    OperationName.LIST: "lists what is deployed: owner, branch, schedule, last run, where it came from",
    OperationName.STATUS: "reports one deployment and its latest runs, or the run that is named",
    OperationName.TERMINATE: "ends a run",
    OperationName.SUSPEND: "lets a run begin no further task (Argo Workflows), or a DAG no further run (Airflow)",
    OperationName.UNSUSPEND: "lets it go on",
    OperationName.DELETE: "removes a deployment with its schedule and its triggers, or what one that is gone left",
    OperationName.PRODUCTION_TOKEN: "shows the production token to its owner",
    OperationName.CLEANUP: "deletes what nobody uses, or what the repository no longer has",
}


def table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def sentence(text: str) -> str:
    """A description on one line, its pipes escaped."""
    return " ".join(text.split()).replace("|", "\\|")


def inputs(action: dict[str, Any]) -> str:
    """The table of inputs."""
    rows = []
    for name, about in action["inputs"].items():
        default = f"`{about['default']}`" if about.get("default") not in (None, "") else ""
        rows.append((f"`{name}`", sentence(about["description"]), default))
    return table(("input", "what it says", "default"), rows)


def outputs(action: dict[str, Any]) -> str:
    """The table of outputs."""
    rows = [(f"`{name}`", sentence(about["description"])) for name, about in action["outputs"].items()]
    return table(("output", "what it says"), rows)


def decisions() -> str:
    """The table of what `auto` does, as the code decides it."""
    inputs = read_inputs({"INPUT_FLOW": "flow.py"})
    rows = []
    for words, event in EVENTS:
        (operation,) = decide(event, inputs).operations
        what = f"skips: {sentence(operation.reason)}" if isinstance(operation, Skip) else f"{operation.name}s"
        rows.append((words, what))
    return table(("event", "what happens"), rows)


def production(events: Sequence[Event] | None = None) -> str:
    """The table of what may go to production, as the code decides it.

    Args:
        events: the first row of each; by default all rows.
    """
    inputs = read_inputs({"INPUT_FLOW": "flow.py", "INPUT_OPERATION": "deploy"})
    rows = []
    sources = SOURCES if events is None else [next(one for one in SOURCES if one[2] is event) for event in events]
    for words, commit_in_words, event, commit, branch in sources:

        def contains(branches: DeployBranches, _: str, branch: str | None = branch) -> str | None:
            if branch is None:
                raise Unanswered("GitHub did not answer.", "")
            return branch if branch != NONE and branch in branches else None

        right = production_right(event, commit, inputs, contains)
        beside = check_checkout(event, commit, inputs, right, contains) is None
        cell = "yes" if right.allowed else f"no: {sentence(right.why)}"
        rows.append((words, commit_in_words, cell, "yes" if beside else "no, since the job has secrets"))
    return table(("event", "what is checked out", "production", "beside it, with `project-branch`"), rows)


def compatibility(measured: dict[str, Any], orchestrator: str) -> str:
    """What was tried of an orchestrator: a row for each release and kind of CRDs, a column for each operation; under it
    what was told where something did not work."""
    rows = [row for row in measured["rows"] if row["orchestrator"] == orchestrator]
    if not rows:
        return "Not tried yet with these versions: `make compat` does."
    names = list(dict.fromkeys(name for row in rows for name in row["operations"]))
    told = list(dict.fromkeys(sentence(one) for row in rows for one in row["operations"].values() if one != "works"))
    crds = any(row["crds"] for row in rows)

    def cell(found: str | None) -> str:
        if found is None:
            return "not tried"
        return "yes" if found == "works" else f"**no** ({told.index(sentence(found)) + 1})"

    lines = []
    for row in rows:
        first = (row["metaflow"], row["date"], *([row["crds"]] if crds else []))
        lines.append((*first, *(cell(row["operations"].get(name)) for name in names)))
    header = ("Metaflow", "tried on", *(["CRDs"] if crds else []), *names)
    notes = "\n".join(f"{number}. {text}" for number, text in enumerate(told, 1))
    return "\n\n".join(filter(None, [table(header, lines), notes]))


def measurement(measured: dict[str, Any]) -> str:
    """With what it was tried."""
    versions = measured["versions"]
    return (
        f"Tried with Kubernetes {versions['kubernetes']}, Argo Workflows "
        f"{versions['argo_workflows']}, the CRDs of Argo Events {versions['argo_events']}, and Python "
        f"{versions['python']}."
    )


def measured_parts() -> dict[str, str]:
    """The generated parts of docs/compatibility.md, of what `make compat` wrote."""
    measured = json.loads((ROOT / "docs" / "compatibility.json").read_text())
    return {
        "measurement": measurement(measured),
        "argo-workflows": compatibility(measured, "argo-workflows"),
        "step-functions": compatibility(measured, "step-functions"),
    }


def features() -> str:
    """What was found of Metaflow's features: a table for each kind, a column for each orchestrator; of what
    tests/features wrote."""
    found = json.loads((ROOT / "docs" / "metaflow-features.json").read_text())
    columns = {"argo-workflows": "Argo Workflows", "step-functions": "AWS Step Functions"}
    rows = {name: row for orchestrator in columns for name, row in found[orchestrator].items()}

    def cell(row: dict[str, Any] | None) -> str:
        if row is None:
            return "no such option"
        return f"`{row['deployed']}`" if "deployed" in row else f"refused: {sentence(row['refused'])}"

    parts = []
    for kind in dict.fromkeys(row["kind"] for row in rows.values()):
        lines = [
            (
                f"{sentence(row['words'])} ([{Path(row['flow']).name}](../tests/features/checkout/{row['flow']}))",
                *(cell(found[orchestrator].get(name)) for orchestrator in columns),
            )
            for name, row in rows.items()
            if row["kind"] == kind
        ]
        parts.append(f"## {kind}\n\n{table(('the flow has', *columns.values()), lines)}")
    return "\n\n".join(parts)


def operations(action: dict[str, Any]) -> str:
    """The table of operations without a flow file: what each needs, and what else it reads, in action.yml's order."""
    rows = []
    for name in (one for one in OperationName if one in WITHOUT_FLOW):
        needed = NEEDED.get(name, ())
        also = [one for one in action["inputs"] if one in MANAGING[name] and one not in needed]
        rows.append(
            (f"`{name}`", OPERATIONS[name], *(", ".join(f"`{one}`" for one in some) for some in (needed, also)))
        )
    return table(("operation", "what it does", "needs", "also reads"), rows)


def operations_parts() -> dict[str, str]:
    """The generated parts of docs/operations.md."""
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    managed = {name: about for name, about in action["inputs"].items() if name in MANAGED}
    return {"operations": operations(action), "managed-inputs": inputs({"inputs": managed})}


def generated() -> dict[str, str]:
    """Every generated part of the README by its marker."""
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    parts: dict[str, Callable[[], str]] = {
        "inputs": lambda: inputs(action),
        "outputs": lambda: outputs(action),
        "decisions": decisions,
        "production": lambda: production(MAIN_SOURCES),
        "reasons": lambda: table(
            ("`failure-reason`", "what it means", "what to do"),
            [(f"`{reason}`", sentence(meaning), sentence(todo)) for reason, meaning, todo in advice_table()],
        ),
    }
    return {name: make() for name, make in parts.items()}


def filled(text: str, parts: dict[str, str]) -> str:
    """The text with every marked part written anew."""
    for name, part in parts.items():
        pattern = rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)"
        found = re.search(pattern, text, flags=re.DOTALL)
        if found is None:
            raise SystemExit(f"there is no place for {name}")
        text = f"{text[: found.start()]}{found[1]}\n{part}\n\n{found[2]}{text[found.end() :]}"
    return text


def main() -> int:
    """Write, or check; 1 where a document is not what it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    wrong = False
    for name, parts in (
        ("README.md", generated()),
        ("docs/operations.md", operations_parts()),
        ("docs/workflows.md", {"production": production()}),
        ("docs/compatibility.md", measured_parts()),
        ("docs/metaflow-features.md", {"features": features()}),
    ):
        document = ROOT / name
        before = document.read_text()
        after = filled(before, parts)
        if before == after:
            continue
        if check:
            wrong = True
            print(f"{name} is not what action.yml, the code and docs/*.json say: run `make docs`, commit it")
        else:
            document.write_text(after)
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
