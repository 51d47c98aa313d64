"""What GitHub refuses, explained. Reporting never decides the deployment: the caller makes a warning of it."""

from __future__ import annotations

UNKNOWN = 0
UNAUTHORIZED = 401
FORBIDDEN = 403
NOT_FOUND = 404
UNPROCESSABLE = 422
SERVER_ERROR = 500


class GitHubError(Exception):
    """A request to GitHub failed."""

    def __init__(self, message: str, advice: str, evidence: str = "", *, status: int = UNKNOWN) -> None:
        super().__init__(f"{message} {advice}")
        self.message = message
        self.advice = advice
        self.evidence = evidence
        self.status = status

    @property
    def may_have_succeeded(self) -> bool:
        """Whether the request may have been done all the same: nothing came back, or a server's error."""
        return self.status == UNKNOWN or self.status >= SERVER_ERROR


def explain(doing: str, status: int, said: str, api_url: str) -> GitHubError:
    """An error from GitHub's answer.

    Args:
        doing: what was asked: `writing the comment`.
        status: the HTTP status; 0 where none came.
        said: GitHub's message.
        api_url: GITHUB_API_URL.
    """
    lowered = said.lower()
    if "rate limit" in lowered or "abuse" in lowered:
        advice = "It is tried again with the next run; comment less often, or with a token of your own."
        return GitHubError(f"GitHub limits the rate of requests; {doing} was given up.", advice, said, status=status)
    if status == UNAUTHORIZED:
        advice = "Give `${{ github.token }}`, or renew the token."
        return GitHubError(f"GitHub does not accept the `github-token` for {doing}.", advice, said, status=status)
    if status == FORBIDDEN:
        advice = (
            "Give the job `permissions: pull-requests: write`. On `pull_request`, a fork's token is read-only whatever "
            "the permissions say, and so is Dependabot's: deploy on `push`, which both have after the merge."
        )
        return GitHubError(f"The `github-token` may not do that: {doing}.", advice, said, status=status)
    if status == NOT_FOUND:
        advice = "The token may lack access: give the job `permissions: pull-requests: write`."
        return GitHubError(f"GitHub finds nothing for {doing}.", advice, said, status=status)
    if status == UNKNOWN:
        advice = f"Check that the runner may reach {api_url}."
        return GitHubError(f"GitHub did not answer while {doing}.", advice, said)
    return GitHubError(
        f"GitHub failed while {doing} (status {status}).",
        "It is told in the summary all the same.",
        said,
        status=status,
    )
