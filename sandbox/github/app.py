"""The stand-in's HTTP: GitHub's routes, as GitHub answers them."""

from __future__ import annotations

import json
import re
import secrets
import socket
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask, Response, g, jsonify, request
from werkzeug.exceptions import HTTPException

from sandbox.github import controls, id_tokens, routes
from sandbox.github.answers import (
    ENTERPRISE_GRAPHQL,
    PREFIX,
    Actor,
    ApiError,
    NotFoundError,
    answer_problem,
    reset_time,
    shapes,
)
from sandbox.github.control import ID_TOKEN_PATH
from sandbox.github.faults import MESSAGES, Fault, Faults
from sandbox.github.shapes import OLD_VERSION, VERSIONS
from sandbox.github.store import BOT, Store

TOKEN = re.compile(r"(?:token|bearer) +(?P<token>(?P<kind>ghs|ghp|gho|ghu|github_pat)_\w[\w.-]*)", re.IGNORECASE)

REST_OF = re.compile(r"/repositories/(\d+)(/.*|$)")


class Addresses:
    """Takes the prefix of GitHub Enterprise Server, and repositories by id, to the one form of the routes."""

    def __init__(self, application: Callable[..., Iterable[bytes]], store: Store) -> None:
        self._application = application
        self._store = store

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path: str = environ["PATH_INFO"]
        environ["sandbox.asked"] = path
        if path == ENTERPRISE_GRAPHQL:
            environ["SCRIPT_NAME"], path = "/api", "/graphql"
        elif path.startswith(PREFIX + "/"):
            environ["SCRIPT_NAME"], path = PREFIX, path.removeprefix(PREFIX)
        by_id = REST_OF.fullmatch(path)
        repository = self._store.find_id(int(by_id[1])) if by_id else None
        if by_id and repository:
            path = f"/repos/{repository.full_name}{by_id[2]}"
        environ["PATH_INFO"] = path
        return self._application(environ, start_response)


def make_app() -> Flask:
    """The stand-in with nothing but an empty repository."""
    app, store, faults = Flask(__name__), Store(), Faults()
    app.json.sort_keys = False  # type: ignore[attr-defined]  # of the default provider
    app.wsgi_app = Addresses(app.wsgi_app, store)  # type: ignore[method-assign]  # as Flask's documentation does
    controls.add(app, store, faults, shapes)
    _add_around(app, store, faults)
    routes.add(app, store)
    id_tokens.add(app)
    return app


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

    @app.errorhandler(ApiError)
    def problem(error: ApiError) -> Response:
        return answer_problem(error)

    @app.errorhandler(HTTPException)
    def unknown(error: HTTPException) -> Response:
        # a method that a path doesn't have is Not Found on GitHub
        return answer_problem(
            NotFoundError() if error.code in (404, 405) else ApiError(error.code or 500, error.description or "")
        )


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
    if request.path == ID_TOKEN_PATH:  # has a token of its own, and none of the API's rules
        return
    if not request.headers.get("User-Agent"):
        raise ApiError(403, "Request forbidden by administrative rules. Please make sure your request has a User-Agent")
    if actor is None:
        asked = "Authorization" in request.headers
        raise ApiError(401, "Bad credentials" if asked else "Requires authentication")
    version = request.headers.get("X-GitHub-Api-Version", OLD_VERSION)
    if version not in VERSIONS:
        raise ApiError(400, f"Unsupported API version {version!r}: supported are {', '.join(VERSIONS)}.")


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
        answer = answer_problem(ApiError(fault.status, MESSAGES.get(fault.status, "Failed on demand")))
    else:
        answer = jsonify(fault.body)
        answer.status_code = fault.status
    answer.headers.update(fault.headers)
    return answer


def _add_headers(response: Response, store: Store, actor: Actor | None) -> None:
    limit = actor.limit if actor else 60
    used = store.used.get(actor.token, 0) if actor else 1
    counts = {"limit": limit, "remaining": max(0, limit - used), "used": used, "reset": reset_time()}
    headers = {f"X-RateLimit-{name.title()}": str(count) for name, count in counts.items()}
    headers["X-RateLimit-Resource"] = "core"
    headers["X-GitHub-Media-Type"] = "github.v3; format=json"
    headers["X-GitHub-Api-Version-Selected"] = request.headers.get("X-GitHub-Api-Version", OLD_VERSION)
    headers["X-GitHub-Request-Id"] = ":".join(secrets.token_hex(size).upper() for size in (2, 3, 4, 4, 4))
    for name, value in headers.items():
        response.headers.setdefault(name, value)  # a failure on demand may have its own
