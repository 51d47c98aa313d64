"""What to do: the whole table of event, branch and inputs."""

from dataclasses import replace

import pytest

from deployer.branches import matches
from deployer.event import Event, read_event
from deployer.inputs import Inputs, read_inputs
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
        (replace(MERGED, branch="develop"), "`develop` is not the default branch `main`"),
        (replace(PUSH, ref="refs/heads/feature", branch="feature"), "is not the default branch"),
        (replace(PUSH, ref="refs/tags/v1", branch=None), "is a tag"),
        (replace(PUSH, deleted=True), "was deleted"),
        (replace(PUSH, name="issue_comment"), "deploys nothing by itself"),
        (replace(PUSH, name="workflow_run"), "deploys nothing by itself"),
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
    assert decide(odd, inputs(operation="trigger")).operations == (Trigger(),)
    assert decide(replace(MERGED, merged=False), inputs(operation="deploy")).operations == (Deploy(runs=False),)


def test_inputs_that_are_ignored_are_told() -> None:
    assert decide(PUSH, inputs(**{"wait-timeout": "5m"})).warnings == (
        "The input `wait-timeout` is ignored, since no run is triggered.",
    )
    assert decide(PUSH, inputs(**{"wait-timeout": "5m", "trigger": "true"})).warnings == ()
    assert decide(PUSH, inputs(operation="trigger", tags="a")).warnings == (
        "The input `tags` is ignored, since nothing is deployed.",
    )


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
    ],
)
def test_patterns_are_githubs(branch: str, patterns: list[str], expected: bool) -> None:
    assert matches(branch, patterns) is expected


def test_a_merged_pull_request_is_its_base_and_its_merge_commit() -> None:
    payload = {
        "action": "closed",
        "pull_request": {
            "number": 7,
            "merged": True,
            "merge_commit_sha": "m" * 40,
            "base": {"ref": "main"},
            "head": {"repo": {"full_name": "fork/flows"}},
        },
        "repository": {"default_branch": "main"},
    }
    event = read_event(
        {"GITHUB_EVENT_NAME": "pull_request", "GITHUB_REPOSITORY": "o/flows", "GITHUB_SHA": "s" * 40}, payload
    )
    assert (event.branch, event.sha, event.pull_request, event.merged, event.is_fork) == (
        "main",
        "m" * 40,
        7,
        True,
        True,
    )


def test_a_push_tells_its_commits_and_a_deletion() -> None:
    environ = {"GITHUB_EVENT_NAME": "push", "GITHUB_REF": "refs/heads/main", "GITHUB_SHA": "b" * 40}
    event = read_event(environ, {"after": "b" * 40, "commits": [{"id": "a" * 40}, {"id": "b" * 40}]})
    assert event.commits == ("a" * 40, "b" * 40)
    assert read_event(environ, {"after": "0" * 40}).deleted


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"pull_request": None, "commits": "x", "repository": []},
        {"pull_request": {"number": "7", "merged": "true", "base": None, "head": {"repo": None}}},
        {"commits": [None, 1, {"id": 3}], "after": 5, "deleted": "yes"},
    ],
)
def test_odd_payloads_are_read_as_far_as_they_go(payload: dict[str, object]) -> None:
    event = read_event({"GITHUB_EVENT_NAME": "push", "GITHUB_RUN_ATTEMPT": "x"}, payload)
    assert event.name == "push"
    assert not event.merged
    assert event.run_attempt == 1
