"""A DAG run and its tasks as the state of a Metaflow run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from deployer.orchestrators.airflow.api import AirflowApi, TaskInstance, time
from deployer.orchestrators.driver import RunState, TaskTrouble
from deployer.outcome import RunStatus

TERMINATED_NOTE = "Terminated by metaflow-deploy."
STATES = {
    "queued": RunStatus.PENDING,
    "running": RunStatus.RUNNING,
    "success": RunStatus.SUCCEEDED,
    "failed": RunStatus.FAILED,
}
ENDED = ("success", "failed")
WAITING = ("queued", "scheduled", "up_for_retry", "up_for_reschedule", "deferred")
LOG_LINES = 40
MOST_LOGS = 5
"""Failed tasks of a foreach whose logs are read."""
# The operator's own words on a pod that did not end well, and any exception that ended the task.
SAID = re.compile(r"^.*?\b(?P<said>(?:[\w.]*(?:Exception|Error|Timeout)): .+)$", re.MULTILINE)


def status_of(dag_run: Mapping[str, Any]) -> RunStatus:
    """The state of a DAG run. Airflow calls one that was ended failed: the action's own note on it tells."""
    status = STATES.get(str(dag_run.get("state")), RunStatus.RUNNING)
    if status is RunStatus.FAILED and (dag_run.get("note") or "").startswith(TERMINATED_NOTE):
        return RunStatus.TERMINATED
    return status


def describe(api: AirflowApi, dag_id: str, dag_run: Mapping[str, Any], *, diagnose: bool) -> RunState:
    """A DAG run as a run's state.

    Args:
        api: Airflow's REST API.
        dag_id: the DAG.
        dag_run: as the API gives it.
        diagnose: whether to read what its failed tasks logged.
    """
    status = status_of(dag_run)
    waiting: tuple[str, ...] = ()
    troubles: tuple[TaskTrouble, ...] = ()
    if not status.is_terminal:
        waiting = _waiting(api, dag_id, dag_run, status)
    elif diagnose and status is RunStatus.FAILED:
        troubles = _troubles(api, dag_id, str(dag_run["dag_run_id"]))
    return RunState(
        status=status,
        started_at=time(dag_run.get("start_date")),
        finished_at=time(dag_run.get("end_date")),
        message=troubles[0].what if troubles else None,
        waiting=waiting,
        troubles=troubles,
    )


def _waiting(api: AirflowApi, dag_id: str, dag_run: Mapping[str, Any], status: RunStatus) -> tuple[str, ...]:
    if status is RunStatus.PENDING:
        dag = api.dag(dag_id)
        if dag is not None and dag.get("is_paused"):
            return ("the DAG is paused",)
        return ()
    tasks = api.task_instances(dag_id, str(dag_run["dag_run_id"]))
    return tuple(f"step {task.task_id}: {task.state}" for task in tasks if task.state in WAITING)


def _troubles(api: AirflowApi, dag_id: str, dag_run_id: str) -> tuple[TaskTrouble, ...]:
    failed = [task for task in api.task_instances(dag_id, dag_run_id) if task.state == "failed"]
    failed.sort(key=lambda task: (task.start_date is None, task.start_date))
    return tuple(_trouble(task, api.log(dag_id, dag_run_id, task)) for task in failed[:MOST_LOGS])


def _trouble(task: TaskInstance, log: str) -> TaskTrouble:
    tail = "\n".join(log.rstrip().splitlines()[-LOG_LINES:])
    said = [found["said"] for found in SAID.finditer(tail)]
    where = f" (task {task.map_index})" if task.map_index >= 0 else ""
    return TaskTrouble(
        step=task.task_id, what=said[-1] if said else f"Airflow's task failed{where}", detail=tail, decides=False
    )
