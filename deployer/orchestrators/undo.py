"""Several requests as one: what the first of them did is undone where a later one is refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from deployer.orchestrators.driver import Orchestrator
from deployer.outcome import DeployError


@contextmanager
def put_back_on_failure(orchestrator: Orchestrator, deployment_id: str) -> Iterator[None]:
    """Put a deployment back to what stood before the block, where the block fails.

    Raises:
        DeployError: the block's own, which says what became of what it had done.
    """
    before = orchestrator.snapshot(deployment_id)
    try:
        yield
    except DeployError as error:
        assert before is not None, "who deletes takes snapshots"
        try:
            done = orchestrator.restore(before)
        except DeployError as another:
            said = f" What had been removed until then could not be put back: {another.failure.message}"
        else:
            said = " What had been removed until then was put back." if done else ""
        raise DeployError(replace(error.failure, message=f"{error.failure.message}{said}")) from error
