"""`python -m sandbox.metadata`: a stand-in of the Metaflow metadata service (Netflix/metaflow-service), in memory.

It answers what Metaflow's client asks (metaflow/plugins/metadata_providers/service.py): flows, runs, steps, tasks,
artifacts by attempt, metadata, tags, heartbeats; ids that the client chooses (`sfn-…`, `argo-…`) are kept. What it
can't show: the service's database, its speed, its permissions, and its own validation.
"""

from __future__ import annotations

import itertools
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from flask import Flask, Response, jsonify, request

from sandbox.serving import parser, serve

# The first version whose service lets clients change tags and read single attempts is 2.3.0.
VERSION = "2.4.14"
FLOW = "/flows/<flow>"
RUN = FLOW + "/runs/<run>"
STEP = RUN + "/steps/<step>"
TASK = STEP + "/tasks/<task>"

Object = dict[str, Any]


@dataclass
class Store:
    """All objects, by their path: ("TrainFlow",), ("TrainFlow", "sfn-1"), … of flows, runs, steps and tasks."""

    objects: dict[tuple[str, ...], Object] = field(default_factory=dict)
    artifacts: dict[tuple[str, ...], list[Object]] = field(default_factory=dict)
    metadata: dict[tuple[str, ...], list[Object]] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def create(self, path: tuple[str, ...], body: Object, names: tuple[str, ...]) -> tuple[Object, int]:
        """Create an object; 409 with the old one if it is there, as the service does."""
        with self.lock:
            if path in self.objects:
                return self.objects[path], 409
            made = {
                **dict(zip(names, path, strict=True)),
                "user_name": body.get("user_name"),
                "tags": body.get("tags", []),
                "system_tags": body.get("system_tags", []),
                "ts_epoch": int(time.time() * 1000),
                "last_heartbeat_ts": None,
            }
            self.objects[path] = made
            return made, 200

    def children(self, path: tuple[str, ...]) -> list[Object]:
        """The objects right under a path, the newest first."""
        with self.lock:
            found = [one for key, one in self.objects.items() if len(key) == len(path) + 1 and key[: len(path)] == path]
        return list(reversed(found))

    def latest(self, path: tuple[str, ...], attempt: int | None = None) -> list[Object]:
        """A task's artifacts: of one attempt, or of each name's last one."""
        with self.lock:
            found = list(self.artifacts.get(path, ()))
        if attempt is not None:
            return [one for one in found if one["attempt_id"] == attempt]
        last = max((one["attempt_id"] for one in found), default=0)
        return [one for one in found if one["attempt_id"] == last]


NAMES = ("flow_id", "run_number", "step_name", "task_id")


def make_app() -> Flask:
    """The service with an empty store."""
    app, store = Flask(__name__), Store()

    @app.after_request
    def version(response: Response) -> Response:
        response.headers["METADATA_SERVICE_VERSION"] = VERSION
        return response

    @app.get("/ping")
    def ping() -> Response:
        return Response("pong")

    _add_objects(app, store)
    _add_artifacts(app, store)
    _add_rest(app, store)
    return app


def _add_objects(app: Flask, store: Store) -> None:
    def get(**ids: str) -> Any:
        found = store.objects.get(tuple(ids.values()))
        return (jsonify(found), 200) if found is not None else (jsonify({"message": "not found"}), 404)

    def children(**ids: str) -> Any:
        path = tuple(ids.values())
        if path and path not in store.objects:
            return jsonify({"message": "not found"}), 404
        return jsonify(store.children(path))

    def create(kind: int, key: str | None, **ids: str) -> Any:
        body = request.get_json(force=True)
        path = tuple(ids.values())
        if key is not None:
            path = (*path, str(body.get(key) or next(store.numbers)))
        made, status = store.create(path, body, NAMES[:kind])
        return jsonify(made), status

    for kind, rule in enumerate((FLOW, RUN, STEP, TASK), start=1):
        app.add_url_rule(rule, f"get{kind}", get)
    for kind, rule in enumerate(("/flows", FLOW + "/runs", RUN + "/steps", STEP + "/tasks")):
        app.add_url_rule(rule, f"children{kind}", children)
    app.add_url_rule(FLOW, "new_flow", lambda **ids: create(1, None, **ids), methods=["POST"])
    app.add_url_rule(FLOW + "/run", "new_run", lambda **ids: create(2, "run_number", **ids), methods=["POST"])
    app.add_url_rule(STEP + "/step", "new_step", lambda **ids: create(3, None, **ids), methods=["POST"])
    app.add_url_rule(STEP + "/task", "new_task", lambda **ids: create(4, "task_id", **ids), methods=["POST"])


def _add_artifacts(app: Flask, store: Store) -> None:
    def add(**ids: str) -> Any:
        entries = request.get_json(force=True)
        with store.lock:
            kept = store.artifacts.setdefault(tuple(ids.values()), [])
            for entry in entries:
                made = {**entry, "flow_id": ids["flow"], "ts_epoch": int(time.time() * 1000)}
                made["attempt_id"] = int(entry.get("attempt_id") or 0)
                kept.append(made)
        return jsonify({"artifacts_created": len(entries), "artifacts_requested": len(entries)})

    def several(attempt: int | None = None, **ids: str) -> Any:
        return jsonify(store.latest(tuple(ids.values()), attempt))

    def one(name: str, attempt: int | None = None, **ids: str) -> Any:
        found = [entry for entry in store.latest(tuple(ids.values()), attempt) if entry["name"] == name]
        return (jsonify(found[-1]), 200) if found else (jsonify({"message": "not found"}), 404)

    app.add_url_rule(TASK + "/artifact", "add_artifacts", add, methods=["POST"])
    app.add_url_rule(TASK + "/artifacts", "artifacts", several)
    app.add_url_rule(TASK + "/attempt/<int:attempt>/artifacts", "attempt_artifacts", several)
    app.add_url_rule(TASK + "/artifacts/<name>", "artifact", one)
    app.add_url_rule(TASK + "/artifacts/<name>/attempt/<int:attempt>", "artifact_attempt", one)
    app.add_url_rule(TASK + "/attempt/<int:attempt>/artifacts/<name>", "attempt_artifact", one)


def _add_rest(app: Flask, store: Store) -> None:
    def add_metadata(**ids: str) -> Any:
        entries = request.get_json(force=True)
        with store.lock:
            kept = store.metadata.setdefault(tuple(ids.values()), [])
            kept += [{"id": next(store.numbers), **entry} for entry in entries]
        return jsonify({"metadata_created": len(entries), "metadata_requested": len(entries)})

    def metadata(**ids: str) -> Any:
        path = tuple(ids.values())
        found = [one for key, entries in store.metadata.items() if key[: len(path)] == path for one in entries]
        return jsonify(found)

    def heartbeat(**ids: str) -> Any:
        found = store.objects.get(tuple(ids.values()))
        if found is None:
            return jsonify({"message": "not found"}), 404
        found["last_heartbeat_ts"] = int(time.time())
        return jsonify({"wait_time_in_seconds": 10})

    def mutate_tags(**ids: str) -> Any:
        found = store.objects.get(tuple(ids.values()))
        if found is None:
            return jsonify({"message": "not found"}), 404
        body = request.get_json(force=True)
        tags = (set(found["tags"]) | set(body.get("tags_to_add", ()))) - set(body.get("tags_to_remove", ()))
        found["tags"] = sorted(tags)
        return jsonify({"tags": found["tags"]})

    for kind, rule in enumerate((RUN, TASK)):
        app.add_url_rule(rule + "/metadata", f"metadata{kind}", metadata)
        app.add_url_rule(rule + "/heartbeat", f"heartbeat{kind}", heartbeat, methods=["POST"])
    app.add_url_rule(TASK + "/metadata", "add_metadata", add_metadata, methods=["POST"])
    app.add_url_rule(RUN + "/tag/mutate", "mutate_tags", mutate_tags, methods=["PATCH"])


if __name__ == "__main__":
    serve(parser("Metaflow's metadata service").parse_args(), lambda _: make_app())
