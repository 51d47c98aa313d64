"""`trigger` by `deployment-id`, without the flow's file: its Parameters are checked on every orchestrator."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.airflow.stand_in import Api, served
from sandbox.job import Job
from sandbox.kubernetes_api.control import KubernetesControl
from sandbox.runner import Runner
from sandbox.world import World

NEEDED, NEEDS_DEFAULT = ", required=True", ', default="-"'
FLOW = """from metaflow import FlowSpec, JSONType, Parameter, step


class TypedFlow(FlowSpec):
    day = Parameter("run-day", default="monday")
    epochs = Parameter("epochs", type=int, default=3)
    layers = Parameter("layers", type=JSONType, default="[]")
    token = Parameter("note"{note})

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    TypedFlow()
"""


@pytest.fixture(params=["argo-workflows", "step-functions", "airflow"])
def job(
    request: pytest.FixtureRequest,
    world: World,
    cluster: KubernetesControl,
    runner: Runner,
    workspace: Path,
    tmp_path: Path,
) -> Iterator[Job]:
    """`operation: trigger` of one orchestrator, with the flow deployed there."""
    on = request.param
    (workspace / "flows" / "typed.py").write_text(FLOW.replace("{note}", NEEDS_DEFAULT if on == "airflow" else NEEDED))
    runner.environment["METAFLOW_KUBERNETES_CONTAINER_IMAGE"] = "registry.example.com/flows:1"
    (tmp_path / "dags").mkdir()
    airflow = Api()
    airflow.dags["TypedFlow"] = {"dag_id": "TypedFlow", "is_paused": False}
    with served(airflow) as url:
        given = {
            "argo-workflows": {"kubeconfig": cluster.kubeconfig()},
            "step-functions": {},
            "airflow": {"airflow_dags_folder": str(tmp_path / "dags")},
        }[on]
        deployed = Job(runner, workspace, orchestrator=on, **given)("typed")
        assert deployed.exit_code == 0, deployed.log
        asked = {"operation": "trigger", "deployment_id": deployed.outputs["deployment-id"], "wait": "none", **given}
        yield Job(runner, workspace, orchestrator=on, **asked, **({"airflow_url": url} if on == "airflow" else {}))


def test_unknown_names_and_wrong_types_start_nothing(job: Job) -> None:
    result = job(parameters="run-dya: friday\nepochs: many\nnote: x")
    assert (result.exit_code, result.outputs["failure-reason"]) == (1, "input"), result.log
    assert "The flow has no parameter `run-dya`. Did you mean `run-day`?" in result.log
    assert "The parameter `epochs` is an int: write a whole number" in result.log
    assert "`run-day` (str)" in result.log, "the advice lists them with their types"
    assert result.outputs["run-id"] == ""
    assert "::error title=input%3A parameters::" in result.log


@pytest.mark.parametrize("job", ["argo-workflows", "step-functions"], indirect=True)
def test_one_that_is_required_is_missed(job: Job) -> None:
    result = job(parameters="epochs: 2")
    assert (result.exit_code, result.outputs["failure-reason"]) == (1, "input"), result.log
    assert "The parameter `note` is required and was not given." in result.log
    assert result.outputs["run-id"] == ""


@pytest.mark.parametrize("job", ["step-functions", "airflow"], indirect=True)
def test_what_fits_is_passed_on(job: Job) -> None:
    result = job(parameters="run-day: friday\nepochs: '2'\nnote: x")
    assert result.exit_code == 0, result.log
    assert result.outputs["run-id"]
    assert result.deployments[0]["run_parameters"] == {"run-day": "friday", "epochs": "2", "note": "x"}
    assert "::warning" not in result.log


def test_of_a_state_machine_of_plain_metaflow_is_said_what_it_does_not_say(
    world: World, runner: Runner, workspace: Path, tmp_path: Path
) -> None:
    flow = workspace / "flows" / "typed.py"
    flow.write_text(FLOW.replace("TypedFlow", "PlainFlow").replace("{note}", NEEDED))
    environment = {**world.environment, "METAFLOW_USER": "mona", "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
    subprocess.run(
        [sys.executable, str(flow), "step-functions", "create"],
        env={**environment, "METAFLOW_HOME": str(tmp_path / "home")},
        cwd=workspace,
        check=True,
        capture_output=True,
    )
    job = Job(runner, workspace, orchestrator="step-functions", operation="trigger", deployment_id="PlainFlow")
    wrong = job(parameters="epochs: many")
    assert (wrong.exit_code, wrong.outputs["failure-reason"]) == (1, "input"), wrong.log
    assert "`epochs`" in wrong.log
    result = job(parameters="epochs: 2\nnoet: x", wait="none")
    assert result.exit_code == 0, result.log
    assert "PlainFlow does not say whether the flow has them, and of which type, for `noet`" in result.log
