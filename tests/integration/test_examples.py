"""The example flows that people copy, deployed and run: a Config, a mutator, a base class in a package."""

from __future__ import annotations

from pathlib import Path

from sandbox.notebook import ask
from sandbox.runner import JobEvent, Runner, push
from sandbox.world import World

SHA = "b" * 40
PUSH = JobEvent(name="push", payload=push(before="1" * 40, after=SHA), sha=SHA)


def test_config_mutator_and_base_class_reach_the_tasks(
    runner: Runner, workspace: Path, world: World, tmp_path: Path
) -> None:
    inputs = {
        "flow": "flows/configured.py\nflows/forecast.py",
        "orchestrator": "step-functions",
        "trigger": "true",
        "wait": "completed",
        "poll-interval": "500ms",
        "comment": "off",
    }
    result = runner.run(PUSH, inputs, workspace=workspace)
    assert result.exit_code == 0, result.log
    configured, forecast = result.deployments
    assert (configured["deployment_id"], configured["schedule"]) == ("examples.prod.ConfiguredFlow", "0 5 * * ? *")
    assert forecast["deployment_id"] == "ForecastFlow"
    kept = ask(f"Run({configured['run_pathspec']!r}).data.kept", world.environment, tmp_path)
    assert kept == [0.6, 0.9], "0.5, the Config's threshold, is the default of the Parameter"
    data = f"Run({forecast['run_pathspec']!r}).data"
    found = ask(f"[{data}.forecast, {data}.team, {data}.label]", world.environment, tmp_path)
    assert found == [6.0, "forecasting", "nightly"]
    assert runner.left_over() == []
