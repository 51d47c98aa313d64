"""What to do: the whole table of event, branch and inputs."""

from dataclasses import replace
from typing import Any

import pytest

from deployer.branches import matches
from deployer.event import Event, WorkflowRun
from deployer.inputs import Inputs, OperationName, input_names, read_inputs
from deployer.operation import MANAGING, Deploy, Manage, Skip, Trigger, decide

PUSH = Event(name="push", ref="refs/heads/main", branch="main", default_branch="main")
MERGED = Event(
    name="pull_request",
    action="closed",
    merged=True,
    pull_request=7,
    ref="refs/pull/7/merge",
    branch="main",
    default_branch="main",
)


def inputs(**given: str) -> Inputs:
    return read_inputs({f"INPUT_{name.upper()}": value for name, value in {"flow": "a.py", **given}.items()})


@pytest.mark.parametrize(
    "event",
    [
        PUSH,
        MERGED,
        replace(MERGED, name="pull_request_target"),
        replace(PUSH, name="workflow_dispatch"),
        replace(PUSH, name="repository_dispatch"),
        replace(PUSH, name="schedule"),
        replace(PUSH, name="workflow_call"),
    ],
    ids=lambda event: event.name,
)
def test_auto_deploys_the_default_branch(event: Event) -> None:
    assert decide(event, inputs()).operations == (Deploy(runs=False),)


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (replace(MERGED, merged=False), "closed without being merged"),
        (replace(MERGED, action="opened", merged=False), "was opened, not closed"),
        (replace(MERGED, action="synchronize", merged=False), "was updated, not closed"),
        (replace(MERGED, action="review_requested", merged=False), "was review requested, not closed"),
        (replace(MERGED, action=None, merged=False), "was changed, not closed"),
        (replace(MERGED, branch="develop"), "`develop` is not the default branch `main`"),
        (replace(PUSH, ref="refs/heads/feature", branch="feature"), "is not the default branch"),
        (replace(PUSH, ref="refs/tags/v1", branch=None), "is a tag"),
        (replace(PUSH, ref="refs/tags/v1", branch=None, name="workflow_dispatch"), "is a tag"),
        (replace(PUSH, ref="", branch=None), "is no branch"),
        (replace(PUSH, deleted=True), "was deleted"),
        (replace(PUSH, name="issue_comment"), "deploys nothing by itself"),
        (replace(PUSH, name="release"), "deploys nothing by itself"),
        (replace(PUSH, name="merge_group"), "deploys nothing by itself"),
        (replace(PUSH, name=""), "deploys nothing by itself"),
        (replace(PUSH, default_branch=None), "name the branches in `deploy-branches`"),
    ],
)
def test_auto_skips_and_says_why(event: Event, why: str) -> None:
    (operation,) = decide(event, inputs()).operations
    assert isinstance(operation, Skip)
    assert why in operation.reason


RUN = WorkflowRun(event="push", conclusion="success", head_branch="main", head_sha="a" * 40, is_own=True)


def after(**changes: Any) -> Event:
    return replace(PUSH, name="workflow_run", triggered_by=replace(RUN, **changes))


def test_auto_deploys_after_a_successful_run_of_a_push() -> None:
    assert decide(after(), inputs()).operations == (Deploy(runs=False),)
    release = after(head_branch="release/2")
    assert decide(release, inputs(**{"deploy-branches": "release/*"})).operations == (Deploy(runs=False),)


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (after(is_own=False), "a fork's code"),
        (after(event="pull_request"), "started by `pull_request`"),
        (after(event=None), "started by `None`"),
        (after(conclusion="failure"), "ended with `failure`"),
        (after(conclusion=None), "has not ended"),
        (after(head_branch=None), "does not name the branch"),
        (after(head_branch="feature"), "`feature` is not the default branch"),
        (replace(PUSH, name="workflow_run", triggered_by=WorkflowRun()), "a fork's code"),
    ],
)
def test_after_any_other_run_it_skips(event: Event, why: str) -> None:
    (operation,) = decide(event, inputs()).operations
    assert isinstance(operation, Skip)
    assert why in operation.reason


def test_deploy_branches_take_the_place_of_the_default_branch() -> None:
    release = replace(PUSH, branch="release/2", ref="refs/heads/release/2")
    assert decide(release, inputs(**{"deploy-branches": "main\nrelease/*"})).operations == (Deploy(runs=False),)
    (skipped,) = decide(PUSH, inputs(**{"deploy-branches": "release/*"})).operations
    assert isinstance(skipped, Skip)
    assert "`release/*`" in skipped.reason


def test_an_operation_by_name_runs_on_any_event_and_branch() -> None:
    odd = Event(name="issue_comment")
    assert decide(odd, inputs(operation="deploy")).operations == (Deploy(runs=False),)
    assert decide(odd, inputs(operation="trigger")).operations == (Trigger(by_id=False),)
    assert decide(replace(MERGED, merged=False), inputs(operation="deploy")).operations == (Deploy(runs=False),)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"wait-timeout": "5m"}, "`wait-timeout` is ignored, since no run is triggered"),
        ({"wait-timeout": "5m", "trigger": "true"}, None),
        ({"poll-interval": "5s", "trigger": "true", "wait": "none"}, "`poll-interval` is ignored, since `wait: none`"),
        ({"operation": "trigger", "tags": "a"}, "`tags` is ignored, since nothing is deployed"),
        ({"operation": "trigger", "trigger": "true"}, "`trigger` is ignored, since `operation: trigger`"),
        ({"operation": "trigger", "config": "{a: {b: 1}}"}, None),
        ({"operation": "deploy", "deploy-branches": "main"}, None),
        ({"operation": "trigger", "deploy-branches": "main"}, None),
        ({"deploy-branches": "main"}, None),
        ({"production": "true", "metaflow-user": "ci", "comment": "failures", "github-token": "ghs_0"}, None),
    ],
)
def test_an_input_that_is_ignored_is_told(given: dict[str, str], told: str | None) -> None:
    warnings = decide(PUSH, inputs(**given)).warnings
    assert len(warnings) == (told is not None)
    assert all(str(told) in warning for warning in warnings)


def test_what_is_found_by_its_identifier_needs_no_flow() -> None:
    given = {"flow": "", "operation": "trigger", "deployment-id": "helloflow", "production": "true"}
    decision = decide(PUSH, inputs(**given))
    assert decision.operations == (Trigger(by_id=True),)
    assert decision.warnings == (
        "The input `production` is ignored, since the deployment is found without its flow file.",
    )


MANAGED = {
    "list": {},
    "status": {"deployment-id": "x"},
    "terminate": {"deployment-id": "x", "run-id": "argo-x-1"},
    "suspend": {"deployment-id": "x", "run-id": "argo-x-1"},
    "unsuspend": {"deployment-id": "x", "run-id": "argo-x-1"},
    "delete": {"deployment-id": "x"},
    "production-token": {"deployment-id": "x"},
    "cleanup": {},
}


@pytest.mark.parametrize("operation", list(MANAGED))
def test_what_is_deployed_is_managed_on_any_event_without_a_flow(operation: str) -> None:
    given = {"flow": "", "operation": operation, **MANAGED[operation]}
    decision = decide(Event(name="issue_comment"), inputs(**given))
    assert decision.operations == (Manage(operation=OperationName(operation)),)
    assert decision.warnings == ()
    assert decision.operations[0].name == operation


def test_every_operation_without_a_flow_says_what_it_reads() -> None:
    assert {str(one) for one in MANAGING} == set(MANAGED)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"operation": "list", "flow": "a.py"}, "`flow` is ignored, since the deployment is found without its flow"),
        ({"operation": "list", "dry-run": "false"}, "`dry-run` is ignored, since `operation: list` does not ask"),
        ({"operation": "list", "project-branch": "x", "tags": "a", "project": "p", "flow-name": "F"}, None),
        ({"operation": "list", "authorize": "t"}, "`authorize` is ignored, since nothing is deployed"),
        ({"operation": "delete", "deployment-id": "x", "run-id": "argo-x-1"}, "`run-id` is ignored"),
        ({"operation": "cleanup", "wait": "none"}, "`wait` is ignored"),
        ({"operation": "cleanup", "older-than": "1d", "max-deletions": "3", "dry-run": "false"}, None),
        ({"operation": "cleanup", "older-than": "1d", "removed": "true"}, "`removed: true` takes what is gone"),
        ({"operation": "deploy", "flow": "a.py", "deployment-id": "x"}, "`operation: deploy` does not ask for it"),
        ({"flow": "a.py", "older-than": "1d"}, "`operation: auto` does not ask for it"),
    ],
)
def test_what_a_managing_operation_ignores_is_told(given: dict[str, str], told: str | None) -> None:
    if given.get("wait"):
        given = {**given, "trigger": "true"}
    warnings = [one for one in decide(PUSH, inputs(**{"flow": "", **given})).warnings if "`trigger`" not in one]
    assert len(warnings) == (told is not None), warnings
    assert all(str(told) in warning for warning in warnings)


def test_a_skipped_job_tells_no_input_as_ignored() -> None:
    assert decide(replace(PUSH, deleted=True), inputs(**{"wait-timeout": "5m", "tags": "a"})).warnings == ()


def test_every_input_is_read_by_an_operation() -> None:
    managing = [Manage(operation=one).uses for one in MANAGING]
    used = Deploy(runs=True).uses.union(Trigger().uses, Trigger(by_id=True).uses, *managing)
    assert used == set(input_names())
    assert Skip(reason="").uses == set(input_names())


def test_a_job_without_secrets_is_told_before_they_are_missed() -> None:
    assert "fork" in decide(replace(MERGED, is_fork=True), inputs()).warnings[0]
    assert decide(replace(MERGED, is_fork=True, name="pull_request_target"), inputs()).warnings == ()
    assert decide(replace(MERGED, is_fork=True, merged=False), inputs()).warnings == ()
    assert "Dependabot" in decide(replace(PUSH, actor="dependabot[bot]"), inputs()).warnings[0]


@pytest.mark.parametrize(
    ("branch", "patterns", "expected"),
    [
        ("main", ["main"], True),
        ("mainline", ["main"], False),
        ("release/1", ["release/*"], True),
        ("release/1/hotfix", ["release/*"], False),
        ("release/1/hotfix", ["release/**"], True),
        ("release/old", ["release/**", "!release/old"], False),
        ("release/old", ["!release/old", "release/**"], True),
        ("v1.0", ["v[0-9].[0-9]"], True),
        ("v10", ["v[0-9]+"], True),
        ("a.b", ["a.b"], True),
        ("axb", ["a.b"], False),
        ("main", ["*"], True),
        ("feature/x", ["*"], False),
        ("feature/x", ["**"], True),
        ("a(b", ["a(b"], True),
        ("aab", ["a+b"], True),
        ("ac", ["ab?c"], True),
        ("*", ["\\*"], True),
        ("x", ["\\*"], False),
        ("main", [], False),
    ],
)
def test_patterns_are_githubs(branch: str, patterns: list[str], expected: bool) -> None:
    assert matches(branch, patterns) is expected
