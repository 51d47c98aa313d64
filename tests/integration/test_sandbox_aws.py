"""The sandbox's AWS: what moto does otherwise, and AWS does as shown here; with real Metaflow."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from deployer.deadline import Cancellation, Deadline
from sandbox.world import World

FLOW = """
import time

from metaflow import FlowSpec, step


class SandboxFlow(FlowSpec):
    @step
    def start(self):
        print("{word}")
        time.sleep({seconds})
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    SandboxFlow()
"""


def metaflow(world: World, folder: Path, *arguments: str, word: str = "one", seconds: int = 0) -> str:
    (folder / "flow.py").write_text(FLOW.format(word=word, seconds=seconds))
    environment = {**os.environ, **world.environment, "METAFLOW_USER": "me", "METAFLOW_HOME": str(folder)}
    command = [sys.executable, "flow.py", "step-functions", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


def machine(world: World, name: str) -> dict[str, Any]:
    machines = world.client().list_state_machines()["stateMachines"]
    arn = next(one["stateMachineArn"] for one in machines if one["name"] == name)
    return dict(world.client().describe_state_machine(stateMachineArn=arn))


def test_redeploying_changes_the_state_machine(world: World, tmp_path: Path) -> None:
    metaflow(world, tmp_path, "--name", "Redeployed", "create")
    first = machine(world, "Redeployed")["definition"]
    metaflow(world, tmp_path, "--name", "Redeployed", "create", word="two")
    assert machine(world, "Redeployed")["definition"] != first


def test_executions_without_a_name_get_names_of_their_own(world: World, tmp_path: Path) -> None:
    metaflow(world, tmp_path, "--name", "Named", "create", seconds=300)
    arn = machine(world, "Named")["stateMachineArn"]
    sfn = world.client()
    started = [sfn.start_execution(stateMachineArn=arn, input='{"Parameters": "{}"}')["executionArn"] for _ in range(2)]
    for execution in started:
        sfn.stop_execution(executionArn=execution)
    assert len(set(started)) == 2
    assert not any(execution.endswith(":None") for execution in started)


def test_stopping_an_execution_ends_its_job(world: World, tmp_path: Path) -> None:
    metaflow(world, tmp_path, "--name", "Stopped", "create", seconds=300)
    arn = machine(world, "Stopped")["stateMachineArn"]
    sfn, batch = world.client(), world.client("batch")
    before = {job["jobId"] for job in _jobs(batch)}
    execution = sfn.start_execution(stateMachineArn=arn, input='{"Parameters": "{}"}')["executionArn"]
    job = _until(
        lambda: next((one for one in _jobs(batch) if one["jobId"] not in before and one["status"] == "RUNNING"), None)
    )
    children = _processes_of(job["jobId"])
    assert children
    sfn.stop_execution(executionArn=execution)
    psutil.wait_procs(children, timeout=10)
    assert not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children)
    assert sfn.describe_execution(executionArn=execution)["status"] == "ABORTED"


def _jobs(batch: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for status in ("SUBMITTED", "RUNNABLE", "RUNNING", "FAILED", "SUCCEEDED"):
        found += batch.list_jobs(jobQueue="metaflow-queue", jobStatus=status)["jobSummaryList"]
    return found


def _until(look: Any) -> Any:
    deadline, cancellation = Deadline(30), Cancellation()
    while not deadline.passed:
        seen = look()
        if seen is not None:
            return seen
        cancellation.wait(0.1)
    pytest.fail("it did not come within 30 s")


def _processes_of(job: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("AWS_BATCH_JOB_ID") == job:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def test_nothing_is_left_when_a_world_is_closed(tmp_path: Path) -> None:
    folder = tmp_path / "flow"
    folder.mkdir()
    with World(tmp_path / "world") as world:
        marker = world._servers.marker
        metaflow(world, folder, "create", seconds=300)
        metaflow(world, folder, "trigger", seconds=300)
        assert len(_marked(marker)) >= 3
    assert _marked(marker) == []


def _marked(marker: str) -> list[int]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("METAFLOW_DEPLOY_SANDBOX") == marker:
                found.append(process.pid)
        except (psutil.Error, OSError):
            continue
    return found
