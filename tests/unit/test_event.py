"""The event: what GitHub hands over, as far as it goes, and which commit really lies in the workspace."""

import json
from pathlib import Path
from typing import Any

import pytest

from deployer.checkout import checked_out_commit
from deployer.event import Event, WorkflowRun, at_commit, job_context, read_event, read_payload

OLD, NEW = "a" * 40, "b" * 40


def environ(name: str, ref: str = "refs/heads/main", **more: str) -> dict[str, str]:
    return {
        "GITHUB_EVENT_NAME": name,
        "GITHUB_REF": ref,
        "GITHUB_REPOSITORY": "octo-org/flows",
        "GITHUB_SHA": OLD,
        **more,
    }


def pull_request(**changes: Any) -> dict[str, Any]:
    pull = {
        "number": 7,
        "title": "Retrain weekly",
        "merged": True,
        "merge_commit_sha": NEW,
        "merged_at": "2026-11-23T08:41:00Z",
        "base": {"ref": "main"},
        "head": {"ref": "weekly", "repo": {"full_name": "octo-org/flows"}},
        "user": {"login": "mona"},
    }
    repository = {"full_name": "octo-org/flows", "default_branch": "main"}
    return {"action": "closed", "pull_request": {**pull, **changes}, "repository": repository}


def test_a_merged_pull_request_is_its_base_and_its_merge_commit() -> None:
    event = read_event(environ("pull_request", "refs/pull/7/merge"), pull_request())
    assert (event.action, event.merged, event.branch, event.default_branch) == ("closed", True, "main", "main")
    assert (event.sha, event.commit_time) == (NEW, "2026-11-23T08:41:00Z")
    assert (event.pull_request, event.pull_request_title, event.pull_request_author) == (7, "Retrain weekly", "mona")


def test_a_pull_request_that_is_not_merged_has_no_merge_commit() -> None:
    """GitHub fills `merge_commit_sha` with a trial merge."""
    event = read_event(environ("pull_request", "refs/pull/7/merge"), pull_request(merged=False))
    assert (event.merged, event.sha, event.is_unmerged) == (False, OLD, True)
    assert event.branch is None, "the base is not what is deployed"


@pytest.mark.parametrize(
    ("head", "is_fork"),
    [
        ({"repo": {"full_name": "octo-org/flows"}}, False),
        ({"repo": {"full_name": "mona/flows"}}, True),
        ({"repo": None}, True),  # a fork that was deleted since
        (None, False),
    ],
)
def test_a_fork_is_known_by_its_head(head: object, is_fork: bool) -> None:
    assert read_event(environ("pull_request"), pull_request(head=head)).is_fork is is_fork


def test_a_push_tells_its_commits_with_the_last_one_added() -> None:
    payload = {"before": "c" * 40, "after": NEW, "commits": [{"id": OLD}], "head_commit": {"timestamp": "2026-11-23"}}
    event = read_event(environ("push"), payload)
    assert event.commits == (OLD, NEW)
    assert (event.before, event.commit_time, event.deleted) == ("c" * 40, "2026-11-23", False)


def test_a_deletion_is_seen_by_either_sign() -> None:
    assert read_event(environ("push"), {"after": "0" * 40}).deleted
    assert read_event(environ("push"), {"deleted": True, "after": NEW}).deleted
    assert read_event(environ("push"), {"after": "0" * 40}).commits == ()


@pytest.mark.parametrize(
    ("ref", "branch"),
    [("refs/heads/main", "main"), ("refs/heads/a/b", "a/b"), ("refs/tags/v1", None), ("refs/pull/7/merge", None)],
)
def test_only_a_branch_is_a_branch(ref: str, branch: str | None) -> None:
    assert read_event(environ("push", ref), {}).branch == branch


def test_a_workflow_run_tells_whose_code_it_was_of() -> None:
    run = {"event": "push", "conclusion": "success", "head_branch": "main", "head_sha": NEW}
    own = {**run, "head_repository": {"full_name": "octo-org/flows"}}
    event = read_event(environ("workflow_run"), {"workflow_run": own})
    assert event.triggered_by == WorkflowRun(
        event="push", conclusion="success", head_branch="main", head_sha=NEW, is_own=True
    )
    assert event.commits == (NEW,), "whose pull requests are told"
    fork = {**run, "event": "pull_request", "head_repository": {"full_name": "mona/flows"}}
    event = read_event(environ("workflow_run"), {"workflow_run": fork})
    assert event.triggered_by is not None
    assert not event.triggered_by.is_own
    assert event.commits == ()
    for odd in ({}, {"workflow_run": "x"}, {"workflow_run": {"head_repository": None}}):
        assert read_event(environ("workflow_run"), odd).triggered_by == WorkflowRun()
    assert read_event(environ("push"), {"workflow_run": own}).triggered_by is None


@pytest.mark.parametrize("name", ["schedule", "repository_dispatch"])
def test_what_starts_on_the_default_branch_alone_tells_which_it_is(name: str) -> None:
    """A schedule's payload names neither repository nor branch."""
    assert read_event(environ(name, "refs/heads/trunk"), {"schedule": "0 3 * * *"}).default_branch == "trunk"
    assert read_event(environ("push", "refs/heads/trunk"), {}).default_branch is None


def test_what_the_environment_tells() -> None:
    event = read_event(
        environ(
            "push",
            GITHUB_ACTOR="dependabot[bot]",
            GITHUB_WORKFLOW="Deploy flows",
            GITHUB_WORKFLOW_REF="octo-org/flows/.github/workflows/deploy.yml@refs/heads/main",
            GITHUB_JOB="deploy",
            GITHUB_RUN_ID="9",
            GITHUB_RUN_ATTEMPT="2",
            GITHUB_SERVER_URL="https://github.example.com",
            GITHUB_API_URL="https://github.example.com/api/v3",
            METAFLOW_DEPLOY_ENVIRONMENT="production",
        ),
        {},
    )
    assert event.is_dependabot
    assert (event.workflow_file, event.run_attempt) == ("deploy.yml", 2)
    assert event.api_url == "https://github.example.com/api/v3"
    context = job_context(event)
    assert context.run_url == "https://github.example.com/octo-org/flows/actions/runs/9/attempts/2"
    assert (context.commit, context.branch, context.environment) == (OLD, "main", "production")


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"pull_request": None, "commits": "x", "repository": []},
        {"pull_request": {"number": "7", "merged": "true", "base": None, "head": {"repo": None}}},
        {"pull_request": {"number": True, "merge_commit_sha": 5, "user": "mona"}},
        {"commits": [None, 1, {"id": 3}], "after": 5, "deleted": "yes", "action": {}},
    ],
)
@pytest.mark.parametrize("attempt", ["x", "", "²", "-1"])
def test_odd_payloads_are_read_as_far_as_they_go(payload: dict[str, Any], attempt: str) -> None:
    event = read_event({"GITHUB_EVENT_NAME": "push", "GITHUB_RUN_ATTEMPT": attempt}, payload)
    assert (event.name, event.merged, event.deleted, event.pull_request, event.commits) == (
        "push",
        False,
        False,
        None,
        (),
    )
    assert event.run_attempt == 1


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\udcff"])
def test_a_payload_that_is_none_is_empty(text: str, tmp_path: Path) -> None:
    path = tmp_path / "event.json"
    path.write_bytes(text.encode(errors="surrogateescape"))
    assert read_payload({"GITHUB_EVENT_PATH": str(path)}) == {}
    assert read_payload({"GITHUB_EVENT_PATH": str(tmp_path)}) == {}
    assert read_payload({}) == {}


def test_a_payload_that_github_does_not_send_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "event.json").open("wb") as file:
        file.truncate(1 << 30)
    assert read_payload({"GITHUB_EVENT_PATH": str(tmp_path / "event.json")}) == {}


def test_half_of_a_surrogate_pair_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "event.json").write_text(json.dumps(pull_request(title="\ud83d\ude00 and \ud83d")))
    event = read_event(environ("pull_request"), read_payload({"GITHUB_EVENT_PATH": str(tmp_path / "event.json")}))
    assert event.pull_request_title == "😀 and \ufffd"


def test_a_payload_is_read(tmp_path: Path) -> None:
    (tmp_path / "event.json").write_text(json.dumps({"title": "Größe"}))
    assert read_payload({"GITHUB_EVENT_PATH": str(tmp_path / "event.json")}) == {"title": "Größe"}


def repository(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / ".git" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / ".git" / name).write_text(text)
    return root


@pytest.mark.parametrize(
    ("files", "commit"),
    [
        ({"HEAD": f"{NEW}\n"}, NEW),
        ({"HEAD": "ref: refs/heads/main\n", "refs/heads/main": f"{NEW}\n"}, NEW),
        (
            {
                "HEAD": "ref: refs/heads/a/b\n",
                "packed-refs": f"# pack-refs\n{OLD} refs/heads/a\n{NEW} refs/heads/a/b\n",
            },
            NEW,
        ),
        ({"HEAD": "ref: refs/heads/main\n"}, None),  # no commit yet
        ({"HEAD": "ref: refs/../../secret\n", "../secret": NEW, "refs/heads/x": OLD}, None),
        ({"HEAD": "main\n"}, None),
        ({}, None),
    ],
)
def test_the_commit_that_lies_in_the_workspace(files: dict[str, str], commit: str | None, tmp_path: Path) -> None:
    assert checked_out_commit(repository(tmp_path, files)) == commit


def test_what_is_deployed_is_what_was_checked_out() -> None:
    event = Event(name="push", sha=OLD, commit_time="2026-11-23T08:41:00Z")
    assert at_commit(event, None) == event
    assert at_commit(event, OLD) == event
    assert (at_commit(event, NEW).sha, at_commit(event, NEW).commit_time) == (NEW, None)
