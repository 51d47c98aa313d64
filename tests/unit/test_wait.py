"""A run that is followed: what is told of it meanwhile, and how the wait ends; with scripted looks."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from deployer.deadline import Cancellation, Deadline
from deployer.inputs import OnTimeout, Wait
from deployer.operations.handle import FlowHandle
from deployer.operations.wait import follow
from deployer.outcome import Action, Change, Deployment, Failure, FailureReason, Run, RunStatus, TaskFailure
from deployer.worker import protocol
from deployer.worker.client import WorkerError

DEPLOYMENT = Deployment(id="train", orchestrator="argo-workflows", flow_name="TrainFlow")
TRIGGERED = Run(id="argo-train-x", pathspec="TrainFlow/argo-train-x", status=RunStatus.PENDING)
RUNNING = replace(TRIGGERED, status=RunStatus.RUNNING, begun=True)
SUCCEEDED = replace(RUNNING, status=RunStatus.SUCCEEDED)
UNSCHEDULABLE = "step start: pod unschedulable: 0/1 nodes are available: 1 Insufficient memory."
KEPT = replace(TRIGGERED, status=RunStatus.RUNNING, waiting=(UNSCHEDULABLE,))


def failure(reason: FailureReason, message: str = "It is away.") -> WorkerError:
    return WorkerError((Failure(reason=reason, message=message, advice=""),))


class Handle:
    """A flow whose run is seen as a script says; the last look stays."""

    def __init__(self, *looks: Run | WorkerError, limit: float = 30.0, on_timeout: OnTimeout = OnTimeout.LEAVE) -> None:
        self.lines: list[str] = []
        self.terminated: Change | WorkerError = Change(kind="Workflow", name="train-x", action=Action.TERMINATED)
        inputs = SimpleNamespace(wait_timeout=limit, poll_interval=0.01, on_timeout=on_timeout)
        console = SimpleNamespace(info=self.lines.append, warning=self.lines.append)
        self.job = SimpleNamespace(inputs=inputs, console=console, cancellation=Cancellation())
        self._looks = list(looks)

    def call(self, request: object, kind: object, deadline: Deadline) -> Any:
        if isinstance(request, protocol.Terminate):
            answer: Any = self.terminated
        else:
            answer = self._looks.pop(0) if len(self._looks) > 1 else self._looks[0]
        if isinstance(answer, WorkerError):
            raise answer
        return answer


def followed(handle: Handle, wait: Wait = Wait.COMPLETED) -> tuple[Run, Failure | None]:
    return follow(cast("FlowHandle", handle), DEPLOYMENT, TRIGGERED, wait)


def test_what_keeps_a_run_is_told_once_it_lasts() -> None:
    handle = Handle(TRIGGERED, KEPT, TRIGGERED, KEPT, KEPT, KEPT, SUCCEEDED)
    _, failed = followed(handle)
    assert failed is None
    assert handle.lines.count(f"TrainFlow/argo-train-x: {UNSCHEDULABLE}") == 1
    seen_for_a_moment = Handle(TRIGGERED, KEPT, SUCCEEDED)
    followed(seen_for_a_moment)
    assert not any(UNSCHEDULABLE in line for line in seen_for_a_moment.lines)


def test_at_the_limit_what_kept_the_run_is_the_reason() -> None:
    run, failed = followed(Handle(KEPT, limit=0.1))
    assert failed is not None
    assert failed.reason is FailureReason.START_TIMEOUT
    assert "Step start: pod unschedulable: 0/1 nodes are available: 1 Insufficient memory." in failed.message
    assert failed.advice == "Correct what keeps the run waiting, or raise `wait-timeout`."
    assert run.note == "left running after 0.1s"


@pytest.mark.parametrize(
    "reason", [FailureReason.ORCHESTRATOR_UNREACHABLE, FailureReason.DATASTORE, FailureReason.INTERNAL]
)
def test_what_passes_is_told_and_waited_out(reason: FailureReason) -> None:
    handle = Handle(RUNNING, failure(reason), failure(reason), SUCCEEDED)
    run, failed = followed(handle)
    assert (run.status, failed) == (RunStatus.SUCCEEDED, None)
    assert sum("cannot be seen at the moment" in line for line in handle.lines) == 1, "the same is told once"
    assert "the run can be seen again" in handle.lines


def test_the_last_look_that_failed_is_told_at_the_limit() -> None:
    _, failed = followed(Handle(RUNNING, failure(FailureReason.ORCHESTRATOR_UNREACHABLE), limit=0.1))
    assert failed is not None
    assert failed.reason is FailureReason.RUN_TIMEOUT
    assert "The last look at it failed: It is away." in failed.message


@pytest.mark.parametrize("reason", [FailureReason.CREDENTIALS, FailureReason.PERMISSION])
def test_what_does_not_pass_ends_the_wait_and_says_that_the_run_goes_on(reason: FailureReason) -> None:
    run, failed = followed(Handle(RUNNING, failure(reason, "The cluster refused the credentials.")))
    assert failed is not None
    assert failed.reason is reason
    assert failed.message == "The cluster refused the credentials. The run TrainFlow/argo-train-x goes on."
    assert run.note == "left running, since it could not be followed any more"


def test_a_run_is_terminated_at_the_limit() -> None:
    handle = Handle(RUNNING, limit=0.1, on_timeout=OnTimeout.TERMINATE)
    run, failed = followed(handle)
    assert failed is not None
    assert (run.status, run.note) == (RunStatus.TERMINATED, "terminated after 0.1s")
    handle = Handle(RUNNING, limit=0.1, on_timeout=OnTimeout.TERMINATE)
    handle.terminated = Change(kind="Workflow", name="train-x", action=Action.UNCHANGED, note="it has ended already")
    run, _ = followed(handle)
    assert run.note == "over by itself just before it was to be terminated after 0.1s"
    told = Failure(reason=FailureReason.PERMISSION, message="It lacks `patch`.", advice="Bind the Role.")
    handle.terminated = WorkerError((told,))
    run, failed = followed(handle)
    assert failed is not None
    assert "It lacks `patch`." in failed.message
    assert failed.advice.endswith("Bind the Role.")


@pytest.mark.parametrize(
    ("advice", "told"),
    [
        ("", "Correct the flow and merge again. What was"),
        ("Give the step more memory.", "Give the step more memory. What was"),
    ],
)
def test_what_to_do_follows_from_why_the_task_ended(advice: str, told: str) -> None:
    task = TaskFailure(step="train", exception="exit code 1", advice=advice)
    _, failed = followed(Handle(replace(RUNNING, status=RunStatus.FAILED, failed_task=task)))
    assert failed is not None
    assert failed.reason is FailureReason.RUN_FAILED
    assert failed.advice.startswith(told)
