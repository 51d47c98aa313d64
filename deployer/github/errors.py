"""What GitHub refuses, explained. Reporting never decides the deployment: the caller makes a warning of it."""

from __future__ import annotations

from dataclasses import dataclass

UNKNOWN = 0
UNAUTHORIZED = 401
FORBIDDEN = 403
NOT_FOUND = 404
GONE = 410
UNPROCESSABLE = 422
TOO_MANY = 429
SERVER_ERROR = 500

IN_THE_SUMMARY = "The report is in the job's summary."


class GitHubError(Exception):
    """A request to GitHub failed."""

    def __init__(
        self, message: str, advice: str, evidence: str = "", *, status: int = UNKNOWN, here_alone: bool = False
    ) -> None:
        """Args:
        message: one sentence on what is wrong.
        advice: one on what to do.
        evidence: GitHub's own words, or the error beneath.
        status: the HTTP status; 0 where none came.
        here_alone: whether it concerns this pull request alone, and others can be told all the same.
        """
        shown = f" ({status or 'no answer'}: {evidence})" if evidence else ""
        super().__init__(f"{message} {advice}{shown}")
        self.message = message
        self.advice = advice
        self.evidence = evidence
        self.status = status
        self.here_alone = here_alone

    @property
    def may_have_succeeded(self) -> bool:
        """Whether the request may have been done all the same: nothing came back, or a server's error."""
        return self.status == UNKNOWN or self.status >= SERVER_ERROR


@dataclass(frozen=True)
class _Known:
    """A refusal that GitHub's words tell apart from others of its status."""

    words: tuple[str, ...]
    message: str
    advice: str
    here_alone: bool = False


RATE_LIMIT = _Known(
    ("rate limit", "abuse detection"),
    "GitHub limits the rate of requests; {doing} was given up.",
    IN_THE_SUMMARY + " If it happens often, give the input `github-token` a token with a limit of its own (a GitHub "
    "App's).",
)
KNOWN = (
    RATE_LIMIT,
    _Known(
        ("is locked",),
        "The pull request's conversation is locked: {doing} was refused.",
        IN_THE_SUMMARY + " Unlock the conversation to have comments.",
        here_alone=True,
    ),
    _Known(("archived",), "The repository is archived: {doing} was refused.", "Unarchive it, or set `comment: off`."),
    _Known(
        ("saml", "ip allow list"),
        "The organization's rules keep the `github-token` out: {doing} was refused.",
        "Authorize the token for the organization (SSO), or let the runner's address in.",
    ),
    _Known(
        ("personal access token",),
        "The personal access token in `github-token` may not do that: {doing}.",
        "Give it the repository permissions `Pull requests: Read and write` and `Contents: Read-only`.",
    ),
)
PERMISSIONS = (
    "Give the job `permissions: pull-requests: write` (and `contents: read`). On `pull_request`, a fork's token is "
    "read-only whatever the permissions say, and so is Dependabot's: deploy on `push`, where the token can write after "
    "the merge."
)
BY_STATUS = {
    UNAUTHORIZED: _Known(
        (),
        "GitHub does not accept the `github-token` for {doing}.",
        "Give `${{{{ github.token }}}}`, or renew the token; it must be one of the server at {api_url}.",
    ),
    FORBIDDEN: _Known((), "The `github-token` may not do that: {doing}.", PERMISSIONS),
    NOT_FOUND: _Known(
        (),
        "GitHub finds nothing for {doing}.",
        "The token may lack access: give the job `permissions: pull-requests: write` and `contents: read`. The API is "
        "asked at {api_url}; GitHub Enterprise Server's ends in /api/v3.",
        here_alone=True,
    ),
    GONE: _Known((), "GitHub has it no more: {doing}.", IN_THE_SUMMARY, here_alone=True),
    UNPROCESSABLE: _Known((), "GitHub refused the content: {doing}.", IN_THE_SUMMARY, here_alone=True),
    TOO_MANY: RATE_LIMIT,
    UNKNOWN: _Known((), "GitHub did not answer while {doing}.", "Check that the runner may reach {api_url}."),
}
OTHERWISE = _Known((), "GitHub failed while {doing} (status {status}).", IN_THE_SUMMARY)


def explain(doing: str, status: int, said: str, api_url: str) -> GitHubError:
    """An error from GitHub's answer.

    Args:
        doing: what was asked: `writing the comment`.
        status: the HTTP status; 0 where none came.
        said: GitHub's message, or the error beneath.
        api_url: GITHUB_API_URL.
    """
    lowered = said.lower()
    refused = status in (FORBIDDEN, TOO_MANY)
    by_words = next((one for one in KNOWN if refused and any(word in lowered for word in one.words)), None)
    known = by_words or BY_STATUS.get(status, OTHERWISE)
    told = {"doing": doing, "status": status, "api_url": api_url}
    return GitHubError(
        known.message.format(**told), known.advice.format(**told), said, status=status, here_alone=known.here_alone
    )


def unexpected(doing: str, what: str, api_url: str) -> GitHubError:
    """An error from an answer that is not GitHub's: a proxy's page, say.

    Args:
        doing: what was asked.
        what: what is odd about the answer.
        api_url: GITHUB_API_URL.
    """
    return GitHubError(
        f"What answers at {api_url} does not speak GitHub's API: {doing} was given up.",
        "Check GITHUB_API_URL (GitHub Enterprise Server's ends in /api/v3) and what lies between, such as a proxy.",
        what,
    )


def given_up(doing: str, why: str) -> GitHubError:
    """An error of a request that was not waited for any longer.

    Args:
        doing: what was asked.
        why: `the job was cancelled`.
    """
    return GitHubError(f"GitHub was not waited for any longer while {doing}: {why}.", IN_THE_SUMMARY)
