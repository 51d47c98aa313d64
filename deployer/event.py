"""What called the job: GITHUB_* and the event's payload as a dataclass. Odd payloads raise nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from deployer.outcome import JobContext
from deployer.yaml_mapping import without_surrogates

PULL_REQUEST = ("pull_request", "pull_request_target")
NO_COMMIT = "0" * 40
LARGEST_PAYLOAD = 1 << 26
"""Bytes. GitHub sends payloads of up to 25 MB."""
ON_DEFAULT_BRANCH = ("schedule", "repository_dispatch")
"""Events that GitHub starts on the default branch alone; a schedule's payload does not even name the repository."""


@dataclass(frozen=True, kw_only=True)
class WorkflowRun:
    """The workflow run that a `workflow_run` event is about. What a payload lacks is None."""

    event: str | None = None
    """The event of that run: `push`, `pull_request`, …"""
    conclusion: str | None = None
    """`success`, `failure`, …; None while it runs."""
    head_branch: str | None = None
    """Its branch; for a pushed tag the tag's name, for a pull request of a fork the fork's branch."""
    head_sha: str | None = None
    is_own: bool = False
    """Whether its code is of this repository, and not of a fork."""


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
    """The branch to deploy from: the base of a merged pull request, else the ref's. None for a tag, and for a pull
    request that is not merged."""
    sha: str = ""
    """The commit to deploy: a merged pull request's merge commit, else GITHUB_SHA."""
    own_sha: str = ""
    """GITHUB_SHA: where GITHUB_REF is a branch, a commit of that branch (GitHub's "Events that trigger workflows")."""
    merge_commit: str | None = None
    """What a merged pull request's merge, squash or rebase ended in."""
    triggered_by: WorkflowRun | None = None
    """For the event `workflow_run` alone."""
    likely_branch: str | None = None
    """The branch that a tag's code is most likely of: what a release names as its target."""
    own_commits: tuple[str, ...] = ()
    """The commits that the event itself is about, whatever is checked out: GITHUB_SHA, and a pull request's merge."""
    commit_time: str | None = None
    before: str | None = None
    commits: tuple[str, ...] = ()
    """The commits of a push, the newest last; GitHub names 2048 at most. Of a `workflow_run` after a push, the last."""
    deleted: bool = False
    merged: bool = False
    pull_request: int | None = None
    pull_request_title: str | None = None
    pull_request_author: str | None = None
    is_fork: bool = False
    """Whether a pull request's head lies in another repository, one deleted since included: under `pull_request` its
    token is read-only and it has no secrets."""
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
    def is_unmerged(self) -> bool:
        """Whether it is about a pull request that is not merged: open, or closed without it."""
        return (self.name in PULL_REQUEST or self.pull_request is not None) and not self.merged

    @property
    def is_dependabot(self) -> bool:
        """Whether Dependabot is the actor: its runs have no secrets, on push either."""
        return self.actor == "dependabot[bot]"


def read_payload(environ: Mapping[str, str]) -> Mapping[str, Any]:
    """The event's payload; empty where GITHUB_EVENT_PATH names no JSON object, which is nobody's fault here."""
    try:
        path = Path(environ.get("GITHUB_EVENT_PATH", ""))
        if path.stat().st_size > LARGEST_PAYLOAD:
            return {}
        payload = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return payload if isinstance(payload, dict) else {}


def read_event(environ: Mapping[str, str], payload: Mapping[str, Any]) -> Event:
    """Read the event.

    Args:
        environ: the job's environment (GITHUB_*).
        payload: the content of GITHUB_EVENT_PATH.
    """
    event = _of_environment(environ)
    pull = _mapping(payload, "pull_request")
    merged = pull.get("merged") is True
    after = _text(payload, "after")
    default_branch = _text(_mapping(payload, "repository"), "default_branch")
    if default_branch is None and event.name in ON_DEFAULT_BRANCH:
        default_branch = event.branch
    merge_commit = _text(pull, "merge_commit_sha") if merged else None
    triggered_by = _workflow_run(payload, event.repository) if event.name == "workflow_run" else None
    commits = _commits(payload.get("commits"), after)
    if triggered_by is not None and triggered_by.event == "push" and triggered_by.head_sha is not None:
        commits = (triggered_by.head_sha,)
    return replace(
        event,
        action=_text(payload, "action"),
        default_branch=default_branch,
        branch=event.branch if not pull else _text(_mapping(pull, "base"), "ref") if merged else None,
        sha=merge_commit or event.sha,
        own_sha=event.sha,
        merge_commit=merge_commit,
        triggered_by=triggered_by,
        likely_branch=_text(_mapping(payload, "release"), "target_commitish"),
        own_commits=tuple(filter(None, (event.sha, merge_commit))),
        commit_time=_text(_mapping(payload, "head_commit"), "timestamp") or _text(pull, "merged_at"),
        before=_text(payload, "before"),
        commits=commits,
        deleted=payload.get("deleted") is True or after == NO_COMMIT,
        merged=merged,
        pull_request=_number(pull),
        pull_request_title=_text(pull, "title"),
        pull_request_author=_text(_mapping(pull, "user"), "login"),
        is_fork=_is_fork(pull, event.repository),
    )


def at_commit(event: Event, commit: str | None) -> Event:
    """The event with the commit that is really deployed, where that is known; only the event's own has a known time."""
    if commit is None or commit == event.sha:
        return event
    return replace(event, sha=commit, commit_time=None)


def _of_environment(environ: Mapping[str, str]) -> Event:
    ref = environ.get("GITHUB_REF", "")
    attempt = environ.get("GITHUB_RUN_ATTEMPT", "")
    return Event(
        name=environ.get("GITHUB_EVENT_NAME", ""),
        repository=environ.get("GITHUB_REPOSITORY", ""),
        ref=ref,
        branch=_branch(ref),
        sha=environ.get("GITHUB_SHA", ""),
        actor=environ.get("GITHUB_ACTOR", ""),
        workflow=environ.get("GITHUB_WORKFLOW", ""),
        workflow_file=_workflow_file(environ.get("GITHUB_WORKFLOW_REF", "")),
        job=environ.get("GITHUB_JOB", ""),
        run_id=environ.get("GITHUB_RUN_ID", ""),
        run_attempt=int(attempt) if re.fullmatch("[0-9]{1,9}", attempt) else 1,
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
    return without_surrogates(value) if isinstance(value, str) and value else None


def _workflow_run(payload: Mapping[str, Any], repository: str) -> WorkflowRun:
    run = _mapping(payload, "workflow_run")
    return WorkflowRun(
        event=_text(run, "event"),
        conclusion=_text(run, "conclusion"),
        head_branch=_text(run, "head_branch"),
        head_sha=_text(run, "head_sha"),
        is_own=bool(repository) and _text(_mapping(run, "head_repository"), "full_name") == repository,
    )


def _number(pull: Mapping[str, Any]) -> int | None:
    number = pull.get("number")
    return number if isinstance(number, int) and not isinstance(number, bool) else None


def _branch(ref: str) -> str | None:
    found = re.fullmatch(r"refs/heads/(.+)", ref)
    return found[1] if found else None


def _commits(listed: Any, after: str | None) -> tuple[str, ...]:
    commits = listed if isinstance(listed, list) else []
    found = [sha for commit in commits if isinstance(commit, dict) and (sha := _text(commit, "id")) is not None]
    if after is not None and after != NO_COMMIT and after not in found:
        found.append(after)
    return tuple(found)


def _is_fork(pull: Mapping[str, Any], repository: str) -> bool:
    head = _mapping(pull, "head")
    if not head:
        return False
    return _text(_mapping(head, "repo"), "full_name") != repository


def _workflow_file(workflow_ref: str) -> str:
    """`deploy.yml` of `octo-org/flows/.github/workflows/deploy.yml@refs/heads/main`."""
    return workflow_ref.split("@", 1)[0].rsplit("/", 1)[-1]
