"""Production takes only code of a deploy branch: the action on checkouts of a real history, GitHub asked for it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from checkout_history import (
    FORK,
    PROJECT,
    REPOSITORY,
    Deploy,
    History,
    asked,
    deployed,
    event,
    pull_request,
    refused,
    workflow_run,
)

from sandbox.runner import ROOT
from sandbox.world import World

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="there is no git on this machine")


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


def test_a_comment_deploys_a_pull_request_beside_production_alone(deploy: Deploy, history: History) -> None:
    commented = event("issue_comment", history.merged, issue={"number": 8})
    refused(deploy(commented, history.feature), "does not contain it")
    deployed(
        deploy(commented, history.feature, "flows/daily.py", project_branch="comment"),
        "guarded.test.comment.GuardedFlow",
    )
    deployed(deploy(commented, history.merged))


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
