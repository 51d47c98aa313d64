"""Runs that the action triggers and waits for: by file and by identifier, their Parameters, their limits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from action_jobs import pushed, run

from sandbox.runner import Runner
from sandbox.world import World


def test_what_is_deployed_can_be_triggered_with_and_without_its_file(runner: Runner, workspace: Path) -> None:
    assert run(runner, workspace, pushed(), deployment_name="Existing", comment="off").exit_code == 0
    with_file = run(
        runner, workspace, pushed(), operation="trigger", deployment_name="Existing", wait="none", comment="off"
    )
    assert with_file.exit_code == 0, with_file.log
    assert with_file.outputs["operation"] == "trigger"
    without = run(
        runner, workspace, pushed(), "", operation="trigger", deployment_id="Existing", wait="none", comment="off"
    )
    assert without.exit_code == 0, without.log
    assert without.outputs["run-pathspec"].startswith("HelloFlow/sfn-")
    assert without.outputs["run-id"] != with_file.outputs["run-id"]


def test_triggering_what_is_not_deployed_says_so(runner: Runner, workspace: Path) -> None:
    result = run(runner, workspace, pushed(), "", operation="trigger", deployment_id="NoSuch", comment="off")
    assert result.outputs["failure-reason"] == "input"
    assert "Nothing is deployed as `NoSuch`" in result.summary


def slow(workspace: Path) -> str:
    """hello.py with a step that takes five minutes."""
    text = (workspace / "flows" / "hello.py").read_text()
    return text.replace("self.greeting =", "import time; time.sleep(300); self.greeting =")


def test_a_run_that_its_own_deployments_limit_ends_has_timed_out(runner: Runner, workspace: Path) -> None:
    (workspace / "flows" / "slow.py").write_text(slow(workspace))
    given = {"deployment_name": "TimedOut", "workflow_timeout": "3s", "trigger": "true", "wait": "completed"}
    result = run(runner, workspace, pushed(), "flows/slow.py", poll_interval="300ms", comment="off", **given)
    assert (result.exit_code, result.outputs["failure-reason"]) == (1, "run-failed"), result.log
    assert result.outputs["run-status"] == "timed-out"
    assert "did not end within the deployment's own time limit" in result.log
    assert "was deployed, but its run timed out" in result.summary
    status = run(runner, workspace, pushed(), "", operation="status", deployment_id="TimedOut", comment="off")
    assert status.outputs["run-status"] == "timed-out"


@pytest.mark.parametrize(
    ("on_timeout", "fate", "state"), [("leave", "left", "RUNNING"), ("terminate", "terminated", "ABORTED")]
)
def test_a_run_that_takes_too_long_is_left_or_terminated(
    on_timeout: str, fate: str, state: str, runner: Runner, workspace: Path, world: World
) -> None:
    (workspace / "flows" / "slow.py").write_text(slow(workspace))
    result = run(
        runner,
        workspace,
        pushed(),
        "flows/slow.py",
        deployment_name=f"Slow{on_timeout}",
        trigger="true",
        wait="completed",
        wait_timeout="3s",
        on_timeout=on_timeout,
        comment="off",
    )
    assert result.exit_code == 1
    assert result.outputs["failure-reason"] in ("run-timeout", "start-timeout")
    assert fate in result.summary
    arn = result.deployments[0]["arn"].replace(":stateMachine:", ":execution:")
    execution = f"{arn}:{result.outputs['run-id'].removeprefix('sfn-')}"
    assert world.client().describe_execution(executionArn=execution)["status"] == state
    if state == "RUNNING":
        world.client().stop_execution(executionArn=execution)


def test_parameters_of_every_type_arrive(runner: Runner, workspace: Path, world: World) -> None:
    (workspace / "data.csv").write_text("1,2\n")
    (workspace / "flows" / "typed.py").write_text(
        "from metaflow import FlowSpec, IncludeFile, JSONType, Parameter, step\n\n\n"
        "class TypedFlow(FlowSpec):\n"
        "    label = Parameter('label', default='x')\n    many = Parameter('many', type=int, required=True)\n"
        "    rate = Parameter('rate', default=0.5)\n    loud = Parameter('loud', type=bool, default=False)\n"
        "    layers = Parameter('layers', type=JSONType, default='[]')\n    data = IncludeFile('data')\n\n"
        "    @step\n    def start(self):\n"
        "        self.seen = [self.label, self.many, self.rate, self.loud, self.layers, self.data]\n"
        "        print('SEEN', repr(self.seen))\n"
        "        expected = ['a \"b\" c', 3, 0.25, True, {'a': [1, None]}, '1,2\\n']\n"
        "        assert self.seen == expected, self.seen\n        self.next(self.end)\n\n"
        "    @step\n    def end(self):\n        pass\n\n\nif __name__ == '__main__':\n    TypedFlow()\n"
    )
    parameters = {
        "label": 'a "b" c',
        "many": "3",
        "rate": 0.25,
        "loud": True,
        "layers": {"a": [1, None]},
        "data": "data.csv",
    }
    result = run(
        runner,
        workspace,
        pushed(),
        "flows/typed.py",
        trigger="true",
        wait="completed",
        parameters=json.dumps(parameters),
        comment="off",
    )
    assert result.exit_code == 0, result.summary
