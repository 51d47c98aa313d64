"""What the stand-in remembers: repositories with a line of commits, pull requests, comments, mails, requests."""

from __future__ import annotations

import hashlib
import itertools
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sandbox.github.history import Comparison, GitHistory, compare_in_line

DEFAULT_REPOSITORY = "octo-org/flows"
BOT = "github-actions[bot]"
FIRST_COMMENT_ID = 2_500_000_001
FIRST_REPOSITORY_ID = 1_296_269


def now() -> str:
    """The time as GitHub writes it, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def made_up_sha(*parts: object) -> str:
    """A SHA that is always the same for the same parts."""
    return hashlib.sha1("\0".join(map(str, parts)).encode(), usedforsecurity=False).hexdigest()


@dataclass(kw_only=True)
class PullRequest:
    """A pull request, which is an issue too."""

    number: int
    title: str
    author: str
    merged: bool
    state: str
    merge_commit_sha: str | None
    commits: tuple[str, ...]
    base: str
    head: str
    body: str | None = None
    created_at: str = field(default_factory=now)

    @property
    def head_sha(self) -> str:
        """The last commit of its branch."""
        return self.commits[-1] if self.commits else made_up_sha("head", self.number, self.head)

    def contains(self, sha: str) -> bool:
        """Whether a commit came, or would come, with it."""
        return sha in (*self.commits, self.merge_commit_sha, self.head_sha)


@dataclass(kw_only=True)
class Comment:
    """A comment of an issue or a pull request."""

    id: int
    number: int
    author: str
    body: str
    by_app: bool
    created_at: str
    updated_at: str


@dataclass(kw_only=True)
class Repository:
    """A repository; its commits are one line, the oldest first, unless it has a real history."""

    id: int
    owner: str
    name: str
    default_branch: str = "main"
    pulls: dict[int, PullRequest] = field(default_factory=dict)
    comments: dict[int, Comment] = field(default_factory=dict)
    commits: list[str] = field(default_factory=list)
    created_at: str = field(default_factory=now)
    history: GitHistory | None = None
    """The real repository behind it, for what is asked of commits and branches."""

    @property
    def full_name(self) -> str:
        """OWNER/NAME."""
        return f"{self.owner}/{self.name}"

    def comments_of(self, number: int) -> list[Comment]:
        """The comments of one issue, the oldest first, as GitHub lists them."""
        return [one for one in self.comments.values() if one.number == number]

    def add_commits(self, shas: tuple[str | None, ...]) -> None:
        """Lengthen the line by those commits that are not in it."""
        self.commits += [sha for sha in dict.fromkeys(shas) if sha is not None and sha not in self.commits]

    def resolve(self, reference: str) -> str | None:
        """The SHA of a branch or a commit; None where there is none."""
        if self.history is not None:
            return self.history.commit(reference)
        if reference == self.default_branch:
            return self.commits[-1] if self.commits else None
        heads = [pull.head_sha for pull in self.pulls.values() if pull.head == reference]
        if heads:
            return heads[-1]
        found = [sha for sha in self.commits if len(reference) >= 7 and sha.startswith(reference)]
        if found:
            return found[0]
        return reference if is_sha(reference) else None

    def branches(self) -> dict[str, str]:
        """All branches, each with its last commit, by name."""
        if self.history is not None:
            return self.history.branches()
        found = {pull.head: pull.head_sha for pull in self.pulls.values() if pull.state == "open"}
        if self.commits:
            found[self.default_branch] = self.commits[-1]
        return dict(sorted(found.items()))

    def compare(self, base: str, head: str) -> Comparison | None:
        """Compare two commits; None where they have nothing in common."""
        if self.history is not None:
            return self.history.compare(base, head)
        return compare_in_line(self.commits, base, head)


def is_sha(text: str) -> bool:
    """Whether it is a whole SHA."""
    return len(text) == 40 and set(text) <= set("0123456789abcdef")


@dataclass
class Store:
    """All state of one stand-in. Whoever changes it holds `lock`."""

    repositories: dict[str, Repository] = field(default_factory=dict)
    users: dict[str, str] = field(default_factory=dict)
    """The logins of personal tokens; those not told are octocat's."""
    mails: list[dict[str, Any]] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    used: dict[str, int] = field(default_factory=dict)
    """Requests by token, for the rate limit."""
    lock: threading.RLock = field(default_factory=threading.RLock)
    comment_ids: itertools.count[int] = field(default_factory=lambda: itertools.count(FIRST_COMMENT_ID))
    repository_ids: itertools.count[int] = field(default_factory=lambda: itertools.count(FIRST_REPOSITORY_ID))

    def __post_init__(self) -> None:
        self.add_repository(DEFAULT_REPOSITORY)

    def reset(self) -> None:
        """Forget everything; the default repository stands, empty."""
        with self.lock:
            for kept in (self.repositories, self.users, self.mails, self.requests, self.used):
                kept.clear()
            self.add_repository(DEFAULT_REPOSITORY)

    def add_repository(self, full_name: str, default_branch: str | None = None) -> Repository:
        """The repository of that name, made if it is not there."""
        with self.lock:
            found = self.find(full_name)
            if found is None:
                owner, name = full_name.split("/")
                found = Repository(id=next(self.repository_ids), owner=owner, name=name)
                self.repositories[full_name.lower()] = found
            found.default_branch = default_branch or found.default_branch
            return found

    def set_history(self, full_name: str, folder: str) -> None:
        """Have a real repository answer for a repository's commits and branches."""
        with self.lock:
            self.add_repository(full_name).history = GitHistory(Path(folder))

    def find(self, full_name: str) -> Repository | None:
        """The repository of that name, whatever its case, as on GitHub."""
        return self.repositories.get(full_name.lower())

    def find_id(self, identifier: int) -> Repository | None:
        """The repository of that id."""
        return next((one for one in self.repositories.values() if one.id == identifier), None)

    def add_pull_request(self, repository: Repository, pull: PullRequest) -> None:
        """Add a pull request, and its commits to the base branch if it is merged."""
        with self.lock:
            repository.pulls[pull.number] = pull
            if pull.merged and pull.base == repository.default_branch:
                repository.add_commits((*pull.commits, pull.merge_commit_sha))

    def add_comment(self, repository: Repository, number: int, body: str, author: str) -> Comment:
        """Add a comment, which sends one mail."""
        with self.lock:
            time = now()
            comment = Comment(
                id=next(self.comment_ids),
                number=number,
                author=author,
                body=body,
                by_app=author == BOT,
                created_at=time,
                updated_at=time,
            )
            repository.comments[comment.id] = comment
            title = repository.pulls[number].title
            subject = f"Re: [{repository.full_name}] {title} (PR #{number})"
            mail = {"repository": repository.full_name, "number": number, "comment_id": comment.id}
            self.mails.append({**mail, "author": author, "subject": subject, "body": body})
            return comment
