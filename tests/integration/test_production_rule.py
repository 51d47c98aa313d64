"""Production takes only code of a deploy branch: the action on checkouts of a real history, GitHub asked for it."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.runner import ROOT, JobEvent, JobResult, Runner
from sandbox.world import World

REPOSITORY = "octo-org/history"
FORK = "mona/history"
PLAIN = (ROOT / "examples" / "flows" / "hello.py").read_text().replace("HelloFlow", "GuardedFlow")
PROJECT = PLAIN.replace("from metaflow import ", "from metaflow import project, ").replace(
    "\nclass GuardedFlow", '\n@project(name="guarded")\nclass GuardedFlow'
)
TARGET = "pull_request_target"

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="there is no git on this machine")


@dataclass(frozen=True, kw_only=True)
class History:
    """A repository with a branch that was merged, one that was not, and a fork's pull request."""

    folder: Path
    first: str
    """The first commit of `main`."""
    merged: str
    """The merge commit of pull request 7, the last commit of `main`."""
    feature: str
    """The branch `feature`, of the open pull request 8."""
    older: str
    """The commit before it."""
    trial: str
    """GitHub's trial merge of it."""
    fork: str
    """The last commit of pull request 9, which a fork opened: GitHub has it as refs/pull/9/head."""
    release: str
    """The branch `release/2`."""

    def check_out(self, commit: str, folder: Path, *options: str) -> Path:
        """A checkout, made by git as actions/checkout makes it."""
        git(self.folder.parent, "init", "--quiet", str(folder))
        git(folder, "remote", "add", "origin", f"https://github.com/{REPOSITORY}")
        git(folder, "fetch", "--quiet", "--depth=1", f"file://{self.folder}", commit)
        git(folder, "checkout", "--quiet", *(options or ("--detach",)), "FETCH_HEAD")
        return folder


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=Mona", "-c", "user.email=mona@example.com", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(folder: Path, message: str) -> str:
    (folder / "flows" / "note.txt").write_text(message)
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", message)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    folder = tmp_path_factory.mktemp("origin") / "history"
    (folder / "flows").mkdir(parents=True)
    git(folder, "init", "--quiet")
    git(folder, "config", "uploadpack.allowAnySHA1InWant", "true")
    (folder / "flows" / "plain.py").write_text(PLAIN)
    (folder / "flows" / "daily.py").write_text(PROJECT)
    first = commit(folder, "first")
    git(folder, "tag", "v1")
    git(folder, "switch", "--quiet", "--create", "release/2")
    release = commit(folder, "release")
    git(folder, "switch", "--quiet", "--create", "topic", "main")
    commit(folder, "topic")
    git(folder, "switch", "--quiet", "main")
    git(folder, "merge", "--quiet", "--no-ff", "--message", "Merge pull request #7", "topic")
    merged = git(folder, "rev-parse", "HEAD")
    git(folder, "switch", "--quiet", "--create", "feature")
    older = commit(folder, "older")
    feature = commit(folder, "feature")
    git(folder, "tag", "v2")
    git(folder, "switch", "--quiet", "--detach", "main")
    git(folder, "merge", "--quiet", "--no-ff", "--message", "trial", "feature")
    trial = git(folder, "rev-parse", "HEAD")
    git(folder, "update-ref", "refs/pull/8/merge", trial)
    git(folder, "switch", "--quiet", "--detach", "main")
    fork = commit(folder, "fork")
    git(folder, "update-ref", "refs/pull/9/head", fork)
    git(folder, "tag", "main", "feature")  # a tag that is named like the branch
    git(folder, "switch", "--quiet", "main")
    return History(
        folder=folder,
        first=first,
        merged=merged,
        feature=feature,
        older=older,
        trial=trial,
        fork=fork,
        release=release,
    )


@pytest.fixture
def deploy(history: History, world: World, tmp_path: Path) -> Iterator[Deploy]:
    world.github.set_history(history.folder, repository=REPOSITORY)
    runner = Runner(
        tmp_path / "runner",
        environment=world.environment,
        api_url=world.github.api_url,
        repository=REPOSITORY,
    )
    yield Deploy(runner, history, tmp_path)
    assert runner.left_over() == []


class Deploy:
    """Runs the action on a checkout of a commit."""

    def __init__(self, runner: Runner, history: History, folder: Path) -> None:
        self.runner = runner
        self.history = history
        self._folder = folder

    def __call__(self, event: JobEvent, commit: str, flow: str = "flows/plain.py", **inputs: str) -> JobResult:
        workspace = self.history.check_out(commit, self._folder / f"checkout-{len(list(self._folder.iterdir()))}")
        return self.on(workspace, event, flow, **inputs)

    def on(self, workspace: Path, event: JobEvent, flow: str = "flows/plain.py", **inputs: str) -> JobResult:
        given = {"flow": flow, "orchestrator": "step-functions", "comment": "off", "operation": "deploy"}
        given |= {name.replace("_", "-"): value for name, value in inputs.items()}
        return self.runner.run(event, given, workspace=workspace)


def event(name: str, sha: str, ref: str = "refs/heads/main", **payload: Any) -> JobEvent:
    repository = {"full_name": REPOSITORY, "default_branch": "main"}
    return JobEvent(name=name, payload={"repository": repository, **payload}, ref=ref, sha=sha)


def pull_request(
    history: History,
    *,
    name: str = "pull_request",
    action: str = "opened",
    merged: bool = False,
    base: str = "main",
    head: str | None = None,
    sha: str | None = None,
) -> JobEvent:
    """The open pull request 8, pull request 9 of a fork (`head`), or the merged pull request 7."""
    pull = {
        "number": 7 if merged else 8 if head is None else 9,
        "merged": merged,
        "merge_commit_sha": history.merged if merged else history.trial,
        "base": {"ref": base, "sha": history.merged},
        "head": {
            "ref": "feature" if head is None else "main",  # the fork's branch may be called main
            "sha": history.feature if head is None else history.fork,
            "repo": {"full_name": head or REPOSITORY},
        },
    }
    number = pull["number"]
    # https://github.blog/changelog/2025-11-07-actions-pull_request_target-and-environment-branch-protections-changes
    ref, own = ("refs/heads/main", history.merged) if name == TARGET else (f"refs/pull/{number}/merge", history.trial)
    return event(name, sha or own, ref, action=action, pull_request=pull, number=number)


def workflow_run(history: History, **changes: Any) -> JobEvent:
    run = {
        "event": "push",
        "conclusion": "success",
        "head_branch": "main",
        "head_sha": history.merged,
        "head_repository": {"full_name": REPOSITORY},
    }
    return event("workflow_run", history.merged, action="completed", workflow_run={**run, **changes})


def refused(result: JobResult, *told: str) -> None:
    """It failed, said why, and deployed nothing."""
    assert result.exit_code == 1, result.log
    assert (result.outputs["status"], result.outputs["failure-reason"]) == ("failure", "source"), result.log
    said = result.summary.replace("\\", "").replace("<!-- -->", "").replace("\u200b", "")
    for words in told:
        assert words in said, said
    assert result.outputs["deployment-id"] == ""


def deployed(result: JobResult, identifier: str = "GuardedFlow") -> None:
    assert result.exit_code == 0, result.log
    assert result.outputs["deployment-id"] == identifier


def asked(world: World) -> list[str]:
    """The comparisons that GitHub was asked for."""
    return [one["path"] for one in world.github.requests() if "/compare/" in one["path"]]


def test_what_was_pushed_to_a_deploy_branch_is_deployed_and_github_is_not_asked(
    deploy: Deploy, history: History, world: World
) -> None:
    before = len(asked(world))
    deployed(deploy(event("push", history.merged, after=history.merged), history.merged))
    deployed(deploy(pull_request(history, action="closed", merged=True), history.merged, operation="auto"))
    assert len(asked(world)) == before


@pytest.mark.parametrize("action", ["opened", "synchronize", "closed"])
@pytest.mark.parametrize("commit_of", ["trial", "feature"])
def test_a_pull_request_that_is_not_merged_never_reaches_production(
    action: str, commit_of: str, deploy: Deploy, history: History
) -> None:
    result = deploy(pull_request(history, action=action), getattr(history, commit_of))
    why = "was closed without being merged" if action == "closed" else "is not merged"
    refused(result, "GuardedFlow has no @project", f"pull request 8 {why}", "deploy-branches")


def test_nor_does_it_with_a_project_unless_a_branch_of_its_own_is_named(deploy: Deploy, history: History) -> None:
    opened = pull_request(history)
    refused(deploy(opened, history.feature, "flows/daily.py"), "no `project-branch` is given", "Give `project-branch`")
    refused(
        deploy(opened, history.feature, "flows/daily.py", production="true", project_branch="pr_8"),
        "`production: true` asks for production",
    )
    result = deploy(opened, history.feature, "flows/daily.py", project_branch="pr_8")
    deployed(result, "guarded.test.pr_8.GuardedFlow")
    assert result.deployments[0]["commit"] == history.feature
    assert "Deployed `GuardedFlow` to `test.pr_8` on AWS Step Functions" in result.summary


@pytest.mark.parametrize(
    "attribute", ["production=True", 'production=config_expr("settings.live")'], ids=["literal", "by a Config"]
)
def test_a_flow_that_says_production_itself_is_refused_beside_it(
    attribute: str, deploy: Deploy, history: History, tmp_path: Path
) -> None:
    """Metaflow lets an attribute of @project win over an option that is absent."""
    text = PROJECT.replace('@project(name="guarded")', f'@project(name="guarded", {attribute})')
    if "config_expr" in attribute:
        text = text.replace("from metaflow import ", "from metaflow import Config, config_expr, ", 1)
        head, line, rest = text.partition("class GuardedFlow(FlowSpec):\n")
        text = f'{head}{line}    settings = Config("settings", default_value=dict(live=True))\n{rest}'
    workspace = history.check_out(history.feature, tmp_path / "attribute")
    (workspace / "flows" / "live.py").write_text(text)
    pushed = event("push", history.feature, "refs/heads/feature", after=history.feature)
    refused(
        deploy.on(workspace, pushed, "flows/live.py"),
        "GuardedFlow says `production=True` in @project, and the branch `feature` may not go to production",
    )
    own = deploy.on(workspace, pushed, "flows/live.py", project_branch="mine")
    refused(own, "`project-branch` asks for a branch of its own, `mine`", "`prod.mine`")
    allowed = {"deploy_branches": "feature"}
    refused(deploy.on(workspace, pushed, "flows/live.py", production="false", **allowed), "`production` is false")
    refused(deploy.on(workspace, pushed, "flows/live.py", project_branch="mine", **allowed), "`prod.mine`")


def test_another_branch_is_refused_until_deploy_branches_names_it(deploy: Deploy, history: History) -> None:
    pushed = event("push", history.feature, "refs/heads/feature", after=history.feature)
    refused(deploy(pushed, history.feature), "the branch `feature`, which is none of `main`", "`deploy-branches`")
    deployed(deploy(pushed, history.feature, deploy_branches="main\nfeature"))


def test_a_branch_of_deploy_branches_is_production_for_a_project_too(deploy: Deploy, history: History) -> None:
    pushed = event("push", history.release, "refs/heads/release/2", after=history.release)
    result = deploy(pushed, history.release, "flows/daily.py", deploy_branches="release/*", operation="auto")
    deployed(result, "guarded.prod.GuardedFlow")
    assert result.deployments[0]["production"] is True


def test_another_commit_than_the_pushed_one_has_to_be_of_a_deploy_branch(deploy: Deploy, history: History) -> None:
    pushed = event("push", history.merged, after=history.merged)
    deployed(deploy(pushed, history.first, operation="auto"))
    refused(
        deploy(pushed, history.feature, operation="auto"),
        f"`{history.feature[:7]}` is checked out, and `main` does not contain it",
    )


def test_a_merged_pull_request_takes_the_merge_and_not_its_trial(deploy: Deploy, history: History) -> None:
    closed = pull_request(history, action="closed", merged=True)
    refused(deploy(closed, history.trial, operation="auto"), "merge_commit_sha")


@pytest.mark.parametrize("name", ["push", "release"])
def test_a_tag_is_deployed_where_a_deploy_branch_contains_it(name: str, deploy: Deploy, history: History) -> None:
    release = {"release": {"tag_name": "v1", "target_commitish": "main"}} if name == "release" else {}
    deployed(deploy(event(name, history.first, "refs/tags/v1", **release), history.first))
    refused(deploy(event(name, history.feature, "refs/tags/v2", **release), history.feature), "does not contain it")


def test_a_tag_named_like_the_branch_does_not_stand_for_it(deploy: Deploy, history: History) -> None:
    """Of `refs/tags/main` git would say that it contains the commit."""
    refused(deploy(event("push", history.feature, "refs/tags/main"), history.feature), "does not contain it")


def test_patterns_of_deploy_branches_are_looked_up(deploy: Deploy, history: History) -> None:
    tagged = event("push", history.release, "refs/tags/v2.0")
    deployed(deploy(tagged, history.release, deploy_branches="release/*"))
    refused(deploy(tagged, history.release, deploy_branches="release/*\n!release/2"), "does not contain it")


def test_what_ci_tested_is_deployed_after_it(deploy: Deploy, history: History) -> None:
    deployed(deploy(workflow_run(history), history.merged, operation="auto"))
    older = workflow_run(history, head_sha=history.first)
    deployed(deploy(older, history.first, operation="auto"))
    refused(deploy(older, history.merged, operation="auto"), "workflow_run.head_sha")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"conclusion": "failure"}, "ended with `failure`"),
        ({"conclusion": None}, "has not ended"),
        ({"event": "pull_request"}, "started by `pull_request`"),
        ({"head_repository": {"full_name": FORK}}, "a fork's code"),
        ({"head_branch": "feature"}, "`feature` is not the default branch"),
    ],
)
def test_auto_serves_no_other_workflow_run(changes: dict[str, Any], why: str, deploy: Deploy, history: History) -> None:
    result = deploy(workflow_run(history, **changes), history.merged, operation="auto")
    assert (result.exit_code, result.outputs["status"]) == (0, "skipped")
    assert why in result.log.replace("%60", "`")


def test_a_pushed_tag_that_is_named_like_a_branch_is_none(deploy: Deploy, history: History) -> None:
    """`head_branch` of a run for a pushed tag is the tag's name."""
    tagged = workflow_run(history, head_branch="main", head_sha=history.feature)
    refused(deploy(tagged, history.feature, operation="auto"), "does not contain it")


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


def test_a_file_starts_one_flow(deploy: Deploy, history: History, tmp_path: Path) -> None:
    """Else what is written would be the first one's, and what is checked the second one's."""
    first = PROJECT.replace('name="guarded"', 'name="guarded", production=True').partition("\nif __name__")[0]
    second = PROJECT.replace("GuardedFlow", "SecondFlow").partition("\nif __name__")[0]
    start = "for one in (GuardedFlow, SecondFlow):\n    try:\n        one()\n    except SystemExit:\n        pass\n"
    workspace = history.check_out(history.feature, tmp_path / "two")
    (workspace / "flows" / "two.py").write_text(
        f"{first}\n{second.replace('from __future__', '# from __future__')}\n{start}"
    )
    pushed = event("push", history.feature, "refs/heads/feature", after=history.feature)
    result = deploy.on(workspace, pushed, "flows/two.py", project_branch="mine")
    assert (result.outputs["failure-reason"], result.outputs["deployment-id"]) == ("flow-invalid", ""), result.log
    assert "starts two flows in one process, GuardedFlow and then SecondFlow" in result.log


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


def test_a_comment_deploys_a_pull_request_beside_production_alone(deploy: Deploy, history: History) -> None:
    commented = event("issue_comment", history.merged, issue={"number": 8})
    refused(deploy(commented, history.feature), "does not contain it")
    deployed(
        deploy(commented, history.feature, "flows/daily.py", project_branch="comment"),
        "guarded.test.comment.GuardedFlow",
    )
    deployed(deploy(commented, history.merged))


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


def test_a_merge_queues_branch_is_not_merged_yet(deploy: Deploy, history: History) -> None:
    queued = event("merge_group", history.trial, "refs/heads/gh-readonly-queue/main/pr-8-abc")
    refused(deploy(queued, history.trial, deploy_branches="**"), "is not merged yet")


@pytest.mark.parametrize("name", ["schedule", "repository_dispatch", "workflow_dispatch"])
def test_what_is_started_on_the_default_branch_is_deployed(name: str, deploy: Deploy, history: History) -> None:
    deployed(deploy(event(name, history.merged), history.merged, operation="auto"))


def test_an_older_commit_is_deployed_by_hand(deploy: Deploy, history: History) -> None:
    """The way back: `ref` of actions/checkout names what is deployed again."""
    deployed(deploy(event("workflow_dispatch", history.merged), history.first))


def test_without_an_answer_of_github_nothing_goes_to_production(deploy: Deploy, history: History, world: World) -> None:
    tagged = event("push", history.first, "refs/tags/v1")
    for request in ("/git/matching-refs/", "/compare/"):
        world.github.fail_next("GET", f"{REPOSITORY}.*{request}", status=403)
        refused(deploy(tagged, history.first), "could not be found out", "contents: read")
    refused(deploy(tagged, history.first, github_token=" "), "no `github-token`")


def test_without_a_repository_nothing_goes_to_production(deploy: Deploy, history: History, tmp_path: Path) -> None:
    """What actions/checkout leaves on a runner without git."""
    workspace = history.check_out(history.merged, tmp_path / "files")
    shutil.rmtree(workspace / ".git")
    (workspace / ".git").mkdir()
    (workspace / ".git" / "config").touch()
    refused(deploy.on(workspace, event("push", history.merged)), "Which commit is checked out cannot be read")


def test_a_run_of_what_is_deployed_is_not_limited(deploy: Deploy, history: History) -> None:
    deployed(deploy(event("push", history.merged, after=history.merged), history.merged))
    commented = event("issue_comment", history.merged, issue={"number": 8})
    ran = deploy(commented, history.feature, operation="trigger", wait="none")
    assert ran.exit_code == 0, ran.log
    assert ran.outputs["run-pathspec"].startswith("GuardedFlow/")


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


def example(name: str, values: dict[str, str]) -> tuple[str, dict[str, str]]:
    """What an example's steps say, on the sandbox's Step Functions: the `ref` to check out, and the action's inputs."""
    (job,) = yaml.safe_load((ROOT / "examples" / "workflows" / name).read_text())["jobs"].values()
    checkout, deploying = (step["with"] for step in job["steps"])

    def filled(text: object) -> str:
        return re.sub(r"\$\{\{ (.+?) \}\}", lambda found: values[found[1]], str(text))

    secrets = ("kubeconfig", "metaflow-config")
    inputs = {key: filled(value) for key, value in deploying.items() if key not in secrets}
    assert checkout["persist-credentials"] is False
    assert inputs["flow"].startswith("flows/")
    assert (ROOT / "examples" / inputs["flow"]).is_file()
    return filled(checkout.get("ref", "")), {**inputs, "orchestrator": "step-functions", "comment": "off"}


def test_the_examples_deploy_what_they_are_for(deploy: Deploy, history: History) -> None:
    tag = event("push", history.first, "refs/tags/v1")
    _, inputs = example("tag.yml", {"github.ref_name": "v1"})
    deployed(deploy(tag, history.first, **{**inputs, "flow": "flows/plain.py"}))

    published = event("release", history.first, "refs/tags/v1", release={"target_commitish": "main"})
    _, inputs = example("release.yml", {"github.event.release.tag_name": "v1"})
    deployed(deploy(published, history.first, **{**inputs, "flow": "flows/plain.py"}))

    tested = workflow_run(history, head_sha=history.first)
    ref, inputs = example("after-ci.yml", {"github.event.workflow_run.head_sha": history.first})
    deployed(deploy(tested, ref, **{"operation": "auto", **inputs, "flow": "flows/plain.py"}))

    opened = pull_request(history)
    _, inputs = example("preview.yml", {"github.event.pull_request.number": "8"})
    previewed = deploy(opened, history.trial, **{**inputs, "flow": "flows/daily.py"})
    deployed(previewed, "guarded.test.pr_8.GuardedFlow")
    plain = deploy(opened, history.trial, **{**inputs, "flow": "flows/plain.py"})
    assert (plain.exit_code, plain.outputs["failure-reason"]) == (1, "input"), "it has no branches"
