"""What becomes of a deployment that fails half-way, and of one that cannot be read back: with scripted answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest

from deployer.deadline import Cancellation, Deadline
from deployer.operations import deploy as deploying
from deployer.operations.handle import FlowHandle
from deployer.operations.put_back import Before, after_failure, compared
from deployer.orchestrators.driver import Snapshot
from deployer.outcome import (
    Action,
    Change,
    Deployment,
    Failure,
    FailureReason,
    FlowOutcome,
    Standing,
    Status,
)
from deployer.worker import protocol
from deployer.worker.client import WorkerCancelled, WorkerError

TEMPLATE = {"metadata": {"name": "train"}, "spec": {"a": 1}}
SNAPSHOT = Snapshot(
    deployment_id="train",
    orchestrator="argo-workflows",
    objects={"WorkflowTemplate": TEMPLATE, "CronWorkflow": None, "Sensor": None},
)
STOOD = Deployment(id="train", orchestrator="argo-workflows", flow_name="TrainFlow", version="1")
BEFORE = Before(deployment=STOOD, snapshot=SNAPSHOT)
REFUSED = Failure(reason=FailureReason.PERMISSION, message="The schedule was refused.", advice="Allow it.")
CHANGED = Change(kind="WorkflowTemplate", name="train", action=Action.CHANGED_BACK)


def failed(failure: Failure = REFUSED, status: Status = Status.FAILURE) -> FlowOutcome:
    return FlowOutcome(
        flow="train.py", operation="deploy", orchestrator="argo-workflows", status=status, failure=failure
    )


def error(reason: FailureReason, message: str = "It said no.") -> WorkerError:
    return WorkerError((Failure(reason=reason, message=message, advice=""),))


class Told:
    """A console that remembers."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.info = self.warning = self.lines.append


class Job:
    """The part of a job that is asked for here."""

    def __init__(self) -> None:
        self.console = Told()
        self.cancellation = Cancellation()


class Handle:
    """A flow whose process gives the answers of a script, by the kind of request; an exception is raised."""

    def __init__(self, script: dict[type, list[Any]]) -> None:
        self.job = Job()
        self.compiled = None
        self.asked: list[type] = []
        self._script = script

    def call(self, request: object, kind: object, deadline: Deadline) -> Any:  # as FlowHandle's
        self.asked.append(type(request))
        answers = self._script[type(request)]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    call_aside = call


def put_back(
    script: dict[type, list[Any]], outcome: FlowOutcome, before: Before = BEFORE
) -> tuple[FlowOutcome, Handle]:
    handle = Handle(script)
    return after_failure(cast("FlowHandle", handle), outcome, before), handle


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deployer.operations.put_back.PAUSE", 0.01)
    monkeypatch.setattr(deploying, "READ_BACK_PAUSE", 0.01)


def test_what_was_put_back_keeps_its_reason_and_says_so() -> None:
    outcome, handle = put_back({protocol.Restore: [(CHANGED,)]}, failed())
    assert outcome.failure is not None
    assert outcome.failure.reason is FailureReason.PERMISSION
    assert outcome.failure.message == (
        "The schedule was refused. What had been written until then was put back to what stood before."
    )
    assert (outcome.standing, outcome.deployment) == (Standing.AS_BEFORE, STOOD)
    assert handle.job.console.lines == ["put back: WorkflowTemplate train: changed back"]


def test_where_nothing_stood_it_is_removed() -> None:
    before = Before(deployment=None, snapshot=SNAPSHOT)
    outcome, _ = put_back({protocol.Restore: [(CHANGED,)]}, failed(), before)
    assert outcome.failure is not None
    assert "removed again" in outcome.failure.message
    assert (outcome.standing, outcome.deployment) == (Standing.AS_BEFORE, None)


def test_where_nothing_was_written_nothing_is_said() -> None:
    outcome, _ = put_back({protocol.Restore: [()]}, failed())
    assert outcome.failure == REFUSED
    assert (outcome.standing, outcome.deployment) == (Standing.AS_BEFORE, STOOD)


def test_an_orchestrator_that_does_not_answer_is_asked_again() -> None:
    away = error(FailureReason.ORCHESTRATOR_UNREACHABLE)
    outcome, handle = put_back({protocol.Restore: [away, away, (CHANGED,)]}, failed())
    assert outcome.standing is Standing.AS_BEFORE
    assert handle.asked == [protocol.Restore] * 3


def test_a_cancelled_job_puts_back_too_and_tries_once() -> None:
    cancelled = Failure(reason=FailureReason.CANCELLED, message="The job was cancelled.", advice="")
    outcome, _ = put_back({protocol.Restore: [(CHANGED,)]}, failed(cancelled, Status.CANCELLED))
    assert (outcome.status, outcome.standing) == (Status.CANCELLED, Standing.AS_BEFORE)
    away = error(FailureReason.ORCHESTRATOR_UNREACHABLE, "It is away.")
    script = {protocol.Restore: [away], protocol.TakeSnapshot: [away]}
    outcome, handle = put_back(script, failed(cancelled, Status.CANCELLED))
    assert handle.asked == [protocol.Restore, protocol.TakeSnapshot]
    assert outcome.standing is Standing.UNKNOWN
    assert "could not be read" in outcome.warnings[0]


def test_what_cannot_be_put_back_is_told_part_by_part() -> None:
    now = Snapshot(
        deployment_id="train",
        orchestrator="argo-workflows",
        objects={"WorkflowTemplate": {"spec": {"a": 2}}, "CronWorkflow": {"spec": {}}, "Sensor": None},
    )
    denied = error(FailureReason.PERMISSION, "The job may not do that.")
    outcome, _ = put_back({protocol.Restore: [denied], protocol.TakeSnapshot: [now]}, failed())
    assert outcome.failure is not None
    assert outcome.failure.reason is FailureReason.HALF_DEPLOYED
    assert outcome.failure.message == (
        "The schedule was refused. A part of it was written before that, and could not be put back: The job may not "
        "do that. Now the WorkflowTemplate is changed, the CronWorkflow is new."
    )
    assert outcome.standing is Standing.HALF_DEPLOYED


def test_what_cannot_be_put_back_and_stands_as_before_is_no_half() -> None:
    denied = error(FailureReason.PERMISSION)
    outcome, _ = put_back({protocol.Restore: [denied], protocol.TakeSnapshot: [SNAPSHOT]}, failed())
    assert (outcome.failure, outcome.standing) == (REFUSED, Standing.AS_BEFORE)


def test_an_orchestrator_without_snapshots_is_left_alone() -> None:
    outcome, handle = put_back({}, failed(), Before())
    assert (outcome, handle.asked) == (failed(), [])


def test_parts_are_compared_by_what_stood() -> None:
    assert compared(SNAPSHOT, SNAPSHOT) == ()
    gone = Snapshot(deployment_id="train", orchestrator="x", objects={"CronWorkflow": {"a": 1}})
    assert compared(SNAPSHOT, gone) == ("the WorkflowTemplate is gone", "the CronWorkflow is new")


CREATED = protocol.Deployed(deployment_id="train", flow_name="TrainFlow")


def read_back(script: dict[type, list[Any]]) -> tuple[FlowOutcome, Handle]:
    handle = Handle({protocol.Stamp: [None], **script})
    begun = FlowOutcome(
        flow="train.py",
        operation="deploy",
        orchestrator="argo-workflows",
        status=Status.PENDING,
        standing=Standing.DEPLOYED,
    )
    read: Callable[..., FlowOutcome] = deploying._read_back
    return read(handle, begun, CREATED, None), handle


def test_a_read_back_waits_for_an_orchestrator_that_does_not_answer() -> None:
    away = error(FailureReason.ORCHESTRATOR_UNREACHABLE, "It is away.")
    outcome, handle = read_back({protocol.Stamp: [away, None], protocol.Read: [away, STOOD]})
    assert (outcome.status, outcome.deployment) == (Status.SUCCESS, STOOD)
    assert handle.asked == [protocol.Stamp, protocol.Stamp, protocol.Read, protocol.Read]
    assert handle.job.console.lines[0].startswith("It is deployed, but cannot be read back yet.")


def test_what_was_deployed_and_cannot_be_read_back_is_told_with_all_that_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deploying, "READ_BACK_LIMIT", 0.05)
    outcome, _ = read_back({protocol.Read: [error(FailureReason.ORCHESTRATOR_UNREACHABLE, "It is away.")]})
    assert outcome.failure is not None
    assert outcome.failure.reason is FailureReason.ORCHESTRATOR_UNREACHABLE
    assert "was deployed, as Metaflow says, but could not be read back. It is away." in outcome.failure.message
    assert outcome.standing is Standing.DEPLOYED
    assert outcome.deployment is not None
    assert outcome.deployment.id == "train"


def test_a_stamp_that_is_refused_is_a_warning() -> None:
    outcome, _ = read_back({protocol.Stamp: [error(FailureReason.PERMISSION)], protocol.Read: [STOOD]})
    assert outcome.status is Status.SUCCESS
    assert "where it came from could not be written" in outcome.warnings[0]


def test_a_job_that_is_cancelled_meanwhile_has_deployed() -> None:
    cancelled = WorkerCancelled((Failure(reason=FailureReason.CANCELLED, message="Cancelled.", advice=""),))
    outcome, _ = read_back({protocol.Read: [cancelled]})
    assert (outcome.status, outcome.standing) == (Status.CANCELLED, Standing.DEPLOYED)


def test_what_stands_in_parts_is_half_deployed() -> None:
    partly = replace(STOOD, problems=("The flow's trigger is missing.",))
    outcome, _ = read_back({protocol.Read: [partly]})
    assert outcome.failure is not None
    assert outcome.failure.reason is FailureReason.HALF_DEPLOYED
    assert "The flow's trigger is missing." in outcome.failure.message
    assert (outcome.status, outcome.standing) == (Status.FAILURE, Standing.HALF_DEPLOYED)


def test_what_vanished_is_told() -> None:
    outcome, _ = read_back({protocol.Read: [None]})
    assert outcome.failure is not None
    assert "has nothing under that name" in outcome.failure.message
    assert outcome.deployment is None
