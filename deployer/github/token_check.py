"""What `operation: doctor` tells of the `github-token`: by what GitHub says of it, never by writing something."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from deployer.check import clock, ok, warning
from deployer.event import Event
from deployer.github.client import GitHubClient, GitHubError
from deployer.outcome import Check

INSTALLATION = "ghs_"
"""How the token of a workflow, or of another App's installation, begins
(github.blog/2021-04-05-behind-githubs-new-authentication-token-formats)."""
EXPIRY_NEAR = timedelta(days=14)
FEW_REQUESTS = 50
NAME = "GitHub token"
PERMISSION = "Give the job `permissions: pull-requests: write`; the first lines of its log show what its token has."


def token_checks(client: GitHubClient, event: Event, token: str, now: datetime) -> tuple[Check, ...]:
    """Whether the token can do what a report needs; trouble is a warning, since a report decides no deployment.

    Args:
        client: GitHub, with that token.
        event: what called the job.
        token: only its kind is looked at.
        now: this machine's time.
    """
    try:
        headers, repository = client.repository()
        client.can_read_comments()
    except GitHubError as error:
        said = f" ({error.evidence})" if error.evidence else ""
        return (warning(NAME, f"{error.message}{said}", error.advice),)
    told = {name.lower(): value for name, value in headers.items()}
    lines = [_rights(told, repository, event, token), _expiry(told, now), _rate(told)]
    return (*(line for line in lines if line is not None), clock("GitHub's", told.get("date"), now))


def _rights(headers: Mapping[str, str], repository: Mapping[str, Any], event: Event, token: str) -> Check:
    if event.is_fork and event.name == "pull_request":
        told = "It reads only, as every fork's does: this pull request cannot be commented on."
        return warning(NAME, told, "Deploy on `push`, which every merge is.")
    if event.is_dependabot:
        told = "It reads only where Dependabot is the actor, unless the workflow's `permissions` say more."
        return warning(NAME, told, PERMISSION)
    scopes = headers.get("x-oauth-scopes")
    if scopes is not None:  # a classic personal access token, or an OAuth app's
        has = {scope.strip() for scope in scopes.split(",") if scope.strip()}
        if not has & ({"repo"} if repository.get("private") else {"repo", "public_repo"}):
            listed = ", ".join(f"`{scope}`" for scope in sorted(has)) or "no scope"
            return warning(NAME, f"It has {listed}, and comments need `repo`.", "Give the token the scope `repo`.")
        return ok(NAME, f"reads and writes comments (scopes {', '.join(f'`{scope}`' for scope in sorted(has))})")
    kind = "the workflow's own, or an App's" if token.startswith(INSTALLATION) else "a fine-grained one"
    told = f"{kind}: it reads comments; whether it may write them GitHub tells only when one is written"
    return ok(NAME, f"{told}, so see that the job has `permissions: pull-requests: write`")


def _expiry(headers: Mapping[str, str], now: datetime) -> Check | None:
    """A personal token's end (github-authentication-token-expiration: `2027-01-02 03:04:05 UTC`)."""
    try:
        ends = datetime.fromisoformat(headers.get("github-authentication-token-expiration", "").replace(" UTC", "Z"))
    except ValueError:
        return None
    if ends.tzinfo is None or ends - now > EXPIRY_NEAR:
        return None
    return warning(
        NAME, f"It ends on {ends:%Y-%m-%d}.", "Renew it, or use `${{ github.token }}`, which every job gets."
    )


def _rate(headers: Mapping[str, str]) -> Check | None:
    left = headers.get("x-ratelimit-remaining", "")
    if not left.isdecimal() or int(left) >= FEW_REQUESTS:
        return None
    advice = "Give `github-token` a token with a limit of its own (a GitHub App's), or ask less often."
    return warning("GitHub's rate limit", f"{left} requests are left of this hour's.", advice)
