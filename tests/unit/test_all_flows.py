"""Which flow of a job is skipped for another's sake."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deployer.operations.all_flows import failed_upstream, skip_all
from deployer.outcome import Failure, FailureReason, FlowDescription, FlowOutcome, Standing, Status

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
