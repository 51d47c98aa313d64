"""What to do: the whole table of event, branch and inputs."""

from dataclasses import replace

import pytest

from deployer.branches import matches
from deployer.event import Event
from deployer.inputs import Inputs, input_names, read_inputs
from deployer.operation import Deploy, Skip, Trigger, decide

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
        (replace(PUSH, name="workflow_run"), "deploys nothing by itself"),
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


def test_deploy_branches_take_the_place_of_the_default_branch() -> None:
    release = replace(PUSH, branch="release/2", ref="refs/heads/release/2")
    assert decide(release, inputs(**{"deploy-branches": "main\nrelease/*"})).operations == (Deploy(runs=False),)
    (skipped,) = decide(PUSH, inputs(**{"deploy-branches": "release/*"})).operations
    assert isinstance(skipped, Skip)
    assert "`release/*`" in skipped.reason


def test_an_operation_by_name_runs_on_any_event_and_branch() -> None:
    odd = Event(name="issue_comment")
    assert decide(odd, inputs(operation="deploy")).operations == (Deploy(runs=False),)
    assert decide(odd, inputs(operation="trigger")).operations == (Trigger(by_name=False),)
    assert decide(replace(MERGED, merged=False), inputs(operation="deploy")).operations == (Deploy(runs=False),)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"wait-timeout": "5m"}, "`wait-timeout` is ignored, since no run is triggered"),
        ({"wait-timeout": "5m", "trigger": "true"}, None),
        ({"poll-interval": "5s", "trigger": "true", "wait": "none"}, "`poll-interval` is ignored, since `wait: none`"),
        ({"operation": "trigger", "tags": "a"}, "`tags` is ignored, since nothing is deployed"),
        ({"operation": "trigger", "trigger": "true"}, "`trigger` is ignored, since `operation: trigger`"),
        ({"operation": "trigger", "config-value": "{a: {b: 1}}"}, None),
        ({"operation": "deploy", "deploy-branches": "main"}, "`deploy-branches` is ignored, since `operation: deploy`"),
        ({"deploy-branches": "main"}, None),
        ({"production": "true", "metaflow-user": "ci", "comment": "failures", "github-token": "ghs_0"}, None),
    ],
)
def test_an_input_that_is_ignored_is_told(given: dict[str, str], told: str | None) -> None:
    warnings = decide(PUSH, inputs(**given)).warnings
    assert len(warnings) == (told is not None)
    assert all(str(told) in warning for warning in warnings)


def test_what_is_found_by_its_name_needs_no_flow() -> None:
    given = {"flow": "", "operation": "trigger", "deployment-name": "helloflow", "production": "true"}
    decision = decide(PUSH, inputs(**given))
    assert decision.operations == (Trigger(by_name=True),)
    assert decision.warnings == ("The input `production` is ignored, since the deployment is found by its name alone.",)


def test_a_skipped_job_tells_no_input_as_ignored() -> None:
    assert decide(replace(PUSH, deleted=True), inputs(**{"wait-timeout": "5m", "tags": "a"})).warnings == ()


def test_every_input_is_read_by_an_operation() -> None:
    used = Deploy(runs=True).uses | Trigger().uses | Skip(reason="").uses
    assert used == set(input_names())
    assert Deploy(runs=True).uses | Trigger().uses == used - {"deploy-branches"}, "which `auto` alone reads"


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
