"""PyGithub behind one small client: the pull requests of commits, and their comments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deployer.github.comment import Comment, CommentHeader, parse
from deployer.github.errors import UNKNOWN, GitHubError, explain

if TYPE_CHECKING:
    from github.Requester import Requester

MOST_COMMITS = 50
"""Commits of one push that are asked about: a merge queue merges fewer, a force-push of a branch has too many."""


@dataclass(frozen=True, kw_only=True)
class ClientSettings:
    """How patient the client is. Seconds."""

    request_timeout: float = 15
    retries: int = 4
    longest_wait: float = 60
    """For a rate limit that passes; a longer one is given up."""
    between_requests: float = 0.05
    between_writes: float = 1.0
    """GitHub asks for a second between writes (Best practices for using the REST API)."""


@dataclass(frozen=True, kw_only=True)
class PullRequest:
    """A merged pull request."""

    number: int
    title: str
    author: str


class GitHubClient:
    """GitHub for one repository and one token."""

    def __init__(self, *, token: str, repository: str, api_url: str, settings: ClientSettings | None = None) -> None:
        """Args:
        token: any kind: GITHUB_TOKEN, an App's, a person's.
        repository: OWNER/NAME.
        api_url: GITHUB_API_URL; GitHub Enterprise Server's ends in /api/v3.
        settings: how patient to be.
        """
        self._token = token
        self._repository = repository
        self._api_url = api_url
        self._settings = settings or ClientSettings()
        self._made: Requester | None = None
        self._login: str | None = None

    def merged_pull_requests(self, commits: Sequence[str]) -> tuple[PullRequest, ...]:
        """The merged pull requests that brought these commits, by number.

        A squashed, a rebased and a merged one are all found over `commits/{sha}/pulls`.

        Raises:
            GitHubError: GitHub cannot be asked.
        """
        found: dict[int, PullRequest] = {}
        for sha in list(dict.fromkeys(commits))[-MOST_COMMITS:]:
            for pull in self._get(f"/commits/{sha}/pulls", "looking for the commit's pull requests"):
                if pull.get("merged_at"):
                    number = int(pull["number"])
                    author = str((pull.get("user") or {}).get("login", ""))
                    found[number] = PullRequest(number=number, title=str(pull.get("title", "")), author=author)
        return tuple(found[number] for number in sorted(found))

    def comments(self, number: int, key: str) -> tuple[Comment, ...]:
        """The comments of a pull request that bear this key and were written by this very token's owner, oldest first.

        A user may paste our header into a comment of their own: such a comment is never taken for ours.

        Raises:
            GitHubError: GitHub cannot be asked.
        """
        found = []
        for raw in self._pages(f"/issues/{number}/comments", "reading the comments"):
            header = parse(str(raw.get("body") or ""))
            if header is not None and header.key == key and self._is_ours(raw):
                found.append(_comment(raw, header))
        return tuple(sorted(found, key=lambda comment: comment.id))

    def create_comment(self, number: int, body: str) -> Comment:
        """Write a comment.

        Raises:
            GitHubError: GitHub refused, or did not answer: then it may stand all the same.
        """
        raw = self._send("POST", f"/issues/{number}/comments", {"body": body}, "writing the comment")
        return _comment(raw, parse(body) or CommentHeader(key=""))

    def update_comment(self, comment: Comment, body: str) -> Comment:
        """Write a comment anew, in place.

        Raises:
            GitHubError: GitHub refused.
        """
        raw = self._send("PATCH", f"/issues/comments/{comment.id}", {"body": body}, "updating the comment")
        return _comment(raw, parse(body) or comment.header)

    def _is_ours(self, raw: dict[str, Any]) -> bool:
        user = raw.get("user") or {}
        if self._token.startswith("ghs_"):
            # an installation's token cannot ask who it is; what it writes is a bot's, which no person's comment is
            return str(user.get("type")) == "Bot"
        if self._login is None:
            self._login = str(self._request("GET", "/user", None, "asking who the token belongs to").get("login", ""))
        return str(user.get("login")) == self._login

    def _get(self, path: str, doing: str) -> list[dict[str, Any]]:
        return list(self._request("GET", f"/repos/{self._repository}{path}?per_page=100", None, doing))

    def _pages(self, path: str, doing: str) -> Iterator[dict[str, Any]]:
        url: str | None = f"/repos/{self._repository}{path}?per_page=100"
        while url is not None:
            with self._explained(doing):
                headers, page = self._requester().requestJsonAndCheck("GET", url)
            yield from page or []
            url = _next_page(str(headers.get("link", "")))

    def _send(self, verb: str, path: str, body: dict[str, Any], doing: str) -> dict[str, Any]:
        return dict(self._request(verb, f"/repos/{self._repository}{path}", body, doing))

    def _request(self, verb: str, url: str, body: dict[str, Any] | None, doing: str) -> Any:
        with self._explained(doing):
            return self._requester().requestJsonAndCheck(verb, url, input=body)[1]

    def _requester(self) -> Requester:
        if self._made is None:
            # a quarter of a second of CPU: paid only by a job that asks GitHub
            from github import Auth, Github
            from github.GithubRetry import GithubRetry

            settings = self._settings
            retry = GithubRetry(
                total=settings.retries,
                secondary_rate_wait=settings.longest_wait / 2,
                max_rate_limit_wait=settings.longest_wait,
                backoff_factor=0.5,
                # a comment that was asked for twice would stand twice: `publish` looks before it asks again
                allowed_methods={"GET", "PATCH"},
            )
            self._made = Github(
                base_url=self._api_url.rstrip("/"),
                auth=Auth.Token(self._token),
                timeout=round(settings.request_timeout),
                retry=retry,
                seconds_between_requests=settings.between_requests,
                seconds_between_writes=settings.between_writes,
            ).requester
        return self._made

    @contextmanager
    def _explained(self, doing: str) -> Iterator[None]:
        import requests
        from github import GithubException

        try:
            yield
        except GithubException as error:
            data = error.data if isinstance(error.data, dict) else {}
            said = str(data.get("message") or error.data or error)
            raise explain(doing, error.status or UNKNOWN, said, self._api_url) from error
        except (requests.RequestException, OSError) as error:
            raise explain(doing, UNKNOWN, str(error), self._api_url) from error


def _next_page(link: str) -> str | None:
    """The address of the next page in a Link header."""
    for part in link.split(","):
        address, _, relation = part.partition(";")
        if 'rel="next"' in relation:
            return address.strip().strip("<>")
    return None


def _comment(raw: dict[str, Any], header: CommentHeader) -> Comment:
    return Comment(id=int(raw["id"]), url=str(raw.get("html_url", "")), body=str(raw.get("body") or ""), header=header)


__all__ = ["ClientSettings", "GitHubClient", "GitHubError", "PullRequest"]
