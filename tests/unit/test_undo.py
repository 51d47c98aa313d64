"""Several requests as one: what is told, and what stands, where a later one of them is refused."""

from __future__ import annotations

from typing import Any, cast

import pytest

from deployer.orchestrators.driver import Orchestrator
from deployer.orchestrators.undo import put_back_on_failure
from deployer.outcome import Action, Change, DeployError, Failure, FailureReason


class Kept:
    """An orchestrator as far as putting back goes; what stood before is the word `before`."""

    def __init__(self, answer: tuple[Change, ...] | DeployError) -> None:
        self.answer = answer
        self.restored: list[Any] = []

    def snapshot(self, deployment_id: str) -> Any:
        return f"{deployment_id} before"

    def restore(self, snapshot: Any) -> tuple[Change, ...]:
        self.restored.append(snapshot)
        if isinstance(self.answer, DeployError):
            raise self.answer
        return self.answer


def refusal(message: str) -> DeployError:
    return DeployError(Failure(reason=FailureReason.PERMISSION, message=message, advice="Give the right."))


def fail(kept: Kept) -> DeployError:
    """What is raised of a block that fails."""
    with (
        pytest.raises(DeployError) as caught,
        put_back_on_failure(cast(Orchestrator, kept), "trainflow"),
    ):
        raise refusal("The machine may not be deleted.")
    return caught.value


def test_what_had_been_removed_is_put_back_and_the_reason_stays() -> None:
    kept = Kept((Change(kind="CronWorkflow", name="trainflow", action=Action.REMOVED),))
    failure = fail(kept).failure
    assert kept.restored == ["trainflow before"]
    assert failure.reason is FailureReason.PERMISSION
    assert failure.advice == "Give the right."
    assert failure.message == "The machine may not be deleted. What had been removed until then was put back."


def test_nothing_is_said_of_putting_back_where_nothing_had_changed() -> None:
    assert fail(Kept(())).failure.message == "The machine may not be deleted."


def test_what_cannot_be_put_back_is_told() -> None:
    said = fail(Kept(refusal("The rule may not be made."))).failure.message
    assert said == (
        "The machine may not be deleted. What had been removed until then could not be put back: "
        "The rule may not be made."
    )


def test_a_block_that_succeeds_puts_nothing_back() -> None:
    kept = Kept(())
    with put_back_on_failure(cast(Orchestrator, kept), "trainflow"):
        pass
    assert kept.restored == []
