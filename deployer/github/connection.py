"""PyGithub, made patient within limits.

Importing this costs a quarter of a second of CPU: only a job that asks GitHub does.
"""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any

from github import Auth, Github
from github.GithubException import RateLimitExceededException
from github.GithubRetry import GithubRetry
from urllib3.exceptions import MaxRetryError

from deployer.github.errors import FORBIDDEN, TOO_MANY

if TYPE_CHECKING:
    from github.Requester import Requester
    from urllib3 import Retry
    from urllib3.connectionpool import ConnectionPool
    from urllib3.response import HTTPResponse

    from deployer.github.client import ClientSettings

REFUSED = (FORBIDDEN, TOO_MANY)
"""Statuses of a rate limit. Such a request was not done: it may be asked again, whatever its method."""
BACKOFF = 0.5
"""Seconds, doubled with each attempt from the second one."""


class PatientRetry(GithubRetry):
    """PyGithub's rules, with two more.

    What GitHub refuses for its rate limit is asked again with every method, and what fails otherwise with GET and
    PATCH alone: a comment asked for twice would stand twice. And no `Retry-After` is waited for longer than
    `max_rate_limit_wait`, which PyGithub holds only its own reckoning to: it would sleep for up to six hours.
    """

    def is_retry(self, method: str, status_code: int, has_retry_after: bool = False) -> bool:
        """Whether a status is asked again; urllib3's question."""
        return status_code in REFUSED or super().is_retry(method, status_code, has_retry_after)

    def increment(  # type: ignore[override]  # PyGithub narrows urllib3's
        self,
        method: str | None = None,
        url: str | None = None,
        response: HTTPResponse | None = None,
        error: Exception | None = None,
        _pool: ConnectionPool | None = None,
        _stacktrace: TracebackType | None = None,
    ) -> Retry:
        """What is left after one more failure; urllib3's question.

        Raises:
            RateLimitExceededException: the rate limit is not waited for.
        """
        if response is None or response.status not in REFUSED:
            return super().increment(method, url, response, error, _pool, _stacktrace)
        longest = self.max_rate_limit_wait
        wait = self.get_retry_after(response)
        if wait is not None and longest is not None and wait > longest:
            raise _rate_limited(response, f"GitHub asks to wait {wait:.0f} s, more than {longest:.0f} s")
        try:
            return super().increment(method, url, response, error, _pool, _stacktrace)
        except MaxRetryError:
            raise _rate_limited(response, f"the limit stood after {len(self.history) + 1} attempts") from None


def connect(token: str, api_url: str, settings: ClientSettings) -> Requester:
    """A requester of PyGithub.

    Args:
        token: of any kind.
        api_url: GITHUB_API_URL.
        settings: how patient to be.
    """
    retry = PatientRetry(
        total=settings.retries,
        secondary_rate_wait=settings.longest_wait / 2,
        max_rate_limit_wait=settings.longest_wait,
        backoff_factor=BACKOFF,
        allowed_methods={"GET", "PATCH"},
        raise_on_status=False,  # the last answer tells more than that there were too many
    )
    return Github(
        base_url=api_url.rstrip("/"),
        auth=Auth.Token(token),
        user_agent="metaflow-deploy",
        timeout=settings.request_timeout,  # type: ignore[arg-type]  # handed on to requests, which takes fractions
        retry=retry,
        seconds_between_requests=settings.between_requests,
        seconds_between_writes=settings.between_writes,
    ).requester


def _rate_limited(response: HTTPResponse, why: str) -> RateLimitExceededException:
    data: dict[str, Any] = {"message": f"rate limit exceeded: {why}"}
    return RateLimitExceededException(response.status, data, dict(response.headers))
