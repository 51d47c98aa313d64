"""Which flow of a job is skipped for another's sake."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace

import pytest

from deployer.deadline import Cancellation
from deployer.operations import all_flows
from deployer.operations.all_flows import failed_upstream, skip_all
from deployer.operations.causes import guarded
from deployer.outcome import DeployError, Failure, FailureReason, FlowDescription, FlowOutcome, Standing, Status

FAILED = Failure(reason=FailureReason.DEPLOY, message="It was refused.", advice="Allow it.")


def flow(name: str, *upstream: str, failure: Failure | None = None) -> FlowOutcome:
    return FlowOutcome(
        flow=f"{name.lower()}.py",
        operation="deploy",
        orchestrator="argo-workflows",
        status=Status.FAILURE if failure is not None else Status.PENDING,
        failure=failure,
        description=FlowDescription(name=name, upstream=upstream),
    )


TRAIN = flow("TrainFlow", failure=FAILED)


@pytest.mark.parametrize("named", ["TrainFlow", "recsys.prod.TrainFlow"])
def test_a_flow_that_waits_for_one_that_was_not_deployed_is_skipped(named: str) -> None:
    score = flow("ScoreFlow", named)
    assert failed_upstream(score, [TRAIN, score]) == TRAIN.name


def test_what_is_skipped_is_not_deployed_either() -> None:
    score = replace(flow("ScoreFlow", "TrainFlow"), status=Status.SKIPPED)
    report = flow("ReportFlow", "ScoreFlow")
    assert failed_upstream(report, [TRAIN, score, report]) == score.name


def test_a_flow_whose_run_failed_is_deployed_all_the_same() -> None:
    ran = replace(TRAIN, standing=Standing.DEPLOYED)
    score = flow("ScoreFlow", "TrainFlow")
    assert failed_upstream(score, [ran, score]) is None


def test_other_flows_are_no_concern() -> None:
    assert failed_upstream(flow("OtherFlow"), [TRAIN]) is None
    assert failed_upstream(flow("ScoreFlow", "MyTrainFlow"), [TRAIN]) is None


def test_with_fail_fast_every_other_flow_says_why_it_was_skipped() -> None:
    warned = replace(flow("ScoreFlow"), warnings=("No task image is configured.",))
    failed, skipped = skip_all([TRAIN, warned])
    assert failed == TRAIN
    assert skipped.status is Status.SKIPPED
    assert skipped.warnings[0] == f"Skipped, since {TRAIN.name} cannot be deployed and `fail-fast` is true."


def broken(_: FlowOutcome) -> FlowOutcome:
    raise RuntimeError("dictionary changed size")


def test_an_error_that_nothing_expects_takes_nothing_from_what_was_reached() -> None:
    deployed = replace(flow("TrainFlow"), standing=Standing.DEPLOYED, status=Status.SUCCESS, warnings=("A warning.",))
    after = guarded(deployed, broken)
    assert after.failure is not None
    assert after.failure.reason is FailureReason.INTERNAL
    assert "RuntimeError: dictionary changed size" in after.failure.message
    assert "in broken" in after.failure.evidence, "the traceback"
    assert replace(after, failure=None, status=Status.SUCCESS) == deployed
    assert guarded(flow("ScoreFlow"), broken, leaves=Standing.UNKNOWN).standing is Standing.UNKNOWN


def test_a_failure_that_is_raised_is_the_flows() -> None:
    def refused(_: FlowOutcome) -> FlowOutcome:
        raise DeployError(FAILED)

    after = guarded(flow("TrainFlow"), refused, leaves=Standing.UNKNOWN)
    assert (after.failure, after.status, after.standing) == (FAILED, Status.FAILURE, None)


def test_the_flow_after_one_that_broke_the_action_is_deployed(monkeypatch: pytest.MonkeyPatch) -> None:
    def deploy(_: object, outcome: FlowOutcome) -> FlowOutcome:
        return broken(outcome) if outcome.flow == "two.py" else replace(outcome, status=Status.SUCCESS)

    handle = SimpleNamespace(close=lambda: None, user="ci", compiled=None)
    monkeypatch.setattr(all_flows, "FlowHandle", lambda *_: handle)
    monkeypatch.setattr(all_flows, "open_request", lambda *_: None)
    monkeypatch.setattr(all_flows, "prepare", lambda _, outcome: outcome)
    monkeypatch.setattr(all_flows, "refuse_same_deployment", lambda _, prepared: prepared)
    monkeypatch.setattr(all_flows, "share_values", lambda _, prepared, **__: prepared)
    monkeypatch.setattr(all_flows, "deploy", deploy)
    inputs = SimpleNamespace(trigger=False, fail_fast=False)
    console = SimpleNamespace(group=lambda _: nullcontext(), info=lambda _: None)
    job = SimpleNamespace(inputs=inputs, console=console, cancellation=Cancellation())
    flows = [flow("One"), flow("Two"), flow("Three")]
    done = all_flows.run_flows(job, "deploy", [one.flow for one in flows], flows)  # type: ignore[arg-type]
    assert [one.status for one in done] == [Status.SUCCESS, Status.FAILURE, Status.SUCCESS]
    assert done[1].failure is not None
    assert done[1].failure.reason is FailureReason.INTERNAL
