"""PyGithub behind one small client: the pull requests of commits, and their comments."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from deployer.deadline import Cancellation, Deadline
from deployer.github.bounded import Abandoned, bounded
from deployer.github.comment import Comment, CommentHeader, parse
from deployer.github.errors import (
    FORBIDDEN,
    NOT_FOUND,
    UNAUTHORIZED,
    UNKNOWN,
    UNPROCESSABLE,
    GitHubError,
    explain,
    given_up,
    unexpected,
)

if TYPE_CHECKING:
    from github.Requester import Requester

T = TypeVar("T")

MOST_COMMITS = 50
"""Commits of one push that are asked about: a merge queue merges fewer, a force-push of a branch has too many."""
MOST_PAGES = 100
"""Of a list: 10,000 comments. A server that always names a next page is left after them."""
CONTAINED = ("behind", "identical")
"""How a comparison says that its second commit is in the first one's history."""
WORKFLOW_LOGIN = "github-actions[bot]"
"""Who GITHUB_TOKEN writes as."""


@dataclass(frozen=True, kw_only=True)
class ClientSettings:
    """How patient the client is. Seconds."""

    request_timeout: float = 15
    """Of silence, with each attempt."""
    retries: int = 4
    longest_wait: float = 60
    """For a rate limit that passes; a longer one is given up."""
    longest_request: float = 120
    """A request in all, with its retries and waits."""
    between_requests: float = 0.05
    between_writes: float = 1.0
    """GitHub asks for a second between writes (Best practices for using the REST API)."""


@dataclass(frozen=True, kw_only=True)
class PullRequest:
    """A merged pull request. Its texts are foreign data."""

    number: int
    title: str
    author: str
    """A login; empty where the account is gone."""
    base: str
    """The branch that it went into."""
    head_sha: str
    """The last commit of its own branch."""
    merge_commit_sha: str | None
    """What the merge, the squash or the rebase ended in; None where the API (from 2026-03-10 on) does not say."""
    merged_at: str
    """ISO 8601, UTC."""
    url: str


class GitHubClient:
    """GitHub for one repository and one token.

    Every method raises GitHubError where GitHub cannot be asked or refuses, and no other error.
    """

    def __init__(
        self,
        *,
        token: str,
        repository: str,
        api_url: str,
        settings: ClientSettings | None = None,
        deadline: Deadline | None = None,
        cancellation: Cancellation | None = None,
    ) -> None:
        """Args:
        token: any kind: GITHUB_TOKEN, an App's, a person's.
        repository: OWNER/NAME.
        api_url: GITHUB_API_URL; GitHub Enterprise Server's ends in /api/v3.
        settings: how patient to be.
        deadline: of all requests together.
        cancellation: ends a request that is under way; None where the job is cancelled and tells it all the same.
        """
        self._token = token
        self._repository = f"/repos/{repository}"
        self._api_url = api_url
        self._settings = settings or ClientSettings()
        self._deadline = deadline
        self._cancellation = cancellation
        self._made: Requester | None = None
        self._login: str | None = None

    def default_branch(self) -> str:
        """The repository's default branch, for events whose payload does not have it."""
        doing = "asking for the default branch"
        _, found = self._ask("GET", self._repository, doing)
        return self._read(doing, lambda: _text(found["default_branch"]))

    def repository(self) -> tuple[Mapping[str, str], Mapping[str, Any]]:
        """The repository as GitHub gives it, and the headers of the answer: what it tells of the token is in them."""
        doing = "asking for the repository"
        headers, found = self._ask("GET", self._repository, doing)
        if not isinstance(found, dict):
            raise unexpected(doing, f"no object: {found!r:.200}", self._api_url)
        return headers, found

    def branches(self, prefix: str) -> Mapping[str, str]:
        """The branches whose names begin with a prefix, each with its last commit.

        Asked for as refs, not by name: where a commit is looked for by name, a tag or a commit may bear it too.
        """
        doing = "asking for the branches"
        pages = self._pages(f"{self._repository}/git/matching-refs/heads/{quote(prefix)}", doing)
        return dict(self._read(doing, _head, raw) for raw in pages)

    def contains(self, head: str, commit: str) -> bool:
        """Whether a branch, by its last commit, contains a commit of the repository.

        A comparison's status is that of its second commit: `behind` where the first has more, `identical`, `ahead`, or
        `diverged`. A commit that only a fork has is `ahead` or `diverged`, one that nobody has is not found.

        Args:
            head: the SHA of the branch's last commit.
            commit: a full SHA.
        """
        doing = "comparing two commits"
        try:
            _, found = self._ask("GET", f"{self._repository}/compare/{head}...{commit}?per_page=1", doing)
        except GitHubError as error:
            if error.status in (NOT_FOUND, UNPROCESSABLE):
                return False
            raise
        return self._read(doing, lambda: _text(found["status"])) in CONTAINED

    def can_read_comments(self) -> None:
        """Ask for the repository's newest comment, which a token without the right is refused.

        Raises:
            GitHubError: it is refused, or GitHub cannot be asked.
        """
        self._ask("GET", f"{self._repository}/issues/comments?per_page=1", "reading comments")

    def merged_pull_requests(self, commits: Sequence[str]) -> tuple[PullRequest, ...]:
        """The merged pull requests that brought these commits, in the order in which they were merged.

        A squashed, a rebased, a merged one and each of a merge queue's are found over `commits/{sha}/pulls`. A commit
        that GitHub does not know brought none.
        """
        doing = "looking for the pull requests of the commits"
        found: dict[int, PullRequest] = {}
        for sha in list(dict.fromkeys(commits))[-MOST_COMMITS:]:
            try:
                pulls = list(self._pages(f"{self._repository}/commits/{sha}/pulls", doing))
            except GitHubError as error:
                if error.status == UNPROCESSABLE:
                    continue
                raise
            merged = [self._read(doing, _pull_request, raw) for raw in pulls if raw.get("merged_at")]
            found.update({pull.number: pull for pull in merged})
        return tuple(sorted(found.values(), key=lambda pull: (pull.merged_at, pull.number)))

    def find_comments(self, number: int, key: str) -> tuple[Comment, ...]:
        """The comments of a pull request that bear this key and were written by this very token's owner, oldest first.

        Anybody may paste our header into a comment: such a comment is never taken for ours.
        """
        doing = "reading the comments"
        found = []
        for raw in self._pages(f"{self._repository}/issues/{number}/comments", doing):
            header = parse(str(raw.get("body") or ""))
            if header is not None and header.key == key and _author(raw) == self._identity():
                found.append(self._read(doing, _comment, raw, header))
        return tuple(sorted(found, key=lambda comment: comment.id))

    def create_comment(self, number: int, body: str) -> Comment:
        """Write a comment. Where the error `may_have_succeeded`, it may stand all the same."""
        return self._write("POST", f"/issues/{number}/comments", body, "writing the comment")

    def update_comment(self, comment: Comment, body: str) -> Comment:
        """Write a comment anew, in place."""
        return self._write("PATCH", f"/issues/comments/{comment.id}", body, "updating the comment")

    def _write(self, verb: str, path: str, body: str, doing: str) -> Comment:
        _, raw = self._ask(verb, self._repository + path, doing, {"body": body})
        return self._read(doing, lambda: _comment(raw, parse(body) or CommentHeader(key="")))

    def _identity(self) -> str:
        """The login that the token writes as; asked once, and only when there is a comment to compare it with.

        GraphQL knows it of every kind of token; REST answers 403 to GITHUB_TOKEN and to an App's, which is a workflow's
        where GraphQL is not to be had.
        """
        if self._login is None:
            doing = "asking who the token belongs to"
            self._login = self._viewer(doing) or self._user(doing) or WORKFLOW_LOGIN
        return self._login

    def _viewer(self, doing: str) -> str | None:
        requester = self._requester(doing)
        try:
            _, answer = self._ask("POST", requester.graphql_url, doing, {"query": "query { viewer { login } }"})
        except GitHubError as error:
            if error.status == UNAUTHORIZED or error.may_have_succeeded:
                raise
            return None
        try:
            return _text(answer["data"]["viewer"]["login"])
        except (KeyError, TypeError):  # GraphQL tells its errors with status 200
            return None

    def _user(self, doing: str) -> str | None:
        try:
            _, answer = self._ask("GET", "/user", doing)
        except GitHubError as error:
            if error.status not in (FORBIDDEN, NOT_FOUND):
                raise
            return None
        return self._read(doing, lambda: _text(answer["login"]))

    def _pages(self, path: str, doing: str) -> Iterator[Mapping[str, Any]]:
        url = f"{path}?per_page=100"
        for _ in range(MOST_PAGES):
            headers, page = self._ask("GET", url, doing)
            if not isinstance(page, list) or not all(isinstance(one, dict) for one in page):
                raise unexpected(doing, f"no list of objects: {page!r:.200}", self._api_url)
            yield from page
            following = next_page(str(headers.get("link", "")))
            if following is None:
                return
            url = following

    def _ask(self, verb: str, url: str, doing: str, body: dict[str, Any] | None = None) -> tuple[Any, Any]:
        """GitHub's headers and JSON; whatever goes wrong, a GitHubError."""
        requester = self._requester(doing)
        limit = self._settings.longest_request
        limit = limit if self._deadline is None else min(limit, self._deadline.remaining)
        try:
            return bounded(lambda: requester.requestJsonAndCheck(verb, url, input=body), limit, self._cancellation)
        except Abandoned as left:
            self._made = None  # what was left may still use it
            raise given_up(doing, str(left)) from left
        except Exception as error:
            raise self._explained(doing, error) from error

    def _explained(self, doing: str, error: Exception) -> GitHubError:
        from github import GithubException
        from requests import RequestException

        if isinstance(error, GithubException):
            data = error.data if isinstance(error.data, dict) else {}
            said = str(data.get("message") or error.data or error)
            problems = data.get("errors")
            if isinstance(problems, list):
                said += "".join(f"; {one['message']}" for one in problems if isinstance(one, dict) and "message" in one)
            return explain(doing, error.status or UNKNOWN, said, self._api_url)
        if isinstance(error, RequestException | OSError):
            return explain(doing, UNKNOWN, str(error), self._api_url)
        # PyGithub raises ValueError, AssertionError, RuntimeError and more for answers and redirects that it can't read
        return unexpected(doing, f"{type(error).__name__}: {error}", self._api_url)

    def _read(self, doing: str, read: Callable[..., T], *given: Any) -> T:
        """What an answer says, which may be anything."""
        try:
            return read(*given)
        except (KeyError, TypeError, ValueError) as error:
            raise unexpected(doing, f"{type(error).__name__}: {error}", self._api_url) from error

    def _requester(self, doing: str) -> Requester:
        if self._made is None:
            # a quarter of a second of CPU: paid only by a job that asks GitHub
            from deployer.github.connection import connect

            try:
                self._made = connect(self._token, self._api_url, self._settings)
            except (AssertionError, AttributeError, TypeError, ValueError) as error:
                raise unexpected(doing, f"{type(error).__name__}: {error}", self._api_url) from error
        return self._made


def next_page(link: str) -> str | None:
    """The address of the next page in a Link header (RFC 8288, as GitHub writes it)."""
    for part in link.split(","):
        address, _, relation = part.partition(";")
        if 'rel="next"' in relation:
            return address.strip().strip("<>")
    return None


def _pull_request(raw: Mapping[str, Any]) -> PullRequest:
    merge_commit = raw.get("merge_commit_sha")
    return PullRequest(
        number=int(raw["number"]),
        title=str(raw.get("title") or ""),
        author=_author(raw),
        base=_text(raw["base"]["ref"]),
        head_sha=_text(raw["head"]["sha"]),
        merge_commit_sha=merge_commit if isinstance(merge_commit, str) else None,
        merged_at=_text(raw["merged_at"]),
        url=_text(raw["html_url"]),
    )


def _head(raw: Mapping[str, Any]) -> tuple[str, str]:
    """A branch's name and its last commit, of a Git Reference."""
    return _text(raw["ref"]).removeprefix("refs/heads/"), _text(raw["object"]["sha"])


def _comment(raw: Mapping[str, Any], header: CommentHeader) -> Comment:
    return Comment(id=int(raw["id"]), url=_text(raw["html_url"]), body=str(raw.get("body") or ""), header=header)


def _author(raw: Mapping[str, Any]) -> str:
    user = raw.get("user")
    return str(user.get("login", "")) if isinstance(user, dict) else ""


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"no text: {value!r:.100}")
    return value


__all__ = ["ClientSettings", "GitHubClient", "GitHubError", "PullRequest"]
