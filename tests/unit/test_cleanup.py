"""What becomes of each deployment that a cleanup chose, over an orchestrator that answers what a test says."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from deployer.deadline import Cancellation
from deployer.operations import cleanup
from deployer.operations.choice import Criteria, all_named, names_something
from deployer.orchestrators.inventory import Activity
from deployer.outcome import Action, Change, Deployment, DeploymentRow, Failure, FailureReason, Fate
from deployer.worker import inventory_protocol as asked
from deployer.worker import protocol
from deployer.worker.client import WorkerCancelled, WorkerError

BEFORE = datetime(2026, 6, 1, 8, 0, tzinfo=UTC)
CRITERIA = Criteria(now=BEFORE + timedelta(days=100), older_than=90 * 86400.0)


def deployment(name: str, **changes: Any) -> Deployment:
    made = Deployment(id=name, orchestrator="argo-workflows", flow_name="TrainFlow", version="v1", deployed_at=BEFORE)
    return replace(made, **changes)


def chosen(name: str, **changes: Any) -> DeploymentRow:
    return DeploymentRow(
        id=name,
        orchestrator="argo-workflows",
        deployment=deployment(name, **changes),
        fate=Fate.WOULD_BE_DELETED,
        why="No run of it is known.",
    )


def alone(name: str) -> DeploymentRow:
    return DeploymentRow(
        id=name, orchestrator="argo-workflows", parts=(f"Sensor {name} in events",), fate=Fate.WOULD_BE_DELETED
    )


class Handle:
    """A process without a flow file, whose orchestrator is a dictionary of what stands."""

    def __init__(self, *rows: DeploymentRow) -> None:
        self.standing = {row.id: row.deployment for row in rows}
        self.deleted: list[str] = []
        self.before_deleting: dict[str, Callable[[], object]] = {}
        self.leftover: tuple[Change, ...] = ()
        self.used: dict[str, Activity] = {}
        self.asked_since: list[datetime] = []
        self.job = SimpleNamespace(
            console=SimpleNamespace(info=lambda _: None),
            cancellation=Cancellation(),
            inputs=SimpleNamespace(deploy_timeout=60.0),
        )

    def call(self, request: Any, kind: Any, deadline: Any) -> Any:
        del kind, deadline
        if isinstance(request, protocol.Read):
            return self.standing.get(request.deployment_id)
        if isinstance(request, asked.LastUse):
            self.asked_since.append(request.since)
            ids = [one.id for one in request.deployments]
            return tuple(self.used.get(name, Activity(deployment_id=name, deployed_at=BEFORE)) for name in ids)
        if isinstance(request, asked.DeleteLeftovers):
            self.deleted.append(request.row.id)
            return self.leftover
        assert isinstance(request, asked.Delete)
        self.before_deleting.get(request.deployment_id, lambda: None)()
        self.deleted.append(request.deployment_id)
        if self.standing.pop(request.deployment_id, None) is None:
            return ()
        return (Change(kind="WorkflowTemplate", name=request.deployment_id, action=Action.REMOVED),)


def done(handle: Handle, *rows: DeploymentRow, criteria: Criteria = CRITERIA) -> dict[str, tuple[Fate, str]]:
    return {row.id: (row.fate, row.why) for row in cleanup._delete(handle, rows, criteria)}  # type: ignore[arg-type]


def raising(error: Exception) -> Callable[[], object]:
    def fail() -> None:
        raise error

    return fail


def test_what_was_deployed_or_removed_since_it_was_listed_is_kept() -> None:
    rows = [chosen(name) for name in ("same", "again", "gone")]
    undated = [chosen(name, deployed_at=None) for name in ("undated", "changed")]
    handle = Handle(*rows, *undated)
    handle.standing["again"] = deployment("again", deployed_at=BEFORE + timedelta(seconds=1))
    handle.standing["changed"] = deployment("changed", deployed_at=None, version="v2")
    del handle.standing["gone"]
    kept = (Fate.KEPT, "It was deployed, or removed, while the others were looked at.")
    assert done(handle, *rows, *undated) == {
        "same": (Fate.DELETED, "No run of it is known."),
        "again": kept,
        "gone": kept,
        "undated": (Fate.DELETED, "No run of it is known."),
        "changed": kept,
    }
    assert handle.deleted == ["same", "undated"]


def test_what_ran_since_it_was_chosen_is_kept() -> None:
    rows = [chosen(name) for name in ("idle", "running", "ran")]
    handle = Handle(*rows)
    handle.used["running"] = Activity(deployment_id="running", deployed_at=BEFORE, active=True)
    handle.used["ran"] = Activity(deployment_id="ran", deployed_at=BEFORE, last_run_at=CRITERIA.now)
    told = done(handle, *rows)
    assert told["running"] == (Fate.KEPT, "A run of it is under way.")
    assert told["ran"] == (Fate.KEPT, "It ran just now.")
    assert handle.deleted == ["idle"]
    assert set(handle.asked_since) == {CRITERIA.since}


def test_where_the_age_does_not_matter_runs_are_asked_for_behind_the_newest() -> None:
    handle = Handle(chosen("idle"))
    asked_at = datetime.now(UTC)
    done(handle, chosen("idle"), criteria=replace(CRITERIA, removed=True))
    assert handle.asked_since[0] >= asked_at, "what ran since is not asked further"


@pytest.mark.parametrize(
    ("pattern", "named"),
    [
        ("train", True),
        ("a", True),
        ("train*", True),
        ("*flow", True),
        ("team.*.train", True),
        ("*.*", False),
        ("[a-z]*", False),
        ("[abcdef]*", False),
        ("*e*", False),
        ("?a?b?c?", False),
    ],
)
def test_only_what_a_pattern_names_may_be_all_that_stands(pattern: str, named: bool) -> None:
    assert names_something(pattern) is named
    rows = [chosen("train"), chosen("a"), alone("left")]
    assert all_named(rows, ("train", "a", pattern))
    assert not all_named(rows, ("train", "*.*"))


def test_what_is_left_over_is_kept_where_the_orchestrator_says_why() -> None:
    handle = Handle()
    note = "the WorkflowTemplate x, which it starts, was deployed while the others were looked at"
    handle.leftover = (Change(kind="Sensor", name="x", action=Action.UNCHANGED, note=note),)
    assert done(handle, alone("x")) == {"x": (Fate.KEPT, f"T{note[1:]}.")}
    handle.leftover = ()
    assert done(handle, alone("x")) == {"x": (Fate.UNCHANGED, "It was gone already.")}
    handle.leftover = (Change(kind="Sensor", name="x", action=Action.REMOVED),)
    assert done(handle, alone("x"))["x"][0] is Fate.DELETED


@pytest.mark.parametrize("reason", list(FailureReason))
def test_a_failure_ends_the_others_where_they_would_fail_too(reason: FailureReason) -> None:
    rows = [chosen(name) for name in ("one", "two", "three")]
    handle = Handle(*rows)
    failure = Failure(reason=reason, message="It went wrong.", advice="Look.")
    handle.before_deleting["one"] = raising(WorkerError((failure,)))
    told = done(handle, *rows)
    assert told["one"] == (Fate.FAILED, "It went wrong.")
    ends_all = reason in (FailureReason.CANCELLED, FailureReason.CREDENTIALS, FailureReason.ORCHESTRATOR_UNREACHABLE)
    assert {told["two"][0], told["three"][0]} == {Fate.NOT_TRIED if ends_all else Fate.DELETED}
    assert handle.deleted == ([] if ends_all else ["two", "three"])


def test_a_job_that_is_cancelled_half_way_says_what_it_did_not_try() -> None:
    rows = [chosen(name) for name in ("one", "two", "three")]
    handle = Handle(*rows)
    handle.before_deleting["one"] = lambda: handle.job.cancellation.cancel(signal.SIGINT)
    told = done(handle, *rows)
    assert told["one"][0] is Fate.DELETED, "what the orchestrator did before the signal is told as done"
    assert told["two"] == told["three"] == (Fate.NOT_TRIED, "The job was cancelled before.")
    assert handle.deleted == ["one"]


def test_an_error_that_nothing_expects_is_of_its_row_and_the_others_go_on() -> None:
    handle = Handle(chosen("one"), chosen("two"))
    handle.before_deleting["one"] = raising(RuntimeError("dictionary changed size"))
    one, two = cleanup._delete(handle, [chosen("one"), chosen("two")], CRITERIA)  # type: ignore[arg-type]
    assert (one.fate, two.fate) == (Fate.FAILED, Fate.DELETED)
    assert one.failure is not None
    assert one.failure.reason is FailureReason.INTERNAL
    assert "RuntimeError: dictionary changed size" in one.failure.message
    assert "in fail" in one.failure.evidence, "the traceback"


def test_a_deletion_that_is_cancelled_under_way_is_told_as_failed() -> None:
    rows = [chosen(name) for name in ("one", "two")]
    handle = Handle(*rows)
    failure = Failure(reason=FailureReason.CANCELLED, message="The job was cancelled.", advice="Run it again.")
    handle.before_deleting["one"] = raising(WorkerCancelled((failure,)))
    first, second = cleanup._delete(handle, rows, CRITERIA)  # type: ignore[arg-type]
    assert (first.fate, second.fate) == (Fate.FAILED, Fate.NOT_TRIED)
    assert second.failure is not None
    assert second.failure.reason is FailureReason.CANCELLED


def test_what_was_not_chosen_is_passed_over() -> None:
    kept = replace(chosen("kept"), fate=Fate.KEPT)
    handle = Handle(kept)
    assert cleanup._delete(handle, [kept], CRITERIA) == (kept,)  # type: ignore[arg-type]
    assert handle.deleted == []
