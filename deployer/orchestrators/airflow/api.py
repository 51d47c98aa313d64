"""What is asked of Airflow's REST API, of v1 (Airflow 2) and of v2 (Airflow 3) alike.

Written after airflow/api_connexion/openapi/v1.yaml of 2.11 and the OpenAPI description of 3.3.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from deployer.orchestrators.airflow.transport import NOT_FOUND, Answer, Transport, is_second_api, refused

PAGE = 100
"""How many of a list are asked for at once: what Airflow gives at most by default (`maximum_page_limit`)."""
MOST_PAGES = 50
CONFLICT = 409


@dataclass(frozen=True, kw_only=True)
class DagImportError:
    """Why Airflow could not load a DAG file."""

    filename: str
    stack_trace: str


@dataclass(frozen=True, kw_only=True)
class TaskInstance:
    """A task of a DAG run."""

    task_id: str
    state: str | None
    try_number: int
    map_index: int
    start_date: datetime | None


class AirflowApi:
    """The requests, one a method. What Airflow does not have is None or empty; every other refusal is raised."""

    def __init__(self, transport: Transport) -> None:
        """Args:
        transport: the way to the API.
        """
        self._transport = transport

    @property
    def is_v2(self) -> bool:
        """Whether this is Airflow 3 or later."""
        return is_second_api(self._transport.version())

    def version(self) -> str:
        """Airflow's version."""
        return self._transport.version()

    def dag(self, dag_id: str) -> dict[str, Any] | None:
        """A DAG as it was serialized last: `start_date`, `is_paused`, `tags`, `params`, `file_token`."""
        return self._get(f"{_dag(dag_id)}/details", f"reading the DAG {dag_id}")

    def source(self, dag_id: str) -> str | None:
        """The text of a DAG's file, as Airflow has it in its database."""
        path = f"/dagSources/{quote(dag_id, safe='')}"
        if not self.is_v2:
            dag = self.dag(dag_id)
            if dag is None or not dag.get("file_token"):
                return None
            path = f"/dagSources/{quote(dag['file_token'], safe='')}"
        found = self._get(path, f"reading the source of the DAG {dag_id}")
        return str(found["content"]) if found is not None and "content" in found else None

    def set_paused(self, dag_id: str, *, paused: bool) -> None:
        """Pause a DAG, or un-pause it."""
        answer = self._transport.request(
            "PATCH", _dag(dag_id), query={"update_mask": "is_paused"}, body={"is_paused": paused}
        )
        if answer.is_bad:
            refused(f"{'pausing' if paused else 'un-pausing'} the DAG {dag_id}", answer)

    def delete_dag(self, dag_id: str) -> bool:
        """Forget a DAG with its runs; whether there was one. While its file is there, Airflow loads it again."""
        answer = self._transport.request("DELETE", _dag(dag_id))
        if answer.is_bad and answer.status != NOT_FOUND:
            refused(f"deleting the DAG {dag_id}", answer)
        return not answer.is_bad

    def import_error(self, file_name: str) -> DagImportError | None:
        """Why a file of that name cannot be loaded, in whatever folder it is."""
        for one in self.import_errors():
            if str(one.get("filename", "")).rsplit("/", 1)[-1] == file_name:
                return DagImportError(filename=one["filename"], stack_trace=str(one.get("stack_trace") or ""))
        return None

    def import_errors(self, page: int = PAGE) -> Iterator[dict[str, Any]]:
        """Why files cannot be loaded, the newest first; page by page, as far as they are looked at."""
        query = {"order_by": "-timestamp"}
        return self._pages("/importErrors", "import_errors", query, "reading the import errors", page=page)

    def health(self) -> dict[str, Any] | None:
        """How Airflow's parts are: of each, by its name, a `status`; None where it does not tell."""
        return self._get("/monitor/health" if self.is_v2 else "/health", "asking how Airflow's parts are")

    def trigger(self, dag_id: str, run_id: str, conf: Mapping[str, Any]) -> None:
        """Ask for a DAG run of that id; one that is there already was asked for before."""
        # v2 wants the key; without a logical date two runs at the same moment do not collide
        date = {"logical_date": None} if self.is_v2 else {}
        body = {"dag_run_id": run_id, "conf": dict(conf), **date}
        answer = self._transport.request("POST", f"{_dag(dag_id)}/dagRuns", body=body)
        if answer.status == CONFLICT and self.dag_run(dag_id, run_id) is not None:
            return
        if answer.is_bad:
            refused(f"a run of the DAG {dag_id}", answer)

    def dag_run(self, dag_id: str, run_id: str) -> dict[str, Any] | None:
        """A DAG run."""
        return self._get(_run(dag_id, run_id), f"reading the DAG run {run_id}")

    def dags(self, page: int = PAGE) -> Iterator[dict[str, Any]]:
        """All DAGs whose files Airflow has; page by page, as far as they are looked at."""
        return self._pages("/dags", "dags", {}, "listing the DAGs", page=page)

    def dag_runs(self, dag_id: str, page: int = PAGE) -> Iterator[dict[str, Any]]:
        """The runs of a DAG, the newest first; page by page, as far as they are looked at."""
        query = {"order_by": "-run_after" if self.is_v2 else "-execution_date"}
        doing = f"listing the runs of the DAG {dag_id}"
        return self._pages(f"{_dag(dag_id)}/dagRuns", "dag_runs", query, doing, page=page)

    def fail_run(self, dag_id: str, run_id: str, note: str) -> None:
        """Have Airflow end a run: it stops its tasks, and marks it failed."""
        doing = f"ending the DAG run {run_id}"
        body: dict[str, Any] = {"state": "failed"}
        if self.is_v2:
            body["note"] = note
        answer = self._transport.request("PATCH", _run(dag_id, run_id), body=body)
        if answer.is_bad:
            refused(doing, answer)
        if not self.is_v2:
            answer = self._transport.request("PATCH", f"{_run(dag_id, run_id)}/setNote", body={"note": note})
            if answer.is_bad:
                refused(doing, answer)

    def task_instances(self, dag_id: str, run_id: str) -> tuple[TaskInstance, ...]:
        """The tasks of a DAG run."""
        path = f"{_run(dag_id, run_id)}/taskInstances"
        found = self._pages(path, "task_instances", {}, f"reading the tasks of the DAG run {run_id}")
        return tuple(
            TaskInstance(
                task_id=one["task_id"],
                state=one.get("state"),
                try_number=int(one.get("try_number") or 0),
                map_index=int(one.get("map_index", -1)),
                start_date=time(one.get("start_date")),
            )
            for one in found
        )

    def log(self, dag_id: str, run_id: str, task: TaskInstance) -> str:
        """The log of a task's last try; empty where Airflow has none."""
        path = f"{_run(dag_id, run_id)}/taskInstances/{quote(task.task_id, safe='')}/logs/{max(task.try_number, 1)}"
        query = {"full_content": "true", "map_index": task.map_index}
        answer = self._transport.request("GET", path, query=query)
        return "" if answer.is_bad else log_text(answer)

    def _get(self, path: str, doing: str) -> dict[str, Any] | None:
        answer = self._transport.request("GET", path)
        if answer.status == NOT_FOUND:
            return None
        if answer.is_bad or not isinstance(answer.body, dict):
            refused(doing, answer)
        return answer.body

    def _pages(
        self, path: str, key: str, query: Mapping[str, Any], doing: str, *, page: int = PAGE
    ) -> Iterator[dict[str, Any]]:
        seen = 0
        for _ in range(MOST_PAGES):
            answer = self._transport.request("GET", path, query={**query, "limit": page, "offset": seen})
            if answer.status == NOT_FOUND:
                return
            if answer.is_bad or not isinstance(answer.body, dict):
                refused(doing, answer)
            found = answer.body.get(key) or []
            yield from found
            seen += len(found)
            if not found or seen >= int(answer.body.get("total_entries") or 0):
                return


def log_text(answer: Answer) -> str:
    """A task's log as lines: v2 gives events, v1 a list of (host, text) written as Python writes it."""
    body = answer.body
    content = body.get("content") if isinstance(body, dict) else body
    if isinstance(content, list):
        return "\n".join(str(one.get("event", "")) if isinstance(one, dict) else str(one) for one in content)
    text = str(content or "")
    with suppress(ValueError, SyntaxError, TypeError):
        return "\n".join(str(part) for _, part in ast.literal_eval(text))
    return text


def time(text: str | None) -> datetime | None:
    """A time as the API writes it."""
    return datetime.fromisoformat(text) if text else None


def _dag(dag_id: str) -> str:
    return f"/dags/{quote(dag_id, safe='')}"


def _run(dag_id: str, run_id: str) -> str:
    return f"{_dag(dag_id)}/dagRuns/{quote(run_id, safe='')}"
