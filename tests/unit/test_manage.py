"""What an operation on one deployment tells, over an orchestrator that answers what a test says."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from deployer.operations import manage
from deployer.outcome import Action, Change, Deployment, Run, RunStatus
from deployer.worker import inventory_protocol as asked
from deployer.worker import protocol


class Handle:
    """A process without a flow file; TrainFlow stands, with runs."""

    user = None

    def __init__(self, orchestrator: str, *runs: Run) -> None:
        self.deployment = Deployment(id="TrainFlow", orchestrator=orchestrator, flow_name="TrainFlow")
        self.runs = runs
        self.job = SimpleNamespace(
            inputs=SimpleNamespace(deployment_id="TrainFlow", authorize=None, deploy_timeout=60.0)
        )

    def call(self, request: Any, kind: Any, deadline: Any) -> Any:
        del kind, deadline
        if isinstance(request, protocol.Read):
            return self.deployment
        if isinstance(request, asked.LatestRuns):
            return self.runs[: request.limit]
        assert isinstance(request, asked.Delete)
        return (Change(kind="state machine", name="TrainFlow", action=Action.REMOVED),)


def run(name: str, status: RunStatus) -> Run:
    return Run(id=name, pathspec=f"TrainFlow/{name}", status=status)


ENDED, GOES_ON, BEGINS = (
    run("sfn-newest", RunStatus.SUCCEEDED),
    run("sfn-older", RunStatus.RUNNING),
    run("sfn-oldest", RunStatus.PENDING),
)


@pytest.mark.parametrize(
    ("orchestrator", "runs", "warnings"),
    [
        ("step-functions", (ENDED, GOES_ON, BEGINS), ("Under way: `sfn-older`, `sfn-oldest`.",)),
        ("step-functions", (ENDED,), ()),
        ("argo-workflows", (ENDED, GOES_ON), ()),
    ],
)
def test_the_runs_that_aws_ends_with_a_deployment_are_told(
    orchestrator: str, runs: tuple[Run, ...], warnings: tuple[str, ...]
) -> None:
    told = manage.delete(Handle(orchestrator, *runs))  # type: ignore[arg-type]
    assert [warning.partition("deleted. ")[2] for warning in told.warnings] == [*warnings]
    assert told.inventory is not None
    (row,) = told.inventory.rows
    assert row.active is (GOES_ON in runs)
