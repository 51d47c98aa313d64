"""What all of GitHub's answers have alike: the forms of an error, addresses, and whose request it is."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from flask import Response, jsonify, request

from sandbox.github.shapes import OLD_VERSION, Shapes
from sandbox.github.store import BOT

PREFIX = "/api/v3"
"""Where GitHub Enterprise Server has its API."""
ENTERPRISE_GRAPHQL = "/api/graphql"
DOCUMENTATION = "https://docs.github.com/rest"
INSTALLATION_LIMIT = 1_000
"""Requests an hour of a GITHUB_TOKEN for one repository; a personal token has more."""
PERSONAL_LIMIT = 5_000
DOCUMENTED = {
    "repository": "/repos/repos#get-a-repository",
    "pull": "/pulls/pulls#get-a-pull-request",
    "commit": "/commits/commits#get-a-commit",
    "pulls_of_commit": "/commits/commits#list-pull-requests-associated-with-a-commit",
    "compare": "/commits/commits#compare-two-commits",
    "matching_branches": "/git/refs#list-matching-references",
    "issue": "/issues/issues#get-an-issue",
    "list_comments": "/issues/comments#list-issue-comments",
    "create_comment": "/issues/comments#create-an-issue-comment",
    "get_comment": "/issues/comments#get-an-issue-comment",
    "update_comment": "/issues/comments#update-an-issue-comment",
    "delete_comment": "/issues/comments#delete-an-issue-comment",
    "user": "/users/users#get-the-authenticated-user",
}


class ApiError(Exception):
    """An answer that isn't a success."""

    def __init__(self, status: int, message: str, errors: list[dict[str, Any]] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors


class NotFoundError(ApiError):
    """What GitHub says of all that is not there or not to be seen."""

    def __init__(self) -> None:
        super().__init__(404, "Not Found")


@dataclass(frozen=True)
class Actor:
    """Whom a token speaks for."""

    login: str
    token: str

    @property
    def limit(self) -> int:
        """Requests an hour."""
        return INSTALLATION_LIMIT if self.login == BOT else PERSONAL_LIMIT


def shapes() -> Shapes:
    """Writes objects for the request that is served."""
    api = request.url_root.rstrip("/")
    html = request.host_url.rstrip("/") if request.root_path == PREFIX else "https://github.com"
    return Shapes(api=api, html=html, version=request.headers.get("X-GitHub-Api-Version", OLD_VERSION))


def answer_problem(problem: ApiError) -> Response:
    """GitHub's JSON of it."""
    known = DOCUMENTED.get(request.endpoint or "", "")
    document: dict[str, Any] = {"message": problem.message}
    if problem.errors is not None:
        document["errors"] = problem.errors
    answer = jsonify({**document, "documentation_url": DOCUMENTATION + known, "status": str(problem.status)})
    answer.status_code = problem.status
    return answer


def reset_time() -> int:
    """The end of the hour, in seconds since 1970."""
    return (int(time.time()) // 3600 + 1) * 3600
