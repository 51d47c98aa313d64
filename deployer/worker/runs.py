"""A run as the orchestrator and the Metaflow client tell it together."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from deployer.orchestrators.driver import Orchestrator, RunState, TaskTrouble
from deployer.outcome import Run, RunStatus, TaskFailure
from deployer.worker.protocol import Observe

LOG_LINES = 40
# Counting which tasks went well asks the metadata service once per task.
MOST_TASKS_ASKED = 200
FRAME = re.compile(r'^\s*File "(?P<file>[^"]+)", line (?P<line>\d+)', re.MULTILINE)


def observe(orchestrator: Orchestrator, request: Observe, repository_root: str) -> Run:
    """The run as it is now.

    The orchestrator's state decides where it offers one. Metaflow's `Run` says whether the run has begun: it exists
    once the start task has registered. `Run.finished` alone is no end: a failed run never becomes finished
    (Netflix/metaflow#1710).
    """
    before = request.run
    state = orchestrator.run_state(request.deployment, before.id, diagnose=request.diagnose)
    client_run = metaflow_run(before.pathspec)
    status = _status(state, client_run)
    run = replace(
        before,
        status=status,
        url=orchestrator.run_url(request.deployment, before.id),
        started_at=_time(state.started_at if state else None, client_run, "created_at"),
        finished_at=_time(state.finished_at if state else None, client_run, "finished_at"),
        step_tasks=_step_tasks(client_run, count=request.diagnose),
        begun=client_run is not None,
        waiting=state.waiting if state is not None else (),
    )
    if request.diagnose and status in (RunStatus.FAILED, RunStatus.TERMINATED, RunStatus.TIMED_OUT):
        failed = _failed_task(client_run, request.deployment.provenance, repository_root)
        failed = with_trouble(failed, state.troubles if state is not None else ())
        note = state.message if state is not None and failed is None else None
        run = replace(run, failed_task=failed, note=note or run.note)
    return run


def metaflow_run(pathspec: str) -> Any | None:
    """Metaflow's Run, whatever its namespace; None before its start task has registered."""
    from metaflow import Run as ClientRun
    from metaflow.exception import MetaflowNotFound

    try:
        return ClientRun(pathspec, _namespace_check=False)
    except MetaflowNotFound:
        return None


def _status(state: RunState | None, client_run: Any | None) -> RunStatus:
    if state is None:
        if client_run is None:
            return RunStatus.PENDING
        if not client_run.finished:
            return RunStatus.RUNNING
        return RunStatus.SUCCEEDED if client_run.successful else RunStatus.FAILED
    if state.status is RunStatus.SUCCEEDED and client_run is not None and not client_run.successful:
        # the orchestrator is satisfied, Metaflow is not: `successful` is what users go by
        return RunStatus.FAILED
    return state.status


def _time(known: Any, client_run: Any | None, attribute: str) -> Any:
    if known is not None or client_run is None:
        return known
    value = getattr(client_run, attribute, None)
    return value.astimezone() if value is not None else None


def _step_tasks(client_run: Any | None, *, count: bool) -> dict[str, tuple[int, int]]:
    """For each step that has begun: (tasks that succeeded, tasks); (0, 0) where they are not counted."""
    if client_run is None:
        return {}
    begun = sorted(client_run.steps(), key=lambda step: step.created_at)
    steps = {step.id: step for step in begun if not step.id.startswith("_")}
    if not count:
        return dict.fromkeys(steps, (0, 0))
    counted: dict[str, tuple[int, int]] = {}
    asked = 0
    for name, step in steps.items():
        tasks = list(step.tasks())
        asked += len(tasks)
        well = sum(1 for task in tasks if task.successful) if asked <= MOST_TASKS_ASKED else 0
        counted[name] = (well, len(tasks))
    return counted


def _tasks(client_run: Any) -> Iterator[Any]:
    """All tasks, those of the step that began last first."""
    for step in sorted(client_run.steps(), key=lambda step: step.created_at, reverse=True):
        yield from step.tasks()


def _failed_task(client_run: Any | None, provenance: Any, repository_root: str) -> TaskFailure | None:
    if client_run is None:
        return None
    for asked, task in enumerate(_tasks(client_run)):
        if asked > MOST_TASKS_ASKED:
            return None
        if not task.successful and not (task.finished and task.exception is None):
            return _describe(task, provenance, repository_root)
    return None


def with_trouble(failed: TaskFailure | None, troubles: Sequence[TaskTrouble]) -> TaskFailure | None:
    """The failed task as Metaflow recorded it, with what the orchestrator says of its end where that says more.

    A task that was killed records no exception, and one whose pod never started is not in Metaflow at all.
    """
    of_step = [trouble for trouble in troubles if failed is None or trouble.step == failed.step]
    trouble = next(iter(of_step), None)
    if trouble is None:
        return failed
    if failed is None:
        return TaskFailure(step=trouble.step, exception=trouble.what, log=_tail(trouble.detail), advice=trouble.advice)
    if failed.exception is not None and not trouble.decides:
        return failed
    return replace(failed, exception=trouble.what, log=failed.log or _tail(trouble.detail), advice=trouble.advice)


def _describe(task: Any, provenance: Any, repository_root: str) -> TaskFailure:
    log = _tail(task.stderr or task.stdout or "")
    exception = task.exception
    stack = str(getattr(exception, "stacktrace", "") or "") or log
    summary = _exception_line(exception, log)
    path, line = _user_frame(stack, provenance.flow if provenance is not None else None, repository_root)
    return TaskFailure(
        step=task.parent.id,
        task_id=task.id,
        exception=summary,
        path=path,
        line=line,
        log=_tail(stack) if stack and "Traceback" in stack else log,
    )


def _exception_line(exception: Any, log: str) -> str | None:
    if exception is not None:
        kind = str(getattr(exception, "type", "") or type(exception).__name__).rsplit(".", 1)[-1].strip("'>")
        said = str(getattr(exception, "exception", exception))
        return f"{kind}: {said}" if said else kind
    found = re.findall(r"^(\w[\w.]*(?:Error|Exception|Interrupt)\b.*)$", log, re.MULTILINE)
    return found[-1] if found else None


def _tail(text: str) -> str:
    return "\n".join(text.rstrip().splitlines()[-LOG_LINES:])


def _user_frame(stack: str, flow: str | None, repository_root: str) -> tuple[str | None, int | None]:
    """The innermost frame of the user's own code: Metaflow unpacks the flow's folder as the task's own."""
    base = os.path.dirname(flow) if flow is not None else ""  # noqa: PTH120  # paths are text in this room
    for frame in reversed(list(FRAME.finditer(stack))):
        name = frame["file"]
        if "site-packages" in name or name.count("/metaflow/") > name.count(f"/metaflow/{os.path.basename(name)}"):  # noqa: PTH119
            continue
        # `/metaflow/pkg/helper.py` in a container, `…/metaflow/pkg/helper.py` elsewhere: the longest ending that stands
        # beside the flow file in the repository is the user's own file
        parts = name.strip("/").split("/")
        for start in range(len(parts)):
            path = os.path.normpath(os.path.join(base, *parts[start:]))  # noqa: PTH118
            if os.path.isfile(os.path.join(repository_root, path)):  # noqa: PTH113, PTH118
                return path, int(frame["line"])
    return None, None
