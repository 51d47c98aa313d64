"""A checkout that is not to be trusted: whose code runs in a job with secrets, what actions/checkout leaves there."""

from __future__ import annotations

import base64
import shutil
from pathlib import Path

import pytest
from checkout_history import (
    FORK,
    PLAIN,
    REPOSITORY,
    TARGET,
    Deploy,
    History,
    asked,
    deployed,
    event,
    git,
    pull_request,
    refused,
    workflow_run,
)

from sandbox.world import World

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="there is no git on this machine")


def test_pull_request_target_runs_no_line_of_a_forks_code(deploy: Deploy, history: History, tmp_path: Path) -> None:
    workspace = history.check_out(history.fork, tmp_path / "fork")
    seen = tmp_path / "seen"
    text = (workspace / "flows" / "daily.py").read_text()
    (workspace / "flows" / "daily.py").write_text(f"open({str(seen)!r}, 'w').close()\n{text}")
    opened = pull_request(history, name=TARGET, head=FORK)
    for inputs in ({"project_branch": "pr_9"}, {}, {"operation": "trigger", "project_branch": "pr_9"}):
        result = deploy.on(workspace, opened, "flows/daily.py", **inputs)
        refused(result, "On `pull_request_target` the job has secrets", "is not the base's commit")
    assert not seen.exists(), "the flow was imported"


def test_nor_its_requirements(deploy: Deploy, history: History, tmp_path: Path) -> None:
    workspace = history.check_out(history.fork, tmp_path / "fork")
    (workspace / "requirements.txt").write_text("./no-such-package\n")
    opened = pull_request(history, name=TARGET, head=FORK)
    inputs = {"operation": "list", "flow": "", "requirements": "requirements.txt"}
    refused(deploy.on(workspace, opened, **inputs), "is not the base's commit")


@pytest.mark.parametrize(
    "how", ["./pull-request/package", "-r pull-request/all.txt", "pull-request/all.txt", "ours.txt"]
)
def test_nor_a_package_of_a_pull_request_beside_the_base(
    how: str, deploy: Deploy, history: History, tmp_path: Path
) -> None:
    """A package is built by code of its own."""
    workspace = history.check_out(history.merged, tmp_path / "base")
    beside, seen = history.check_out(history.fork, workspace / "pull-request"), tmp_path / "seen"
    (beside / "package").mkdir()
    builds = '[build-system]\nrequires = []\nbuild-backend = "builds"\nbackend-path = ["."]\n'
    (beside / "package" / "pyproject.toml").write_text(f'{builds}[project]\nname = "theirs"\nversion = "1"\n')
    (beside / "package" / "builds.py").write_text(f"open({str(seen)!r}, 'w')\n")
    (beside / "all.txt").write_text("./package\n")
    (workspace / "ours.txt").write_text("-e pull-request/package\n")
    refused(
        deploy.on(workspace, pull_request(history, name=TARGET, head=FORK), requirements=how),
        "is not the base's commit",
    )
    assert not seen.exists(), "the pull request's code was run"


def test_nor_a_config_of_another_checkout(deploy: Deploy, history: History, tmp_path: Path) -> None:
    """The values of a Config decide what is deployed, an image as well."""
    workspace = history.check_out(history.merged, tmp_path / "main")
    beside = history.check_out(history.feature, workspace / "unmerged")
    (beside / "settings.json").write_text('{"image": "elsewhere"}')
    flow = PLAIN.replace("from metaflow import ", "from metaflow import Config, ").replace(
        "class GuardedFlow(FlowSpec):", 'class GuardedFlow(FlowSpec):\n    settings = Config("settings")\n'
    )
    (workspace / "flows" / "plain.py").write_text(flow)
    pushed = event("push", history.merged, after=history.merged)
    refused(deploy.on(workspace, pushed, config="settings: unmerged/settings.json"), history.feature[:7])


def test_nor_the_file_of_a_parameter_of_a_forks_checkout(deploy: Deploy, history: History, tmp_path: Path) -> None:
    """An IncludeFile's content becomes the run's data; a link leads there as well."""
    workspace = history.check_out(history.merged, tmp_path / "main")
    beside = history.check_out(history.fork, workspace / "pull-request")
    (beside / "data.csv").write_text("theirs")
    (workspace / "ours.csv").write_text("ours")
    (workspace / "link.csv").symlink_to("pull-request/data.csv")
    flow = PLAIN.replace("from metaflow import ", "from metaflow import IncludeFile, ").replace(
        "class GuardedFlow(FlowSpec):", 'class GuardedFlow(FlowSpec):\n    data = IncludeFile("data")\n'
    )
    (workspace / "flows" / "plain.py").write_text(flow)
    commented = event("issue_comment", history.merged, issue={"number": 9})
    for path in ("pull-request/data.csv", "link.csv"):
        result = deploy.on(workspace, commented, trigger="true", wait="none", parameters=f"data: {path}")
        refused(result, "On `issue_comment` the job has secrets", history.fork[:7])
    deployed(deploy.on(workspace, commented, trigger="true", wait="none", parameters="data: ours.csv"))


def test_a_pull_requests_code_beside_the_base_is_no_base(deploy: Deploy, history: History, tmp_path: Path) -> None:
    """The usual mistake: the base is checked out, and the pull request's code in a folder of it."""
    workspace = history.check_out(history.merged, tmp_path / "base")
    history.check_out(history.fork, workspace / "pull-request")
    opened = pull_request(history, name=TARGET, head=FORK)
    refused(deploy.on(workspace, opened, "pull-request/flows/daily.py", project_branch="pr_9"), history.fork[:7])
    within = deploy.on(workspace, opened, working_directory="pull-request", project_branch="pr_9")
    refused(within, history.fork[:7])
    (workspace / "link").symlink_to("pull-request/flows")
    refused(deploy.on(workspace, opened, "link/daily.py", project_branch="pr_9"), history.fork[:7])


def test_pull_request_target_takes_the_bases_commit(deploy: Deploy, history: History) -> None:
    merged = pull_request(history, name=TARGET, action="closed", merged=True)
    deployed(deploy(merged, history.merged, operation="auto"))
    opened = pull_request(history, name=TARGET, head=FORK)
    refused(deploy(opened, history.merged), "pull request 9 is not merged")


def test_a_forks_code_is_not_run_after_its_workflow_run(deploy: Deploy, history: History) -> None:
    run = workflow_run(
        history, event="pull_request", head_repository={"full_name": FORK}, head_sha=history.fork, head_branch="main"
    )
    refused(deploy(run, history.fork, "flows/daily.py", project_branch="pr_9"), "On `workflow_run` the job has secrets")


@pytest.mark.parametrize("name", ["issue_comment", "pull_request_review", "repository_dispatch", "workflow_dispatch"])
def test_a_forks_code_is_not_run_though_the_repository_serves_its_commit(
    name: str, deploy: Deploy, history: History, tmp_path: Path
) -> None:
    """GitHub finds refs/pull/9/head in the repository, and compares it, as it does any commit of a fork."""
    workspace, seen = history.check_out(history.fork, tmp_path / "fork"), tmp_path / "seen"
    flow = workspace / "flows" / "daily.py"
    flow.write_text(f"open({str(seen)!r}, 'w').close()\n{flow.read_text()}")
    (workspace / "requirements.txt").write_text("./no-such-package\n")
    started = event(name, history.merged, issue={"number": 9})
    if name == "pull_request_review":
        started = pull_request(history, name=name, action="submitted", head=FORK)
    for inputs in ({}, {"operation": "trigger"}, {"requirements": "requirements.txt"}):
        result = deploy.on(workspace, started, "flows/daily.py", **{"project_branch": "pr_9", **inputs})
        refused(result, f"On `{name}` the job has secrets", "no branch of this repository contains", history.fork[:7])
    assert not seen.exists(), "the flow was imported"


def test_an_older_commit_of_a_pull_requests_branch_is_deployed_beside_production(
    deploy: Deploy, history: History, world: World
) -> None:
    """Of a branch that went on since the comment, its head is another commit."""
    commented = event("issue_comment", history.merged, issue={"number": 8})
    result = deploy(commented, history.older, "flows/daily.py", project_branch="older")
    deployed(result, "guarded.test.older.GuardedFlow")
    assert asked(world)[-1].split("?")[0].endswith(f"{history.feature}...{history.older}")
    world.github.fail_next("GET", f"{REPOSITORY}.*/git/matching-refs/", status=403, times=2)
    unanswered = deploy(commented, history.older, "flows/daily.py", project_branch="older")
    refused(unanswered, "could not be found out", "contents: read")


@pytest.mark.parametrize("operation", ["deploy", "list"])
def test_credentials_that_actions_checkout_left_are_a_warning(
    operation: str, deploy: Deploy, history: History, tmp_path: Path
) -> None:
    workspace = history.check_out(history.merged, tmp_path / "persisted")
    secret = base64.b64encode(b"x-access-token:ghs_left0000000000000000000000000000").decode()
    git(workspace, "config", "http.https://github.com/.extraheader", f"AUTHORIZATION: basic {secret}")
    inputs = {"flow": ""} if operation == "list" else {}
    result = deploy.on(workspace, event("push", history.merged), operation=operation, **inputs)
    assert result.exit_code == 0, result.log
    warnings = [line for line in result.log.splitlines() if line.startswith("::warning") and "checkout" in line]
    assert len(warnings) == 1, result.log
    assert "persist-credentials" in warnings[0]
    assert f"::add-mask::{secret}" in result.log


@pytest.mark.parametrize("where", ["workspace", "folder"])
def test_credentials_that_actions_checkout_left_are_masked_though_the_inputs_are_wrong(
    where: str, deploy: Deploy, history: History, tmp_path: Path
) -> None:
    """A mistake in an input is reported with the input's text."""
    workspace = history.check_out(history.merged, tmp_path / "persisted")
    checkout = workspace if where == "workspace" else history.check_out(history.first, workspace / "beside")
    password = "q7Rk2mZ9vX4tB8nL1pW6"
    secret = base64.b64encode(f"x-access-token:{password}".encode()).decode()
    git(checkout, "config", "http.https://github.com/.extraheader", f"AUTHORIZATION: basic {secret}")
    result = deploy.on(workspace, event("push", history.merged), operation=password, orchestrator=f"no-{secret}")
    assert (result.exit_code, result.outputs["failure-reason"]) == (1, "input"), result.log
    shown = [line for line in result.log.splitlines() if not line.startswith("::add-mask::")]
    for text in ("\n".join(shown), result.summary, *result.outputs.values()):
        assert password not in text
        assert secret not in text
    assert f"::add-mask::{secret}" in result.log
    assert "***" in result.log
