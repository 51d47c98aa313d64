"""The stand-in's HTTP: GitHub's routes, as GitHub answers them."""

from __future__ import annotations

import json
import re
import secrets
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import ceil
from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response, g, jsonify, request
from werkzeug.exceptions import HTTPException

from sandbox.github import controls
from sandbox.github.faults import MESSAGES, Fault, Faults
from sandbox.github.shapes import OLD_VERSION, VERSIONS, Shapes, rate_limit
from sandbox.github.store import BOT, Comment, PullRequest, Repository, Store, is_sha, now

PREFIX = "/api/v3"
"""Where GitHub Enterprise Server has its API."""
DOCUMENTATION = "https://docs.github.com/rest"
LONGEST_BODY = 65_536
INSTALLATION_LIMIT = 1_000
"""Requests an hour of a GITHUB_TOKEN for one repository; a personal token has more."""
PERSONAL_LIMIT = 5_000
TOKEN = re.compile(r"(?:token|bearer) +(?P<token>(?P<kind>ghs|ghp|gho|ghu|github_pat)_\w[\w.-]*)", re.IGNORECASE)

REPO = "/repos/<owner>/<name>"
REST_OF = re.compile(r"/repositories/(\d+)(/.*|$)")
DOCUMENTED = {
    "repository": "/repos/repos#get-a-repository",
    "pull": "/pulls/pulls#get-a-pull-request",
    "pulls_of_commit": "/commits/commits#list-pull-requests-associated-with-a-commit",
    "compare": "/commits/commits#compare-two-commits",
    "issue": "/issues/issues#get-an-issue",
    "list_comments": "/issues/comments#list-issue-comments",
    "create_comment": "/issues/comments#create-an-issue-comment",
    "get_comment": "/issues/comments#get-an-issue-comment",
    "update_comment": "/issues/comments#update-an-issue-comment",
    "delete_comment": "/issues/comments#delete-an-issue-comment",
    "user": "/users/users#get-the-authenticated-user",
}


class Problem(Exception):  # noqa: N818  # most of them are a client's
    """An answer that isn't a success."""

    def __init__(self, status: int, message: str, errors: list[dict[str, Any]] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors


class NotFound(Problem):
    """What GitHub says of all that is not there or not to be seen."""

    def __init__(self) -> None:
        super().__init__(404, "Not Found")


class Addresses:
    """Takes the prefix of GitHub Enterprise Server, and repositories by id, to the one form of the routes."""

    def __init__(self, application: Callable[..., Iterable[bytes]], store: Store) -> None:
        self._application = application
        self._store = store

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path: str = environ["PATH_INFO"]
        environ["sandbox.asked"] = path
        if path.startswith(PREFIX + "/"):
            environ["SCRIPT_NAME"], path = PREFIX, path.removeprefix(PREFIX)
        by_id = REST_OF.fullmatch(path)
        repository = self._store.find_id(int(by_id[1])) if by_id else None
        if by_id and repository:
            path = f"/repos/{repository.full_name}{by_id[2]}"
        environ["PATH_INFO"] = path
        return self._application(environ, start_response)


@dataclass(frozen=True)
class Actor:
    """Whom a token speaks for."""

    login: str
    token: str

    @property
    def limit(self) -> int:
        """Requests an hour."""
        return INSTALLATION_LIMIT if self.login == BOT else PERSONAL_LIMIT


def make_app() -> Flask:
    """The stand-in with nothing but an empty repository."""
    app, store, faults = Flask(__name__), Store(), Faults()
    app.json.sort_keys = False  # type: ignore[attr-defined]  # of the default provider
    app.wsgi_app = Addresses(app.wsgi_app, store)  # type: ignore[method-assign]  # as Flask's documentation does
    controls.add(app, store, faults, shapes)
    _add_around(app, store, faults)
    _add_reading(app, store)
    _add_own(app, store)
    _add_comments(app, store)
    return app


def shapes() -> Shapes:
    """Writes objects for the request that is served."""
    api = request.url_root.rstrip("/")
    html = request.host_url.rstrip("/") if request.root_path == PREFIX else "https://github.com"
    return Shapes(api=api, html=html, version=request.headers.get("X-GitHub-Api-Version", OLD_VERSION))


def _add_around(app: Flask, store: Store, faults: Faults) -> None:
    """What surrounds every request: the record of it, its failure on demand, who asks, GitHub's headers."""

    @app.before_request
    def begin() -> Response | None:
        if request.path.startswith(controls.PATH):
            return None
        g.actor = _actor(store)
        g.record = _record(store, g.actor)
        g.fault = faults.take(request.method, request.full_path.rstrip("?"))
        if g.fault is not None and not g.fault.carried_out:
            return _fail(g.fault, faults)
        _check(g.actor)
        return None

    @app.after_request
    def end(response: Response) -> Response:
        if request.path.startswith(controls.PATH):
            return response
        if g.fault is not None and g.fault.carried_out:
            response = _fail(g.fault, faults)
        if response.status_code == 200 and request.method == "GET":
            response.add_etag(weak=True)
            response.make_conditional(request)
        _add_headers(response, store, g.actor)
        with store.lock:
            g.record["status"] = None if g.fault is not None and g.fault.drop else response.status_code
        return response

    @app.errorhandler(Problem)
    def problem(error: Problem) -> Response:
        return _answer(error)

    @app.errorhandler(HTTPException)
    def unknown(error: HTTPException) -> Response:
        # a method that a path doesn't have is Not Found on GitHub
        return _answer(NotFound() if error.code in (404, 405) else Problem(error.code or 500, error.description or ""))


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

    @app.get(REPO + "/commits/<sha>/pulls")
    def pulls_of_commit(owner: str, name: str, sha: str) -> Response:
        found = _repository(store, owner, name)
        whole = found.resolve(sha)
        if whole is None:
            raise Problem(422, f"No commit found for SHA: {sha}")
        pulls = [pull for pull in found.pulls.values() if pull.contains(whole)]
        return _page(pulls, found, lambda pull: shapes().pull_request_simple(found, pull))

    @app.get(REPO + "/compare/<path:basehead>")
    def compare(owner: str, name: str, basehead: str) -> Response:
        found = _repository(store, owner, name)
        base, dots, head = (found.resolve(part) or part for part in basehead.partition("..."))
        if not dots or not is_sha(base) or not is_sha(head):
            raise NotFound
        page, per_page = _paging(250)
        return jsonify(shapes().comparison(found, base, head, slice((page - 1) * per_page, page * per_page)))


def _add_own(app: Flask, store: Store) -> None:
    """What a token may ask of itself."""

    @app.get("/user")
    def user() -> Response:
        if g.actor.login == BOT:
            raise Problem(403, "Resource not accessible by integration")
        return jsonify(shapes().public_user(g.actor.login))

    @app.get("/rate_limit")
    def limits() -> Response:
        used = store.used.get(g.actor.token, 0)
        return jsonify(rate_limit(g.actor.limit, used, _reset_time(), shapes().version))


def _add_comments(app: Flask, store: Store) -> None:
    of_issue, single = REPO + "/issues/<int:number>/comments", REPO + "/issues/comments/<int:identifier>"

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
        raise NotFound
    return found


def _pull(repository: Repository, number: int) -> PullRequest:
    if number not in repository.pulls:
        raise NotFound
    return repository.pulls[number]


def _comment(repository: Repository, identifier: int) -> Comment:
    if identifier not in repository.comments:
        raise NotFound
    return repository.comments[identifier]


def _comment_body() -> str:
    """The `body` of a comment to write, refused as GitHub refuses it."""
    try:
        document = json.loads(request.get_data() or b"{}")
    except ValueError as error:
        raise Problem(400, "Problems parsing JSON") from error
    if not isinstance(document, dict):
        raise Problem(400, "Body should be a JSON object")
    body = document.get("body")
    if body is None:
        raise Problem(422, 'Invalid request.\n\n"body" wasn\'t supplied.')
    if not isinstance(body, str):
        raise Problem(422, f"Invalid request.\n\nFor 'properties/body', {json.dumps(body)} is not a string.")
    if not body.strip():
        raise _unprocessable("Body cannot be blank")
    if len(body) > LONGEST_BODY:
        raise _unprocessable(f"Body is too long (maximum is {LONGEST_BODY} characters)")
    return body


def _unprocessable(message: str) -> Problem:
    error = {"resource": "IssueComment", "code": "unprocessable", "field": "data", "message": message}
    return Problem(422, "Validation Failed", [error])


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


def _actor(store: Store) -> Actor | None:
    found = TOKEN.fullmatch(request.headers.get("Authorization", ""))
    if found is None:
        return None
    with store.lock:
        if request.path != "/rate_limit":
            store.used[found["token"]] = store.used.get(found["token"], 0) + 1
        login = BOT if found["kind"].lower() == "ghs" else store.users.get(found["token"], "octocat")
    return Actor(login, found["token"])


def _check(actor: Actor | None) -> None:
    if not request.headers.get("User-Agent"):
        raise Problem(403, "Request forbidden by administrative rules. Please make sure your request has a User-Agent")
    if actor is None:
        asked = "Authorization" in request.headers
        raise Problem(401, "Bad credentials" if asked else "Requires authentication")
    version = request.headers.get("X-GitHub-Api-Version", OLD_VERSION)
    if version not in VERSIONS:
        raise Problem(400, f"Unsupported API version {version!r}: supported are {', '.join(VERSIONS)}.")


def _record(store: Store, actor: Actor | None) -> dict[str, Any]:
    text = request.get_data(as_text=True)
    try:
        body = json.loads(text) if text else None
    except ValueError:
        body = text
    asked = request.environ["sandbox.asked"]
    query = request.query_string.decode()
    record = {
        "method": request.method,
        "path": request.path,
        "url": f"{asked}?{query}" if query else asked,
        "query": request.args.to_dict(),
        "headers": {name: value for name, value in request.headers.items() if name != "Authorization"},
        "login": actor.login if actor else None,
        "body": body,
        "status": None,
    }
    with store.lock:
        store.requests.append(record)
    return record


def _fail(fault: Fault, faults: Faults) -> Response:
    faults.wait(fault)
    if fault.drop:
        # of Werkzeug's server; it takes the write that then fails for a client that went away
        connection: socket.socket = request.environ["werkzeug.socket"]
        connection.shutdown(socket.SHUT_RDWR)
    if fault.body is None:
        answer = _answer(Problem(fault.status, MESSAGES.get(fault.status, "Failed on demand")))
    else:
        answer = jsonify(fault.body)
        answer.status_code = fault.status
    answer.headers.update(fault.headers)
    return answer


def _answer(problem: Problem) -> Response:
    known = DOCUMENTED.get(request.endpoint or "", "")
    document: dict[str, Any] = {"message": problem.message}
    if problem.errors is not None:
        document["errors"] = problem.errors
    answer = jsonify({**document, "documentation_url": DOCUMENTATION + known, "status": str(problem.status)})
    answer.status_code = problem.status
    return answer


def _add_headers(response: Response, store: Store, actor: Actor | None) -> None:
    limit = actor.limit if actor else 60
    used = store.used.get(actor.token, 0) if actor else 1
    counts = {"limit": limit, "remaining": max(0, limit - used), "used": used, "reset": _reset_time()}
    headers = {f"X-RateLimit-{name.title()}": str(count) for name, count in counts.items()}
    headers["X-RateLimit-Resource"] = "core"
    headers["X-GitHub-Media-Type"] = "github.v3; format=json"
    headers["X-GitHub-Api-Version-Selected"] = request.headers.get("X-GitHub-Api-Version", OLD_VERSION)
    headers["X-GitHub-Request-Id"] = ":".join(secrets.token_hex(size).upper() for size in (2, 3, 4, 4, 4))
    for name, value in headers.items():
        response.headers.setdefault(name, value)  # a failure on demand may have its own


def _reset_time() -> int:
    """The end of the hour, in seconds since 1970."""
    return (int(time.time()) // 3600 + 1) * 3600
