"""Which code may go to production: the whole table, without a checkout and without GitHub."""

from dataclasses import replace

import pytest

from deployer.branches import DeployBranches
from deployer.event import Event, WorkflowRun
from deployer.inputs import Inputs, read_inputs
from deployer.outcome import FailureReason
from deployer.production import (
    Contains,
    ProductionRight,
    Unanswered,
    check_checkout,
    check_target,
    production_right,
)

OWN, MERGE, OTHER = "a" * 40, "b" * 40, "c" * 40
PUSH = Event(name="push", ref="refs/heads/main", branch="main", default_branch="main", own_sha=OWN)
FEATURE = replace(PUSH, ref="refs/heads/feature", branch="feature")
OPEN = replace(PUSH, name="pull_request", action="opened", ref="refs/pull/7/merge", branch=None, pull_request=7)
CLOSED = replace(OPEN, action="closed")
MERGED = replace(CLOSED, merged=True, branch="main", merge_commit=MERGE)
TARGET = replace(OPEN, name="pull_request_target", ref="refs/heads/main")
TAG = replace(PUSH, ref="refs/tags/v1", branch=None)
RUN = WorkflowRun(event="push", conclusion="success", head_branch="main", head_sha=OTHER, is_own=True)
AFTER = replace(PUSH, name="workflow_run", triggered_by=RUN)
COMMENT = replace(PUSH, name="issue_comment")
REVIEW = replace(OPEN, name="pull_request_review", action="submitted")
QUEUE = replace(
    PUSH, name="merge_group", ref="refs/heads/gh-readonly-queue/main/pr-7", branch="gh-readonly-queue/main/x"
)

ALLOWED = ProductionRight(allowed=True, why="It is.", source="the branch `main`")
REFUSED = ProductionRight(allowed=False, why="It is not.", source="the branch `feature`", advice="Merge it.")


def inputs(**given: str) -> Inputs:
    return read_inputs({f"INPUT_{name.upper()}": value for name, value in {"flow": "a.py", **given}.items()})


def never(branches: DeployBranches, commit: str) -> str | None:
    raise AssertionError(f"GitHub was asked whether {branches} contains {commit}")


def answers(*containing: str) -> Contains:
    """GitHub, where these branches contain every commit."""

    def contains(branches: DeployBranches, _: str) -> str | None:
        return next((one for one in containing if one in branches), None)

    return contains


def silent(_: DeployBranches, __: str) -> str | None:
    raise Unanswered("GitHub did not answer.", "Run the job again.", "502: Bad Gateway")


@pytest.mark.parametrize(
    ("event", "commit"),
    [
        (PUSH, OWN),
        (replace(PUSH, name="workflow_dispatch"), OWN),
        (replace(PUSH, name="schedule"), OWN),
        (replace(PUSH, name="issue_comment"), OWN),
        (MERGED, MERGE),
        (replace(MERGED, name="pull_request_target", ref="refs/heads/main"), OWN),
    ],
)
def test_the_events_own_commit_of_a_deploy_branch_needs_no_question(event: Event, commit: str) -> None:
    right = production_right(event, commit, inputs(), never)
    assert right.allowed
    assert "`main`" in right.why


@pytest.mark.parametrize(
    ("event", "commit", "why"),
    [
        (FEATURE, OWN, "the branch `feature`, which is none of `main`"),
        (replace(FEATURE, name="workflow_dispatch"), OWN, "the branch `feature`"),
        (OPEN, OWN, "pull request 7 is not merged"),
        (OPEN, OTHER, "pull request 7 is not merged"),
        (CLOSED, OWN, "was closed without being merged"),
        (TARGET, OWN, "is not merged"),
        (replace(OPEN, name="pull_request_review"), OTHER, "is not merged"),
        (replace(OPEN, pull_request=None), OTHER, "The pull request is not merged"),
        (QUEUE, OWN, "merge queue"),
        (replace(MERGED, branch="develop"), MERGE, "the branch `develop`"),
        (PUSH, None, "cannot be read from the workspace"),
        (replace(PUSH, default_branch=None), OWN, "does not name the repository's default branch"),
    ],
)
def test_what_is_of_no_deploy_branch_is_refused_without_a_question(event: Event, commit: str | None, why: str) -> None:
    right = production_right(event, commit, inputs(), never)
    assert not right.allowed
    assert why in right.why
    assert right.advice


@pytest.mark.parametrize(
    ("event", "commit"),
    [
        (TAG, OWN),
        (replace(TAG, name="release"), OWN),
        (PUSH, OTHER),
        (MERGED, OWN),
        (AFTER, OTHER),
        (replace(PUSH, name="issue_comment"), OTHER),
        (replace(PUSH, deleted=True), OWN),
    ],
)
def test_of_any_other_commit_github_is_asked(event: Event, commit: str) -> None:
    assert production_right(event, commit, inputs(), answers("main")).allowed
    refused = production_right(event, commit, inputs(), answers())
    assert not refused.allowed
    assert "does not contain it" in refused.why
    unknown = production_right(event, commit, inputs(), silent)
    assert (unknown.allowed, unknown.evidence) == (False, "502: Bad Gateway")
    assert "could not be found out" in unknown.why


def test_deploy_branches_are_the_branches_that_may() -> None:
    assert production_right(FEATURE, OWN, inputs(**{"deploy-branches": "main\nfeature"}), never).allowed
    assert not production_right(PUSH, OWN, inputs(**{"deploy-branches": "release/*"}), never).allowed
    assert production_right(TAG, OWN, inputs(**{"deploy-branches": "release/*"}), answers("release/2")).allowed
    assert not production_right(QUEUE, OWN, inputs(**{"deploy-branches": "**"}), never).allowed


def test_the_branch_that_the_event_names_is_asked_first() -> None:
    asked: list[str] = []

    def contains(branches: DeployBranches, _: str) -> str | None:
        asked.append(str(branches))
        return branches.default

    event = replace(TAG, name="release", likely_branch="release/2")
    assert production_right(event, OWN, inputs(**{"deploy-branches": "main\nrelease/*"}), contains).allowed
    assert asked == ["`release/2`"]
    event = replace(event, likely_branch="feature")  # which may not go to production itself
    production_right(event, OWN, inputs(**{"deploy-branches": "main"}), contains)
    assert asked[1:] == ["`main`"]


@pytest.mark.parametrize(
    ("event", "commit", "given", "why"),
    [
        (TARGET, OTHER, {}, "the job has secrets"),
        (TARGET, None, {}, "a commit that is not known"),
        (
            replace(AFTER, triggered_by=replace(RUN, is_own=False)),
            OTHER,
            {"operation": "deploy"},
            "the job has secrets",
        ),
        (AFTER, OWN, {}, "`ccccccc`, and the commit `aaaaaaa` is checked out"),
        (TARGET, OWN, {}, None),  # the base's commit
        (OPEN, OTHER, {}, None),  # a job without more secrets than the code's author has
        (AFTER, OTHER, {}, None),
        (AFTER, OWN, {"operation": "deploy"}, None),
        (COMMENT, OWN, {}, None),  # the default branch's commit
        (COMMENT, OTHER, {}, "no branch of this repository contains the commit `ccccccc`"),
        (COMMENT, None, {}, "a commit that is not known"),
        (REVIEW, OWN, {}, None),  # the trial merge of a branch of this repository
        (REVIEW, OTHER, {}, "no branch of this repository"),
        (replace(REVIEW, is_fork=True), OWN, {}, "no branch of this repository contains the commit `aaaaaaa`"),
        (replace(REVIEW, name="pull_request_review_comment", is_fork=True), OWN, {}, "the job has secrets"),
        (replace(PUSH, name="workflow_dispatch"), OTHER, {}, "no branch of this repository"),
        (replace(PUSH, name="repository_dispatch"), OTHER, {}, "no branch of this repository"),
        (replace(PUSH, name="deployment", ref=""), OWN, {"operation": "deploy"}, "no branch of this repository"),
        (TAG, OWN, {}, None),
        (FEATURE, OWN, {}, None),
        (FEATURE, None, {}, None),  # whoever can push may change the workflow as well
    ],
)
def test_code_of_others_does_not_run_in_a_job_with_secrets(
    event: Event, commit: str | None, given: dict[str, str], why: str | None
) -> None:
    right = production_right(event, commit, inputs(**given), answers())
    failure = check_checkout(event, commit, inputs(**given), right, answers())
    assert (failure is None) == (why is None)
    if failure is not None:
        assert why in failure.message
        assert (failure.reason, bool(failure.advice)) == (FailureReason.SOURCE, True)


def test_what_a_deploy_branch_contains_runs_everywhere() -> None:
    for event in (replace(TARGET, merged=True), replace(AFTER, triggered_by=replace(RUN, is_own=False))):
        given = inputs(operation="deploy")
        right = production_right(event, OTHER, given, answers("main"))
        assert check_checkout(event, OTHER, given, right, never) is None


@pytest.mark.parametrize("name", ["issue_comment", "workflow_dispatch", "schedule", "merge_group"])
def test_what_a_branch_of_the_repository_contains_runs_beside_production(name: str) -> None:
    event = replace(PUSH, name=name)
    right = production_right(event, OTHER, inputs(), answers("feature"))
    assert not right.allowed
    assert check_checkout(event, OTHER, inputs(), right, answers("feature")) is None
    assert check_checkout(event, OTHER, inputs(), right, answers(QUEUE.branch or "")) is not None, "not merged yet"


def test_what_github_does_not_say_is_no_branch_of_the_repository() -> None:
    event = replace(PUSH, name="issue_comment")
    failure = check_checkout(event, OTHER, inputs(), production_right(event, OTHER, inputs(), silent), silent)
    assert failure is not None
    assert "could not be found out. GitHub did not answer." in failure.message
    assert (failure.advice, failure.evidence) == ("Run the job again.", "502: Bad Gateway")


@pytest.mark.parametrize("right", [ALLOWED, REFUSED])
@pytest.mark.parametrize(
    ("project", "branch", "given", "allowed", "refused"),
    [
        (None, None, {}, None, "has no @project"),
        ("p", "prod", {}, None, "says `production=True` in @project, and the branch `feature` may not"),
        ("p", "prod", {"production": True}, None, "`production: true` asks for production"),
        ("p", "prod", {"production": False}, "is false", "is false"),
        ("p", "prod.x", {"project_branch": "x"}, "`prod.x`", "`prod.x`"),
        ("p", "prod.x", {"project_branch": "x", "production": True}, None, "`production: true` asks for production"),
        ("p", "prod.x", {}, None, "says `production=True` in @project"),
        ("p", "test.x", {"project_branch": "x"}, None, None),
        ("p", "test.x", {}, None, "and no `project-branch` is given"),
        ("p", "user.mona", {}, None, "from the branch `feature`, and no `project-branch`"),
        ("p", "user.mona", {"production": False}, None, "and no `project-branch` is given"),
        ("p", "production_like", {"project_branch": "x"}, None, None),
    ],
)
def test_where_a_flow_may_go(
    right: ProductionRight,
    project: str | None,
    branch: str | None,
    given: dict[str, object],
    allowed: str | None,
    refused: str | None,
) -> None:
    asked = {"project_branch": None, "production": None, **given}
    is_production = (branch or "").split(".")[0] == "prod"
    failure = check_target(project, branch, is_production, right, flow="TrainFlow", **asked)  # type: ignore[arg-type]
    expected = allowed if right.allowed else refused
    assert (failure.message if failure is not None else None) is None if expected is None else failure is not None
    if failure is not None and expected is not None:
        assert expected in failure.message
        assert failure.reason is FailureReason.SOURCE


@pytest.mark.parametrize("is_production", [True, False])
def test_a_branch_named_prod_is_production_whatever_else_is_known(is_production: bool) -> None:
    refused = check_target("p", "prod", is_production, REFUSED, flow="F", project_branch=None, production=None)
    assert refused is not None
    unnamed = check_target("p", None, True, REFUSED, flow="F", project_branch="x", production=None)
    assert unnamed is not None
    assert "`prod.x`" in unnamed.message


@pytest.mark.parametrize(
    ("patterns", "prefixes"),
    [
        ((), ("main",)),
        (("main", "release/**", "!release/old"), ("main", "release/")),
        (("*",), ("",)),
        (("ab?c", "v1+x"), ("a", "v")),
        (("v[0-9]", "x\\*"), ("v", "x")),
    ],
)
def test_deploy_branches_are_looked_up_by_how_they_begin(patterns: tuple[str, ...], prefixes: tuple[str, ...]) -> None:
    assert DeployBranches(patterns=patterns, default="main").prefixes == prefixes


def test_the_default_branch_is_no_pattern() -> None:
    branches = DeployBranches(default="c++")
    assert "c++" in branches
    assert "ccc" not in branches
