"""Runs that GitHub gives no secrets: known by their event, told as the cause where credentials are missing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from deployer.event import Event
from deployer.outcome import Failure, FailureReason, FlowOutcome, Outcome, Status
from deployer.secretless import DEPENDABOT, FORK, cause_of, with_cause

CREDENTIALS = Failure(reason=FailureReason.CREDENTIALS, message="There are no AWS credentials.", advice="Give some.")
CLOSED = Event(name="pull_request", is_fork=True)


@pytest.mark.parametrize(
    ("event", "cause"),
    [
        (CLOSED, FORK),
        (replace(CLOSED, name="pull_request_target"), None),
        (Event(name="push", actor="dependabot[bot]"), DEPENDABOT),
        (Event(name="push", actor="octocat"), None),
    ],
)
def test_a_run_without_secrets_is_known_by_its_event(event: Event, cause: Any) -> None:
    assert cause_of(event) is cause
    flow = FlowOutcome(flow="a.py", operation="deploy", orchestrator="x", status=Status.FAILURE, failure=CREDENTIALS)
    warned = (cause.warning,) if cause else ()
    outcome = Outcome(operation="deploy", flows=(flow,), failures=(CREDENTIALS,), warnings=(*warned, "Another."))
    told = with_cause(outcome, event)
    if cause is None:
        assert told == outcome
        return
    for failure in (told.failures[0], told.flows[0].failure):
        assert failure is not None
        assert failure.message == f"{cause.message} There are no AWS credentials."
        assert failure.advice == cause.advice
    assert told.warnings == ("Another.",), "told once"


def test_other_failures_of_such_a_run_keep_their_cause() -> None:
    failure = replace(CREDENTIALS, reason=FailureReason.FLOW_INVALID)
    outcome = Outcome(operation="deploy", failures=(failure,), warnings=(FORK.warning,))
    assert with_cause(outcome, CLOSED) == outcome
