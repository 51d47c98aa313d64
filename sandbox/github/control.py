"""What a test or the demo says to the GitHub stand-in. Standard library alone."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

ID_TOKEN_PATH = "/_apis/distributedtask/hubs/Actions/plans/sandbox/jobs/deploy/idtoken"
ID_TOKEN_REQUEST_TOKEN = "eyJzYW5kYm94IjoiaWQtdG9rZW4tcmVxdWVzdCJ9"
TIMEOUT = 30.0
"""Seconds; the stand-in answers its controls at once, even while a request hangs."""


class GitHubControl:
    """A stand-in that runs."""

    def __init__(self, url: str) -> None:
        """Args:
        url: where it serves, with no path.
        """
        self.api_url = url.rstrip("/")

    @property
    def enterprise_api_url(self) -> str:
        """The same API where GitHub Enterprise Server has it."""
        return f"{self.api_url}/api/v3"

    @property
    def id_token_variables(self) -> dict[str, str]:
        """What a job with `permissions: id-token: write` finds in its environment."""
        return {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.api_url}{ID_TOKEN_PATH}?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": ID_TOKEN_REQUEST_TOKEN,
        }

    def set_id_tokens(
        self, *, lifetime: float | None = None, subject: str | None = None, claims: Mapping[str, str] | None = None
    ) -> None:
        """Make OIDC tokens so from now on.

        Args:
            lifetime: seconds that they are valid for; five minutes by default.
            subject: whom they speak of, their `sub`.
            claims: further claims, or others in place of the usual ones.
        """
        self._ask("POST", "id-tokens", {"lifetime": lifetime, "subject": subject, "claims": dict(claims or {})})

    def add_repository(self, repository: str, *, default_branch: str = "main") -> None:
        """Add a repository, or give it another default branch.

        Args:
            repository: OWNER/NAME.
            default_branch: its default branch.
        """
        self._ask("POST", "repositories", {"repository": repository, "default_branch": default_branch})

    def add_pull_request(  # noqa: PLR0913  # all by name, most with a default
        self,
        *,
        number: int,
        title: str,
        merged: bool = True,
        merge_commit_sha: str | None = None,
        commits: Sequence[str] = (),
        base: str = "main",
        head: str = "feature",
        author: str = "octocat",
        repository: str = "octo-org/flows",
        state: str | None = None,
        body: str | None = None,
    ) -> None:
        """Add a pull request, and the repository if it is not there.

        Args:
            number: its number.
            title: its title.
            merged: whether it was merged.
            merge_commit_sha: the commit that the merge, the squash or the rebase ended in; made up where it is merged
                and none is given.
            commits: the SHAs that came with it, the oldest first; a squash leaves none of them on the base branch.
            base: the branch it goes into.
            head: the branch it comes from.
            author: who opened it.
            repository: OWNER/NAME.
            state: `open` or `closed`; a merged one is closed, another one open.
            body: its description.
        """
        pull = {"number": number, "title": title, "merged": merged, "merge_commit_sha": merge_commit_sha}
        pull |= {"commits": list(commits), "base": base, "head": head, "author": author, "state": state, "body": body}
        self._ask("POST", "pulls", {**pull, "repository": repository})

    def add_commits(self, *shas: str, repository: str = "octo-org/flows") -> None:
        """Add commits to the default branch that came with no pull request, the oldest first."""
        self._ask("POST", "commits", {"repository": repository, "commits": list(shas)})

    def set_history(self, folder: Path, *, repository: str = "octo-org/flows") -> None:
        """Have a real git repository on this machine answer for the commits and branches of a repository."""
        self._ask("POST", "histories", {"repository": repository, "folder": str(folder)})

    def add_comment(self, number: int, body: str, *, author: str, repository: str = "octo-org/flows") -> dict[str, Any]:
        """Add somebody's comment; it is sent by mail as any other.

        Returns:
            The comment, as GitHub shows it.
        """
        comment = {"repository": repository, "number": number, "body": body, "author": author}
        return dict(self._ask("POST", "comments", comment))

    def set_user(self, token: str, login: str) -> None:
        """Tell whose personal token this is; those not told are octocat's."""
        self._ask("POST", "users", {"token": token, "login": login})

    def comments(self, number: int, *, repository: str = "octo-org/flows") -> list[dict[str, Any]]:
        """The comments of a pull request, the oldest first, as GitHub shows them."""
        return list(self._ask("GET", "comments?" + urlencode({"repository": repository, "number": number})))

    def mails(self) -> list[dict[str, Any]]:
        """The mails sent: one a comment created, none a comment edited."""
        return list(self._ask("GET", "mails"))

    def requests(self) -> list[dict[str, Any]]:
        """All requests to the API, the oldest first.

        Each has `method`, `path` (as `/repos/OWNER/NAME/…`, whatever prefix or repository id was asked), `url` (path
        and query as asked), `query`, `headers` less the token, `login` (whose token), `body` and `status` (None: no
        answer was given).
        """
        return list(self._ask("GET", "requests"))

    def fail_next(  # noqa: PLR0913  # all by name, most with a default
        self,
        method: str,
        path: str,
        *,
        status: int = 500,
        times: int = 1,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        hang: float | None = None,
        drop: bool = False,
        carried_out: bool = False,
    ) -> None:
        """Fail the next requests that match.

        Args:
            method: GET, POST, …; `*` for any.
            path: a regular expression, searched in `/repos/OWNER/NAME/…?query`.
            status: the status to answer.
            times: how many requests fail.
            headers: of the answer, such as Retry-After.
            body: of the answer, as JSON; GitHub's own words for the status where none is given.
            hang: seconds to wait before failing.
            drop: whether to close the connection instead of answering.
            carried_out: whether the request is done all the same: the answer alone is lost.
        """
        fault = {"method": method, "path": path, "status": status, "times": times, "headers": dict(headers or {})}
        fault |= {"body": body, "hang": hang, "drop": drop, "carried_out": carried_out}
        self._ask("POST", "faults", fault)

    def reset(self) -> None:
        """Forget everything, failures to come too; octo-org/flows stands, empty."""
        self._ask("POST", "reset", {})

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.api_url}/_control/{path}", data=data, method=method)
        request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
                return json.loads(response.read())
        except urllib.error.HTTPError as error:
            said = error.read().decode(errors="replace")
            raise ValueError(f"the GitHub stand-in refused {method} {path} ({error.code}): {said}") from error
