"""An orchestrator that an extension registers with Deployer, through the whole action: metaflow-dagster, which runs in
its own process with no server, installed by the input `requirements` as a user installs it.

Its faults are told as they are, and not mended; docs/plugins.md lists them.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.runner import JobEvent, JobResult, Runner, push
from sandbox.world import World

SHA = "f" * 40
PUSH = JobEvent(name="push", payload=push(before="1" * 40, after=SHA), sha=SHA)
REQUIREMENTS = "metaflow-dagster==0.3.7\ndagster==1.13.29"
GREETING = (
    "from metaflow import FlowSpec, Parameter, step\n\n\nclass GreetingFlow(FlowSpec):\n"
    "    word = Parameter('word', default='hello')\n\n"
    "    @step\n    def start(self):\n        self.next(self.end)\n\n"
    "    @step\n    def end(self):\n        print(self.word, 'from production')\n\n\n"
    'if __name__ == "__main__":\n    GreetingFlow()\n'
)
FAILING = (
    "from metaflow import FlowSpec, step\n\n\nclass FailingFlow(FlowSpec):\n"
    "    @step\n    def start(self):\n        raise ValueError('the model has NaN')\n        self.next(self.end)\n\n"
    "    @step\n    def end(self):\n        pass\n\n\n"
    'if __name__ == "__main__":\n    FailingFlow()\n'
)


@pytest.fixture
def local(world: World, tmp_path: Path) -> Runner:
    """A runner whose jobs keep runs where the extension keeps them: in files beside the flow."""
    environment = {
        "METAFLOW_DEFAULT_METADATA": "local",
        "METAFLOW_DEFAULT_DATASTORE": "local",
        "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(tmp_path / "runs"),
        "DAGSTER_DISABLE_TELEMETRY": "yes",
    }
    return Runner(tmp_path / "runner", environment=environment, api_url=world.github.api_url)


def run(runner: Runner, workspace: Path, **inputs: str) -> JobResult:
    given = {
        "flow": "flows/hello.py",
        "orchestrator": "dagster",
        "requirements": REQUIREMENTS,
        "comment": "off",
        **inputs,
    }
    return runner.run(PUSH, {name.replace("_", "-"): value for name, value in given.items()}, workspace=workspace)


@pytest.fixture(autouse=True)
def _uv_cache(local: Runner, runner: Runner, tmp_path_factory: pytest.TempPathFactory) -> None:
    """One cache of packages for all jobs: a job's home is its own, and its packages would be fetched anew each time."""
    cache = str(tmp_path_factory.getbasetemp() / "uv-cache")
    local.environment["UV_CACHE_DIR"] = runner.environment["UV_CACHE_DIR"] = cache


def test_it_is_created_triggered_and_followed_to_its_end(local: Runner, workspace: Path) -> None:
    (workspace / "greeting.py").write_text(GREETING)
    inputs = {"flow": "greeting.py", "trigger": "true", "wait": "completed", "poll_interval": "1s"}
    result = run(local, workspace, parameters="word: salve", **inputs)
    assert result.exit_code == 0, result.log
    assert result.outputs["deployment-id"] == "GreetingFlow"
    assert result.outputs["run-pathspec"].startswith("GreetingFlow/dagster-")
    assert result.outputs["run-status"] == "succeeded"
    (one,) = result.deployments
    assert (one["orchestrator"], one["run_parameters"]) == ("dagster", {"word": "salve"})
    assert "salve from production" in result.log, "the run had the parameter"
    assert "--tag commit:" + SHA in result.log, "its tasks bear where they come from"


def test_a_run_that_fails_is_a_failed_trigger_since_it_runs_there(local: Runner, workspace: Path) -> None:
    (workspace / "failing.py").write_text(FAILING)
    result = run(local, workspace, flow="failing.py", trigger="true", wait="completed", poll_interval="1s")
    assert (result.exit_code, result.outputs["failure-reason"]) == (1, "trigger"), result.log
    assert result.outputs["deployment-id"] == "FailingFlow", "what was deployed stands"
    assert "the model has NaN" in result.log


def test_options_go_through_and_unknown_ones_are_named(local: Runner, workspace: Path) -> None:
    result = run(local, workspace, create_options="name: greetings\nworkflow_timeout: 60")
    assert result.exit_code == 0, result.log
    assert result.outputs["deployment-id"] == "greetings"
    assert (workspace / "greetings_dagster.py").exists(), "compiled under its name"
    result = run(local, workspace, create_options="nosuch: 1")
    assert result.outputs["failure-reason"] == "input", result.log
    assert "no option `nosuch`" in result.summary


def test_a_name_that_it_takes_elsewhere_is_told_before_anything_is_deployed(local: Runner, workspace: Path) -> None:
    result = run(local, workspace, deployment_name="greetings")
    assert (result.exit_code, result.outputs["failure-reason"]) == (1, "input"), result.log
    assert "metaflow-dagster takes no name" in result.summary
    assert "`name: greetings`" in result.summary
    assert not list(workspace.glob("*_dagster.py"))


def test_what_it_lacks_is_told_by_its_name(runner: Runner, workspace: Path) -> None:
    # with the metadata service its tasks are never registered: the run begins, and is never seen to end
    inputs = {"trigger": "true", "wait": "completed", "poll_interval": "1s", "wait_timeout": "3s"}
    result = run(runner, workspace, on_timeout="terminate", **inputs)
    assert (result.exit_code, result.outputs["failure-reason"]) == (1, "run-timeout"), result.log
    assert "metaflow-dagster's DagsterTriggeredRun has no `terminate`" in result.summary
    assert result.outputs["run-status"] == "running"


def test_doctor_names_the_extension_and_what_it_lacks(local: Runner, workspace: Path) -> None:
    result = run(local, workspace, operation="doctor", flow="")
    assert result.exit_code == 0, result.log
    assert "Extensions: metaflow-dagster 0.3.7" in result.log
    assert "metaflow-dagster: its DagsterDeployedFlow has no `delete`" in result.log
    assert "its DagsterTriggeredRun has no `terminate`" in result.log


@pytest.mark.parametrize(
    ("operation", "inputs"),
    [("list", {}), ("status", {"deployment_id": "HelloFlow"})],
)
def test_what_stands_there_cannot_be_asked_for(
    local: Runner, workspace: Path, operation: str, inputs: dict[str, str]
) -> None:
    result = run(local, workspace, operation=operation, flow="", **inputs)
    assert (result.exit_code, result.outputs["failure-reason"]) == (1, "input"), result.log
    assert "The deployments in dagster cannot be listed" in result.summary


def test_a_run_is_looked_at_and_what_ends_and_deletes_is_the_extensions_own(local: Runner, workspace: Path) -> None:
    ended = run(local, workspace, trigger="true", wait="completed", poll_interval="1s")
    known = {"flow": "", "deployment_id": "HelloFlow", "run_id": ended.outputs["run-id"]}
    looked_at = run(local, workspace, operation="status", **known)
    assert looked_at.deployments[0]["run_status"] == "succeeded", looked_at.log
    refused = run(local, workspace, operation="terminate", **known)
    assert "metaflow-dagster's DagsterTriggeredRun has no `terminate`" in refused.summary
    another = run(local, workspace, operation="terminate", **{**known, "run_id": "dagster-0"})
    assert "`dagster-0` is no run of `HelloFlow`" in another.summary
    deleted = run(local, workspace, operation="delete", flow="", deployment_id="HelloFlow")
    assert "metaflow-dagster's DagsterDeployedFlow has no `delete`" in deleted.summary
    assert {one.outputs["failure-reason"] for one in (refused, another, deleted)} == {"input"}


def test_it_has_no_production_token(local: Runner, workspace: Path) -> None:
    result = run(local, workspace, operation="production-token", flow="", deployment_id="HelloFlow")
    assert (result.exit_code, result.outputs["failure-reason"]) == (1, "input"), result.log
    assert "dagster does not tell who deployed it" in result.summary


def test_without_its_extension_it_is_no_orchestrator(local: Runner, workspace: Path) -> None:
    result = run(local, workspace, requirements="")
    assert result.outputs["failure-reason"] == "input"
    assert "There is no orchestrator 'dagster'" in result.summary
    assert "add the extension that registers it to `requirements`" in result.summary
