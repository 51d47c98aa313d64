"""Waiting until Airflow has loaded a DAG file that was delivered: its own turn, between seconds and minutes later."""

from __future__ import annotations

import os

from deployer.deadline import Deadline
from deployer.inputs import Inputs
from deployer.operations.handle import FlowHandle
from deployer.orchestrators.airflow.settings import AirflowSettings
from deployer.outcome import Failure, FailureReason
from deployer.worker import protocol
from deployer.worker.client import WorkerCancelled, WorkerError

ORCHESTRATOR = "airflow"
LOOK_LIMIT = 60.0
"""Seconds for one question; the client below gives up earlier."""
PAUSE = 2.0
"""Seconds between two looks, where `poll-interval` is no shorter: Airflow looks for files every few seconds at best."""


def known_trace(handle: FlowHandle, deployment_id: str | None, deadline: Deadline) -> str | None:
    """Airflow's stack trace of the file that stands before the delivery; None where it loads.

    Raises:
        WorkerError: Airflow cannot be asked.
    """
    if handle.job.inputs.orchestrator != ORCHESTRATOR or deployment_id is None:
        return None
    request = protocol.StackTrace(deployment_id=deployment_id)
    return handle.call(request, str | None, deadline.within(LOOK_LIMIT))  # type: ignore[arg-type]  # a union is no type[]


def wait_until_loaded(handle: FlowHandle, deployment_id: str, before: str | None, deadline: Deadline) -> None:
    """Wait until Airflow has loaded what was delivered, and un-pause it.

    Args:
        handle: the flow.
        deployment_id: the DAG.
        before: `known_trace` from before the delivery.
        deadline: what is left of `deploy-timeout`.

    Raises:
        WorkerError: Airflow cannot load it, with its own stack trace; it has not loaded it in time; or it cannot be
            asked.
        WorkerCancelled: the job was cancelled.
    """
    job = handle.job
    if job.inputs.orchestrator != ORCHESTRATOR:
        return
    request = protocol.Loaded(deployment_id=deployment_id, before=before)
    told = False
    while True:
        loaded, unseen = _look(handle, request)
        if loaded is None:
            return
        if loaded:
            job.console.info(f"Airflow has loaded {deployment_id}")
            return
        if not told:
            job.console.info(f"waiting until Airflow loads {deployment_id}")
            told = True
        if deadline.passed:
            raise _late(handle, deployment_id, unseen)
        if job.cancellation.wait(min(job.inputs.poll_interval, PAUSE, deadline.remaining)):
            raise WorkerCancelled((_cancelled(deployment_id),))


def _look(handle: FlowHandle, request: protocol.Loaded) -> tuple[bool | None, Failure | None]:
    """Whether it is loaded; and why Airflow could not be asked, which may pass."""
    try:
        return handle.call(request, bool | None, Deadline(LOOK_LIMIT)), None  # type: ignore[arg-type]
    except WorkerCancelled:
        raise
    except WorkerError as error:
        if error.failures[0].reason is not FailureReason.ORCHESTRATOR_UNREACHABLE:
            raise
        return False, error.failures[0]


def _late(handle: FlowHandle, deployment_id: str, unseen: Failure | None) -> WorkerError:
    if unseen is not None:
        return WorkerError((unseen,))
    request = protocol.NotLoaded(deployment_id=deployment_id)
    return WorkerError((handle.call(request, Failure, Deadline(LOOK_LIMIT)),))


def _cancelled(deployment_id: str) -> Failure:
    return Failure(
        reason=FailureReason.CANCELLED,
        message=f"The job was cancelled while it waited until Airflow loads {deployment_id}.",
        advice="Run it again when you are ready; deploying is repeatable.",
    )


def airflow_settings(inputs: Inputs, folder: str) -> AirflowSettings | None:
    """Where Airflow is, of the inputs; None for another orchestrator.

    Args:
        inputs: the job's inputs.
        folder: the absolute folder that a relative one starts at.
    """
    if inputs.orchestrator != ORCHESTRATOR:
        return None
    place = inputs.airflow_dags_folder
    if place is not None and "://" not in place:
        place = os.path.join(folder, place)  # noqa: PTH118  # the request speaks of paths as text
    return AirflowSettings(
        dags_folder=place,
        url=inputs.airflow_url,
        token=inputs.airflow_token,
        username=inputs.airflow_username,
        password=inputs.airflow_password,
        compatibility=inputs.airflow_compatibility,
    )
