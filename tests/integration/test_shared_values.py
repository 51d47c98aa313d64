"""`parameters` and `config` of a job: each form of a Config, and which of several flows gets what."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sandbox.job import Job
from sandbox.kubernetes_api.control import KubernetesControl
from sandbox.runner import JobResult, Runner
from sandbox.world import World

CONFIGURED = """import tomllib

from metaflow import Config, FlowSpec, Parameter, config_expr, step


def toml(text):
    return tomllib.loads(text)


class {name}(FlowSpec):
    settings = Config("settings", required=True)
    limits = Config("Limits", parser=toml, default_value="most = 1")
    plain = Config("plain", plain=True, default_value="nothing")
    rate = Parameter("rate", default=settings.rate)
    most = Parameter("most", default=limits.most)
    word = Parameter("word", default=config_expr("plain"))

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    {name}()
"""
PLAIN = """from metaflow import FlowSpec, Parameter, step


class {name}(FlowSpec):
{members}

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    {name}()
"""


@pytest.fixture(params=["argo-workflows", "step-functions"])
def job(request: pytest.FixtureRequest, cluster: KubernetesControl, runner: Runner, workspace: Path) -> Job:
    """The action, for one orchestrator."""
    runner.environment["METAFLOW_KUBERNETES_CONTAINER_IMAGE"] = "registry.example.com/flows:1"
    given = {"kubeconfig": cluster.kubeconfig()} if request.param == "argo-workflows" else {}
    return Job(runner, workspace, orchestrator=request.param, **given)


def defaults(world: World, cluster: KubernetesControl, result: JobResult) -> dict[str, Any]:
    """The defaults of the Parameters, as they are deployed."""
    (one,) = result.deployments
    if one["orchestrator"] == "argo-workflows":
        template = cluster.get("workflowtemplates", one["deployment_id"])
        assert template is not None
        written = json.loads(template["metadata"]["annotations"]["metaflow/parameters"])
        return {name: json.loads(parameter["value"]) for name, parameter in written.items()}
    definition = json.loads(world.client().describe_state_machine(stateMachineArn=one["arn"])["definition"])
    environment = definition["States"]["start"]["Parameters"]["ContainerOverrides"]["Environment"]
    values = {entry["Name"]: entry.get("Value") for entry in environment}
    return dict(json.loads(values["METAFLOW_DEFAULT_PARAMETERS"]))


def test_each_form_of_a_config_reaches_what_is_deployed(
    job: Job, world: World, cluster: KubernetesControl, workspace: Path
) -> None:
    (workspace / "flows" / "configured.py").write_text(CONFIGURED.format(name="ConfiguredFlow"))
    (workspace / "conf").mkdir()
    (workspace / "conf" / "settings.json").write_text('{"rate": 0.25}')
    from_file = job("configured", config="settings: conf/settings.json")
    assert from_file.exit_code == 0, from_file.log
    assert defaults(world, cluster, from_file) == {"rate": 0.25, "most": 1, "word": "nothing"}
    shown = from_file.summary.replace("\\", "")
    assert "`Limits` by default · `plain` by default · `settings` from `conf/settings.json`" in shown, shown
    given = 'settings: {rate: 0.5}\nLimits: {value: "most = 7"}\nplain: {value: "some text, kept: as it is"}'
    from_values = job("configured", config=given)
    assert from_values.exit_code == 0, from_values.log
    assert from_values.summary.count("` by the input `config`") == 3
    assert defaults(world, cluster, from_values) == {"rate": 0.5, "most": 7, "word": "some text, kept: as it is"}
    job.runner.environment["METAFLOW_FLOW_CONFIG_VALUE"] = '{"settings": {"rate": 0.75}}'
    assert "`settings` by default, unless METAFLOW\\_FLOW\\_CONFIG has it" in job("configured").summary


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ("Settings: {rate: 1}", "no Config `Settings`"),
        ("plain: {value: x}", "missing configuration for 'settings'"),
        ("settings: {value: 'rate = 1'}", "not valid JSON"),
    ],
)
def test_a_config_that_does_not_fit_is_an_input_error(job: Job, workspace: Path, config: str, told: str) -> None:
    (workspace / "flows" / "configured.py").write_text(CONFIGURED.format(name="MisfitFlow"))
    result = job("configured", config=config)
    assert (result.exit_code, result.outputs["failure-reason"]) == (1, "input"), result.log
    assert "::error title=input%3A config::" in result.log
    assert told in result.log


def test_a_config_without_what_the_flow_takes_from_it_is_named(job: Job, workspace: Path) -> None:
    (workspace / "flows" / "configured.py").write_text(CONFIGURED.format(name="LackingFlow"))
    result = job("configured", config="settings: {ratio: 1}")
    assert (result.exit_code, result.outputs["failure-reason"]) == (1, "input"), result.log
    assert "::error title=input%3A config" in result.log
    assert "user_configs" not in result.summary, "the traceback is Metaflow's own"
    (failure,) = result.deployments
    assert "flows/configured.py takes from a Config" in failure["failure_message"]
    assert "has no `rate`" in failure["failure_message"]
    assert "the input `config`" in result.log
    assert "file=<string>" not in result.log
    text = CONFIGURED.format(name="LackingFlow").replace("required=True", "default_value={}")
    (workspace / "flows" / "configured.py").write_text(text)
    by_default = job("configured", config="plain: {value: x}")
    assert (by_default.exit_code, by_default.outputs["failure-reason"]) == (1, "flow-invalid"), by_default.log


def test_a_config_without_a_value_is_named(job: Job, workspace: Path) -> None:
    for number, expression in enumerate(("settings.rate", "settings['rate']", "config_expr('str(settings.rate)')")):
        name = f"Valueless{number}Flow"
        text = CONFIGURED.format(name=name).replace("required=True", "default=None")
        (workspace / "flows" / "configured.py").write_text(text.replace("settings.rate", expression))
        result = job("configured")
        assert (result.exit_code, result.outputs["failure-reason"]) == (1, "flow-invalid"), result.log
        (failure,) = result.deployments
        assert "`settings` has no value" in failure["failure_message"]
        assert "the input `config`" in result.log


def several(job: Job, flows: str, **inputs: str) -> JobResult:
    """A job of several flows."""
    return Job(job.runner, job.workspace, **{**job._inputs, "flow": flows})(**inputs)


def write(workspace: Path) -> str:
    """Three flows: what the first declares alone, what two declare, and one that declares nothing."""
    members = {
        "TrainFlow": "    epochs = Parameter('epochs', default=1)\n    day = Parameter('run-day', default='monday')",
        "ScoreFlow": "    day = Parameter('run-day', default='monday')\n    model = Parameter('model', default='a')",
        "EmptyFlow": "    pass",
    }
    for name, lines in members.items():
        (workspace / "flows" / f"{name.lower()}.py").write_text(PLAIN.format(name=name, members=lines))
    return "\n".join(f"flows/{name.lower()}.py" for name in members)


def test_a_name_goes_to_the_flows_that_declare_it(job: Job, workspace: Path) -> None:
    flows = write(workspace)
    result = several(job, flows, trigger="true", wait="none", parameters="epochs: 3\nrun-day: friday")
    assert result.exit_code == 0, result.log
    passed = {one["flow_name"]: one["run_parameters"] for one in result.deployments}
    assert passed["TrainFlow"] == {"epochs": "3", "run-day": "friday"}
    assert passed["ScoreFlow"]["run-day"] == "friday"
    assert "epochs" not in passed["ScoreFlow"]
    assert passed["EmptyFlow"] == {}
    assert "The parameter `epochs` is passed to TrainFlow only" in result.log
    assert "The parameter `run-day` is passed to TrainFlow and ScoreFlow only" in result.log


def test_a_name_that_no_flow_declares_is_refused_before_anything_is_deployed(job: Job, workspace: Path) -> None:
    flows = write(workspace).replace("trainflow", "refusedflow")
    text = (workspace / "flows" / "trainflow.py").read_text().replace("TrainFlow", "RefusedTrainFlow")
    (workspace / "flows" / "refusedflow.py").write_text(text)
    result = several(job, flows, trigger="true", wait="none", parameters="epoch: 3\nrun-day: friday")
    assert (result.exit_code, result.outputs["failure-reason"]) == (1, "input"), result.log
    assert "None of the 3 flows has a parameter `epoch`. Did you mean `epochs` (RefusedTrainFlow)?" in result.log
    assert result.log.count("::error title=input%3A parameters::") == 1, "it is said once"
    listed = job(operation="list", flow_name="RefusedTrainFlow")
    assert listed.deployments == []


def test_a_config_goes_to_the_flows_that_declare_it(
    job: Job, world: World, cluster: KubernetesControl, workspace: Path
) -> None:
    flows = write(workspace)
    (workspace / "flows" / "configured.py").write_text(CONFIGURED.format(name="SharedConfigFlow"))
    result = several(job, f"{flows}\nflows/configured.py", config="settings: {rate: 0.125}")
    assert result.exit_code == 0, result.log
    assert "The Config `settings` is passed to SharedConfigFlow only" in result.log
    wrong = several(job, f"{flows}\nflows/configured.py", config="settings: {rate: 0.125}\nLimit: {most: 2}")
    assert (wrong.exit_code, wrong.outputs["failure-reason"]) == (1, "input"), wrong.log
    assert "None of the 4 flows has a Config `Limit`. Did you mean `Limits` (SharedConfigFlow)?" in wrong.log
