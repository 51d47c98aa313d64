"""What tests and the demo say to the stand-in, over `/_control`; `control.GitHubControl` is its client."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, jsonify, request

from sandbox.github.faults import Fault, Faults
from sandbox.github.shapes import Shapes
from sandbox.github.store import PullRequest, Store, made_up_sha

PATH = "/_control"


def add(app: Flask, store: Store, faults: Faults, shapes: Callable[[], Shapes]) -> None:
    """Add the routes, which ask no token."""
    _add_writing(app, store, shapes)
    _add_rest(app, store, faults)

    @app.get(f"{PATH}/comments")
    def control_comments() -> Response:
        repository = store.add_repository(request.args["repository"])
        found = repository.comments_of(int(request.args["number"]))
        return jsonify([shapes().comment(repository, one) for one in found])

    @app.get(f"{PATH}/mails")
    def control_mails() -> Response:
        with store.lock:
            return jsonify(store.mails)

    @app.get(f"{PATH}/requests")
    def control_requests() -> Response:
        with store.lock:
            return jsonify(store.requests)


def _add_writing(app: Flask, store: Store, shapes: Callable[[], Shapes]) -> None:
    @app.post(f"{PATH}/repositories")
    def control_repository() -> Response:
        store.add_repository(_asked()["repository"], _asked()["default_branch"])
        return jsonify({})

    @app.post(f"{PATH}/pulls")
    def control_pull() -> Response:
        asked = _asked()
        repository = store.add_repository(asked.pop("repository"))
        asked["state"] = asked["state"] or ("closed" if asked["merged"] else "open")
        asked["commits"] = tuple(asked["commits"])
        if asked["merged"] and asked["merge_commit_sha"] is None:
            asked["merge_commit_sha"] = made_up_sha("merge", repository.full_name, asked["number"])
        store.add_pull_request(repository, PullRequest(**asked))
        return jsonify({})

    @app.post(f"{PATH}/commits")
    def control_commits() -> Response:
        asked = _asked()
        with store.lock:
            store.add_repository(asked["repository"]).add_commits(tuple(asked["commits"]))
        return jsonify({})

    @app.post(f"{PATH}/histories")
    def control_history() -> Response:
        store.set_history(_asked()["repository"], _asked()["folder"])
        return jsonify({})

    @app.post(f"{PATH}/comments")
    def control_comment() -> Any:
        asked = _asked()
        repository = store.add_repository(asked["repository"])
        if asked["number"] not in repository.pulls:
            return jsonify({"message": f"there is no pull request {asked['number']}"}), 400
        made = store.add_comment(repository, asked["number"], asked["body"], asked["author"])
        return jsonify(shapes().comment(repository, made))


def _add_rest(app: Flask, store: Store, faults: Faults) -> None:
    @app.post(f"{PATH}/users")
    def control_user() -> Response:
        with store.lock:
            store.users[_asked()["token"]] = _asked()["login"]
        return jsonify({})

    @app.post(f"{PATH}/faults")
    def control_fault() -> Any:
        try:
            faults.add(Fault(**_asked()))
        except re.error as error:
            return jsonify({"message": f"`path` is not a regular expression: {error}"}), 400
        return jsonify({})

    @app.post(f"{PATH}/reset")
    def control_reset() -> Response:
        store.reset()
        faults.reset()
        return jsonify({})


def _asked() -> dict[str, Any]:
    return dict(request.get_json())
