"""An Airflow that loads no file and runs nothing: its REST API in this process, and over HTTP for others.

Answers as airflow/api_connexion/openapi/v1.yaml of 2.11 and the OpenAPI description of 3.3 have it; `make airflow`
tries the same requests on real ones. Whoever comes is let in.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote

from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from deployer.orchestrators.airflow.transport import Answer

PARTS = ("metadatabase", "scheduler", "triggerer", "dag_processor")


class Api:
    """An Airflow's REST API, as far as it is asked; v1 or v2 by its version. What it has is set from outside."""

    def __init__(self, version: str = "3.3.2") -> None:
        """Args:
        version: of Airflow.
        """
        self._version = version
        self.health: dict[str, Any] = {part: {"status": "healthy"} for part in PARTS}
        self.dags: dict[str, dict[str, Any]] = {}
        self.sources: dict[str, str] = {}
        self.runs: dict[str, dict[str, Any]] = {}
        self.errors: list[dict[str, Any]] = []
        self.tasks: list[dict[str, Any]] = []
        self.logs: dict[str, Any] = {}
        self.asked: list[tuple[str, str, Any]] = []
        self.lock = threading.RLock()

    @property
    def is_v2(self) -> bool:
        """Whether it is the API of Airflow 3."""
        return not self._version.startswith("2.")

    def version(self) -> str:
        """The version of Airflow."""
        return self._version

    def request(
        self, method: str, path: str, query: Mapping[str, Any] | None = None, body: Mapping[str, Any] | None = None
    ) -> Answer:
        """Answer a request, and keep it in `asked`; `path` begins behind `/api/v1` or `/api/v2`.

        Raises:
            AssertionError: the real one may know it, this one does not.
        """
        parts = [unquote(part) for part in path.strip("/").split("/")]
        with self.lock:
            self.asked.append((method, path, body if body is not None else query))
            found = self._answer(method, parts, dict(body or {}), dict(query or {}))
        return found if isinstance(found, Answer) else Answer(status=200, body=found)

    def _answer(  # noqa: C901, PLR0911, PLR0912  # one request a line
        self, method: str, parts: list[str], body: dict[str, Any], query: dict[str, Any]
    ) -> Any:
        missing = Answer(status=404, body={"title": "not found"})
        match method, parts:
            case "GET", ["health"] | ["monitor", "health"]:
                return self.health if (parts[0] == "monitor") is self.is_v2 else missing
            case "GET", ["importErrors"]:
                return {"import_errors": self.errors, "total_entries": len(self.errors)}
            case "GET", ["dagSources", name]:
                text = self.sources.get(name.removeprefix("token-of-"))
                return {"content": text} if text is not None else missing
            case "GET", ["dags"]:
                return {"dags": list(self.dags.values()), "total_entries": len(self.dags)}
            case "GET", ["dags", name, "details"]:
                return self.dags.get(name, missing)
            case "PATCH", ["dags", name]:
                self.dags[name].update(body)
                return self.dags[name]
            case "DELETE", ["dags", name]:
                return Answer(status=204) if self.dags.pop(name, None) else missing
            case "GET", ["dags", name, "dagRuns"]:
                newest = [run for run in reversed(self.runs.values()) if run.get("dag_id", name) == name]
                page = newest[int(query["offset"]) :][: int(query["limit"])]
                return {"dag_runs": page, "total_entries": len(newest)}
            case "POST", ["dags", name, "dagRuns"]:
                if body["dag_run_id"] in self.runs:
                    return Answer(status=409, body={"detail": "exists"})
                self.runs[body["dag_run_id"]] = {**body, "dag_id": name, "state": "queued"}
                return self.runs[body["dag_run_id"]]
            case "GET", ["dags", _, "dagRuns", run]:
                return self.runs.get(run, missing)
            case "PATCH", ["dags", _, "dagRuns", run, *_]:
                self.runs[run].update(body)
                return self.runs[run]
            case "GET", ["dags", _, "dagRuns", _, "taskInstances"]:
                return {"task_instances": self.tasks, "total_entries": len(self.tasks)}
            case "GET", ["dags", _, "dagRuns", _, "taskInstances", task, "logs", _]:
                return self.logs.get(task, missing)
        raise AssertionError(f"{method} {parts}")


@contextmanager
def served(api: Api) -> Iterator[str]:
    """Serve it for as long as a `with` block lasts; the address that `airflow-url` takes."""
    base = "/api/v2" if api.is_v2 else "/api/v1"

    @Request.application
    def application(request: Request) -> Response:
        if request.path == f"{base}/version":
            answer = Answer(status=200, body={"version": api.version()})
        elif request.path.startswith(f"{base}/"):
            path, body = request.path.removeprefix(base), request.get_json(silent=True)
            answer = api.request(request.method, path, request.args.to_dict(), body)
        else:
            answer = Answer(status=404)
        text = json.dumps(answer.body) if answer.body is not None else ""
        return Response(text, status=answer.status, mimetype="application/json")

    server = make_server("127.0.0.1", 0, application, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
