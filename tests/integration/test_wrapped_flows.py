"""Flows whose file, or whose Parameters, do more with Metaflow's command line than its tutorials do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sandbox.job import Job
from sandbox.kubernetes_api.control import KubernetesControl
from sandbox.runner import Runner
from sandbox.world import World

FLOW = """from metaflow import FlowSpec, Parameter, schedule, step


{above}class {name}(FlowSpec):
{members}    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    {main}
"""
CAUGHT = 'try:\n        {name}()\n    except SystemExit as ended:\n        print("ended with", ended.code)'


def write(workspace: Path, name: str, *, above: str = "", members: str = "", main: str = "{name}()") -> None:
    text = FLOW.format(name=name, above=above, members=members, main=main.format(name=name))
    (workspace / "flows" / "wrapped.py").write_text(text)


@pytest.fixture
def argo(cluster: KubernetesControl, runner: Runner, workspace: Path) -> Job:
    runner.environment["METAFLOW_KUBERNETES_CONTAINER_IMAGE"] = "registry.example.com/flows:1"
    return Job(runner, workspace, kubeconfig=cluster.kubeconfig())


@pytest.mark.parametrize("main", [CAUGHT, CAUGHT + "\n        raise SystemExit(3)"])
def test_a_refusal_that_the_flows_file_catches_is_one(main: str, runner: Runner, workspace: Path, world: World) -> None:
    above = '@schedule(cron="0 6 * * ? *", timezone="Europe/Berlin")\n'
    write(workspace, "CaughtZoneFlow", above=above, main=main)
    result = Job(runner, workspace, orchestrator="step-functions")("wrapped")
    assert result.outputs["failure-reason"] == "flow-invalid", result.log
    assert "timezone" in result.log
    assert "CaughtZoneFlow" not in world.state_machines


def test_a_flow_whose_file_catches_its_end_is_deployed(argo: Job, workspace: Path, cluster: KubernetesControl) -> None:
    write(workspace, "CaughtFlow", main=CAUGHT)
    result = argo("wrapped")
    assert result.exit_code == 0, result.log
    assert cluster.get("workflowtemplates", "caughtflow") is not None


def test_a_flag_is_triggered_with_and_without(argo: Job, workspace: Path, cluster: KubernetesControl) -> None:
    write(workspace, "FlagFlow", members='    verbose = Parameter("verbose", is_flag=True, default=False)\n\n')
    for given, sent in (("true", "true"), ("false", "false")):
        result = argo("wrapped", trigger="true", wait="none", parameters=f"verbose: {given}")
        assert result.exit_code == 0, result.log
        run = cluster.get("workflows", result.outputs["run-id"].removeprefix("argo-"))
        assert run is not None
        arguments = run["spec"].get("arguments", {}).get("parameters", [])
        values = {one["name"]: str(one["value"]).lower() for one in arguments}
        assert values.get("verbose", "false") == sent


def test_what_click_takes_several_times_is_triggered_as_metaflow_does(
    argo: Job, workspace: Path, cluster: KubernetesControl
) -> None:
    members = (
        '    models = Parameter("models", multiple=True)\n    span = Parameter("span", nargs=2, type=int)\n'
        '    loud = Parameter("loud", count=True)\n    stages = Parameter("stages", separator=":", default="a")\n'
        '    letters = Parameter("letters", default=["a"])\n\n'
    )
    write(workspace, "SeveralFlow", members=members)
    given = "{models: ['a,b', c], span: [1, -2], loud: 2, stages: [x, y]}"
    result = argo("wrapped", trigger="true", wait="none", parameters=given)
    assert result.exit_code == 0, result.log
    run = cluster.get("workflows", result.outputs["run-id"].removeprefix("argo-"))
    assert run is not None
    sent = {one["name"]: json.loads(one["value"]) for one in run["spec"]["arguments"]["parameters"]}
    assert sent == {"models": ["a,b", "c"], "span": [1, -2], "loud": 2, "stages": "x:y", "letters": ["a"]}
    refused = argo("wrapped", trigger="true", wait="none", parameters="letters: [one]")
    assert refused.outputs["failure-reason"] == "input"
    assert "The parameter `letters` is a list: Metaflow makes a list of text, character by character" in refused.log
