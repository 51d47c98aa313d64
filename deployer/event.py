"""What called the job: GITHUB_* and the event's payload as a dataclass. Odd payloads raise nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deployer.outcome import JobContext

NO_COMMIT = "0" * 40


@dataclass(frozen=True, kw_only=True)
class Event:
    """The event, as far as the action needs it. What a payload lacks is None."""

    name: str
    action: str | None = None
    repository: str = ""
    """OWNER/NAME."""
    default_branch: str | None = None
    ref: str = ""
    branch: str | None = None
    """The branch to deploy from: a pull request's base, else the ref's; None for a tag."""
    sha: str = ""
    """The commit to deploy: a closed pull request's merge commit, else GITHUB_SHA."""
    commit_time: str | None = None
    before: str | None = None
    commits: tuple[str, ...] = ()
    """The commits of a push, the newest last."""
    deleted: bool = False
    merged: bool = False
    pull_request: int | None = None
    pull_request_title: str | None = None
    pull_request_author: str | None = None
    is_fork: bool = False
    """Whether a pull request's head lies in another repository: its token is read-only and it has no secrets."""
    actor: str = ""
    workflow: str = ""
    workflow_file: str = ""
    job: str = ""
    run_id: str = ""
    run_attempt: int = 1
    server_url: str = "https://github.com"
    api_url: str = "https://api.github.com"
    environment: str | None = None

    @property
    def is_dependabot(self) -> bool:
        """Whether Dependabot is the actor: its runs have no secrets, on push either."""
        return self.actor == "dependabot[bot]"


def read_event(environ: Mapping[str, str], payload: Mapping[str, Any]) -> Event:
    """Read the event.

    Args:
        environ: the job's environment (GITHUB_*).
        payload: the content of GITHUB_EVENT_PATH.
    """
    pull = _mapping(payload, "pull_request")
    ref = environ.get("GITHUB_REF", "")
    base = _text(_mapping(pull, "base"), "ref")
    merge_commit = _text(pull, "merge_commit_sha") if pull.get("merged") is True else None
    head_repository = _text(_mapping(_mapping(pull, "head"), "repo"), "full_name")
    repository = environ.get("GITHUB_REPOSITORY", "")
    commits = payload.get("commits")
    return Event(
        name=environ.get("GITHUB_EVENT_NAME", ""),
        action=_text(payload, "action"),
        repository=repository,
        default_branch=_text(_mapping(payload, "repository"), "default_branch"),
        ref=ref,
        branch=base or _branch(ref),
        sha=merge_commit or environ.get("GITHUB_SHA", ""),
        commit_time=_text(_mapping(payload, "head_commit"), "timestamp") or _text(pull, "merged_at"),
        before=_text(payload, "before"),
        commits=_commits(commits if isinstance(commits, list) else [], _text(payload, "after")),
        deleted=payload.get("deleted") is True or _text(payload, "after") == NO_COMMIT,
        merged=pull.get("merged") is True,
        pull_request=_number(pull),
        pull_request_title=_text(pull, "title"),
        pull_request_author=_text(_mapping(pull, "user"), "login"),
        is_fork=bool(pull) and head_repository is not None and head_repository != repository,
        actor=environ.get("GITHUB_ACTOR", ""),
        workflow=environ.get("GITHUB_WORKFLOW", ""),
        workflow_file=_workflow_file(environ.get("GITHUB_WORKFLOW_REF", "")),
        job=environ.get("GITHUB_JOB", ""),
        run_id=environ.get("GITHUB_RUN_ID", ""),
        run_attempt=int(environ.get("GITHUB_RUN_ATTEMPT", ""))
        if environ.get("GITHUB_RUN_ATTEMPT", "").isdigit()
        else 1,
        server_url=environ.get("GITHUB_SERVER_URL") or "https://github.com",
        api_url=environ.get("GITHUB_API_URL") or "https://api.github.com",
        environment=environ.get("METAFLOW_DEPLOY_ENVIRONMENT") or None,
    )


def job_context(event: Event) -> JobContext:
    """What the report says of the job."""
    return JobContext(
        repository=event.repository,
        server_url=event.server_url,
        commit=event.sha,
        actor=event.actor,
        workflow=event.workflow,
        job=event.job,
        run_id=event.run_id,
        run_attempt=event.run_attempt,
        branch=event.branch,
        environment=event.environment,
    )


def _mapping(payload: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = payload.get(key)
    return value if isinstance(value, dict) else {}


def _text(payload: Mapping[str, Any], key: str) -> str | None:
    value = payload.get(key)
    return value if isinstance(value, str) and value else None


def _number(pull: Mapping[str, Any]) -> int | None:
    number = pull.get("number")
    return number if isinstance(number, int) and not isinstance(number, bool) else None


def _branch(ref: str) -> str | None:
    found = re.fullmatch(r"refs/heads/(.+)", ref)
    return found[1] if found else None


def _commits(commits: list[Any], after: str | None) -> tuple[str, ...]:
    found = [sha for commit in commits if isinstance(commit, dict) and (sha := _text(commit, "id")) is not None]
    if after is not None and after != NO_COMMIT and after not in found:
        found.append(after)
    return tuple(found)


def _workflow_file(workflow_ref: str) -> str:
    """`deploy.yml` of `octo-org/flows/.github/workflows/deploy.yml@refs/heads/main`."""
    return workflow_ref.split("@", 1)[0].rsplit("/", 1)[-1]
