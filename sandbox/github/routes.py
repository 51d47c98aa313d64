"""GitHub's routes, and the routes' own rules: paging, the bodies of comments, what is not found."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from math import ceil
from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response, g, jsonify, request

from sandbox.github.answers import ApiError, NotFoundError, reset_time, shapes
from sandbox.github.shapes import rate_limit
from sandbox.github.store import BOT, Comment, PullRequest, Repository, Store, is_sha, now

REPO = "/repos/<owner>/<name>"
LONGEST_BODY = 65_536
VIEWER = re.compile(r"\s*(query\s*)?\{\s*viewer\s*\{\s*login\s*\}\s*\}\s*")


def add(app: Flask, store: Store) -> None:
    """Add all of them; `g.actor` must be there when they are called."""
    _add_reading(app, store)
    _add_own(app, store)
    _add_comments(app, store)


def _add_reading(app: Flask, store: Store) -> None:
    @app.get(REPO)
    def repository(owner: str, name: str) -> Response:
        return jsonify(shapes().full_repository(_repository(store, owner, name)))

    @app.get(REPO + "/pulls/<int:number>")
    def pull(owner: str, name: str, number: int) -> Response:
        found = _repository(store, owner, name)
        return jsonify(shapes().pull_request(found, _pull(found, number)))

    @app.get(REPO + "/issues/<int:number>")
    def issue(owner: str, name: str, number: int) -> Response:
        found = _repository(store, owner, name)
        return jsonify(shapes().issue(found, _pull(found, number)))

    @app.get(REPO + "/commits/<reference>")
    def commit(owner: str, name: str, reference: str) -> Response:
        found = _repository(store, owner, name)
        return jsonify(shapes().commit(found, _commit(found, reference)))

    @app.get(REPO + "/commits/<reference>/pulls")
    def pulls_of_commit(owner: str, name: str, reference: str) -> Response:
        found = _repository(store, owner, name)
        whole = _commit(found, reference)
        pulls = [pull for pull in found.pulls.values() if pull.contains(whole)]
        return _page(pulls, found, lambda pull: shapes().pull_request_simple(found, pull))

    @app.get(REPO + "/compare/<path:basehead>")
    def compare(owner: str, name: str, basehead: str) -> Response:
        found = _repository(store, owner, name)
        base, dots, head = (found.resolve(part) or part for part in basehead.partition("..."))
        compared = found.compare(base, head) if dots and is_sha(base) and is_sha(head) else None
        if compared is None:
            raise NotFoundError
        page, per_page = _paging(250)
        part = slice((page - 1) * per_page, page * per_page)
        return jsonify(shapes().comparison(found, base, head, compared, part))

    @app.get(REPO + "/git/matching-refs/heads/")
    @app.get(REPO + "/git/matching-refs/heads/<path:prefix>")
    def matching_branches(owner: str, name: str, prefix: str = "") -> Response:
        found = _repository(store, owner, name)
        heads = [(branch, sha) for branch, sha in found.branches().items() if branch.startswith(prefix)]
        return _page(heads, found, lambda head: shapes().reference(found, *head))


def _add_own(app: Flask, store: Store) -> None:
    """What a token may ask of itself."""

    @app.get("/user")
    def user() -> Response:
        if g.actor.login == BOT:
            raise ApiError(403, "Resource not accessible by integration")
        return jsonify(shapes().public_user(g.actor.login))

    @app.post("/graphql")
    def graphql() -> Response:
        # what REST tells no workflow: whom the token writes as. GraphQL's errors have status 200
        asked = request.get_json(silent=True)
        query = asked.get("query") if isinstance(asked, dict) else None
        if not isinstance(query, str) or not VIEWER.fullmatch(query):
            return jsonify({"errors": [{"message": "The stand-in answers `query { viewer { login } }` alone."}]})
        return jsonify({"data": {"viewer": {"login": g.actor.login}}})

    @app.get("/rate_limit")
    def limits() -> Response:
        used = store.used.get(g.actor.token, 0)
        return jsonify(rate_limit(g.actor.limit, used, reset_time(), shapes().version))


def _add_comments(app: Flask, store: Store) -> None:
    of_issue, single = REPO + "/issues/<int:number>/comments", REPO + "/issues/comments/<int:identifier>"

    @app.get(REPO + "/issues/comments")
    def list_all_comments(owner: str, name: str) -> Response:
        found = _repository(store, owner, name)
        newest = sorted(found.comments.values(), key=lambda comment: comment.id)
        return _page(newest, found, lambda comment: shapes().comment(found, comment))

    @app.get(of_issue)
    def list_comments(owner: str, name: str, number: int) -> Response:
        found = _repository(store, owner, name)
        _pull(found, number)
        since = request.args.get("since", "")
        comments = [one for one in found.comments_of(number) if one.updated_at >= since]
        return _page(comments, found, lambda comment: shapes().comment(found, comment))

    @app.post(of_issue)
    def create_comment(owner: str, name: str, number: int) -> tuple[Response, int]:
        found = _repository(store, owner, name)
        _pull(found, number)
        made = store.add_comment(found, number, _comment_body(), g.actor.login)
        answer = jsonify(shapes().comment(found, made))
        answer.headers["Location"] = shapes().comment(found, made)["url"]
        return answer, 201

    @app.get(single)
    def get_comment(owner: str, name: str, identifier: int) -> Response:
        found = _repository(store, owner, name)
        return jsonify(shapes().comment(found, _comment(found, identifier)))

    @app.patch(single)
    def update_comment(owner: str, name: str, identifier: int) -> Response:
        found = _repository(store, owner, name)
        comment = _comment(found, identifier)
        body = _comment_body()
        with store.lock:
            comment.body, comment.updated_at = body, now()
        return jsonify(shapes().comment(found, comment))

    @app.delete(single)
    def delete_comment(owner: str, name: str, identifier: int) -> Response:
        found = _repository(store, owner, name)
        with store.lock:
            del found.comments[_comment(found, identifier).id]
        return Response(status=204)


def _repository(store: Store, owner: str, name: str) -> Repository:
    found = store.find(f"{owner}/{name}")
    if found is None:
        raise NotFoundError
    return found


def _pull(repository: Repository, number: int) -> PullRequest:
    if number not in repository.pulls:
        raise NotFoundError
    return repository.pulls[number]


def _commit(repository: Repository, reference: str) -> str:
    found = repository.resolve(reference)
    if found is None:
        raise ApiError(422, f"No commit found for SHA: {reference}")
    return found


def _comment(repository: Repository, identifier: int) -> Comment:
    if identifier not in repository.comments:
        raise NotFoundError
    return repository.comments[identifier]


def _comment_body() -> str:
    """The `body` of a comment to write, refused as GitHub refuses it."""
    try:
        document = json.loads(request.get_data() or b"{}")
    except ValueError as error:
        raise ApiError(400, "Problems parsing JSON") from error
    if not isinstance(document, dict):
        raise ApiError(400, "Body should be a JSON object")
    body = document.get("body")
    if body is None:
        raise ApiError(422, 'Invalid request.\n\n"body" wasn\'t supplied.')
    if not isinstance(body, str):
        raise ApiError(422, f"Invalid request.\n\nFor 'properties/body', {json.dumps(body)} is not a string.")
    if not body.strip():
        raise _unprocessable("Body cannot be blank")
    if len(body) > LONGEST_BODY:
        raise _unprocessable(f"Body is too long (maximum is {LONGEST_BODY} characters)")
    return body


def _unprocessable(message: str) -> ApiError:
    error = {"resource": "IssueComment", "code": "unprocessable", "field": "data", "message": message}
    return ApiError(422, "Validation Failed", [error])


def _paging(default: int) -> tuple[int, int]:
    """`page` and `per_page`; what isn't sensible is put right silently, as on GitHub."""
    page, per_page = request.args.get("page", 1, type=int), request.args.get("per_page", default, type=int)
    return max(1, page), min(max(1, per_page), max(100, default))


def _page(items: list[Any], repository: Repository, shape: Callable[[Any], dict[str, Any]]) -> Response:
    """One page of a list, with GitHub's Link header: there, the repository goes by its id."""
    page, per_page = _paging(30)
    last = max(1, ceil(len(items) / per_page))
    answer = jsonify([shape(one) for one in items[(page - 1) * per_page : page * per_page]])
    pages = {"prev": min(page - 1, last), "next": page + 1, "last": last, "first": 1}
    wanted = [name for name in pages if (page > 1 if name in ("prev", "first") else page < last)]
    rest = request.path.split("/", 4)[4]
    address = f"{shapes().api}/repositories/{repository.id}/{rest}"
    links = [f'<{address}?{urlencode({**request.args, "page": pages[name]})}>; rel="{name}"' for name in wanted]
    if links:
        answer.headers["Link"] = ", ".join(links)
    return answer
