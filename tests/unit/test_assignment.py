"""Which flow of a job gets which of the values that are given once for all."""

from __future__ import annotations

from deployer.operations.assignment import Assignment, Declaration, assign
from deployer.outcome import FailureReason

TRAIN = Declaration(flow="TrainFlow", names=frozenset({"epochs", "day", "dry-run"}))
SCORE = Declaration(flow="ScoreFlow", names=frozenset({"day", "model"}))
EMPTY = Declaration(flow="EmptyFlow", names=frozenset())
UNREAD = Declaration(flow="broken.py", names=None)


def share(values: dict[str, object], *declared: Declaration) -> Assignment[object]:
    return assign(values, declared, input_name="parameters", kind="parameter")


def test_each_flow_gets_what_it_declares() -> None:
    shared = share({"epochs": 3, "day": "friday"}, TRAIN, SCORE, EMPTY)
    assert shared.values == ({"epochs": 3, "day": "friday"}, {"day": "friday"}, {})
    assert shared.failures == ()
    assert shared.notices == (
        "The parameter `epochs` is passed to TrainFlow only; the other flows do not declare it.",
        "The parameter `day` is passed to TrainFlow and ScoreFlow only; the other flows do not declare it.",
    )


def test_what_all_declare_needs_no_notice() -> None:
    assert share({"day": "friday"}, TRAIN, SCORE).notices == ()
    assert share({"epochs": 3}, TRAIN).notices == ()


def test_what_no_flow_declares_is_refused_with_the_nearest_of_all() -> None:
    (failure,) = share({"dya": "friday", "epochs": 3}, TRAIN, SCORE).failures
    assert failure.reason is FailureReason.INPUT
    assert failure.input == "parameters"
    assert failure.message == (
        "None of the 2 flows has a parameter `dya`. Did you mean `day` (TrainFlow and ScoreFlow)?"
    )
    assert failure.advice == (
        "The flows declare: `day` (TrainFlow and ScoreFlow), `dry-run` (TrainFlow), `epochs` (TrainFlow), "
        "`model` (ScoreFlow)."
    )


def test_hyphens_and_capitals_lead_to_the_declared_name() -> None:
    (failure,) = share({"Dry_Run": True}, TRAIN).failures
    assert failure.message == "The flow has no parameter `Dry_Run`. Did you mean `dry-run` (TrainFlow)?"
    (failure,) = share({"x": 1}, EMPTY).failures
    assert failure.advice == "The flow declares no parameter: leave the input out."


def test_nothing_is_refused_for_a_flow_that_could_not_be_read() -> None:
    shared = share({"epochs": 3, "other": 1}, TRAIN, UNREAD)
    assert shared.values == ({"epochs": 3}, {})
    assert shared.failures == ()
