"""What real Metaflow refuses, and what the action makes of it: from the exception, and from the output alone.

Each case (refusal_cases.py) is a flow that plain `python flow.py … create` refuses in a world where nothing else is
wrong.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from metaflow_commands import Command, Ended, run_commands
from refusal_cases import AIRFLOW, REFUSALS, Refusal

from deployer.orchestrators.diagnosis import ReportedError, classify_output, diagnose_exception
from deployer.outcome import Failure
from sandbox.kubernetes_api.control import KubernetesControl
from sandbox.runner import JobEvent, Runner, push
from sandbox.world import World


@pytest.fixture(scope="module")
def ended(world: World, server: KubernetesControl, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ended]:
    """How each command ended."""
    folder = tmp_path_factory.mktemp("refused")
    (folder / "kubeconfig").write_text(server.kubeconfig())
    commands = [_command(name, refusal, world, folder) for name, refusal in REFUSALS.items()]
    return dict(zip(REFUSALS, run_commands(commands), strict=True))


def _command(name: str, refusal: Refusal, world: World, folder: Path) -> Command:
    file = folder / f"{name.replace('-', '_')}.py"
    file.write_text(refusal.text)
    environment = {
        **world.environment,
        "LANG": "C.UTF-8",
        "PATH": os.environ["PATH"],
        "METAFLOW_USER": "ci",
        "METAFLOW_HOME": str(folder / "home"),
        "KUBECONFIG": str(folder / "kubeconfig"),
        "METAFLOW_KUBERNETES_CONTAINER_IMAGE": "python:3.13",
        **refusal.environment,
    }
    create = ["create", str(folder / f"{name}_dag.py")] if refusal.on == AIRFLOW else ["create"]
    return Command(
        arguments=[file.name, *refusal.top, refusal.on, *refusal.group, *create, *refusal.create],
        environment={key: value for key, value in environment.items() if value is not None},
        folder=str(folder),
    )


def check(refusal: Refusal, failure: Failure | None) -> None:
    assert failure is not None
    assert (failure.reason, failure.input) == (refusal.reason, refusal.input), failure
    for part in refusal.says:
        assert part in f"{failure.message} {failure.advice}"


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_says_what_to_set(name: str, ended: dict[str, Ended]) -> None:
    command = ended[name]
    assert command.error is not None, command.output
    error = ReportedError(**{**command.error, "headline": command.error["headline"] or None})
    check(REFUSALS[name], diagnose_exception(error, command.output))


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_is_found_in_the_output_alone(name: str, ended: dict[str, Ended]) -> None:
    check(REFUSALS[name], classify_output(ended[name].output))


@pytest.mark.parametrize("name", ["timezone-sfn", "conda-base", "computed", "graph-sfn"])
def test_the_action_says_it_whatever_the_flow_printed(name: str, runner: Runner, workspace: Path) -> None:
    refusal = REFUSALS[name]
    (workspace / "flows" / "refused.py").write_text(refusal.text.replace(refusal.name, "ActionRefusedFlow"))
    event = JobEvent(name="push", payload=push(before="1" * 40, after="2" * 40), sha="2" * 40)
    inputs = {"flow": "flows/refused.py", "orchestrator": refusal.on, "comment": "off"}
    result = runner.run(event, inputs, workspace=workspace)
    assert result.outputs["failure-reason"] == str(refusal.reason), result.log
    title = f"{refusal.reason}%3A {refusal.input}" if refusal.input else str(refusal.reason)
    assert f"::error title={title}" in result.log
    for part in refusal.says:
        assert part in result.log.replace("%25", "%")
    assert [one["flow_name"] for one in result.deployments] == ["ActionRefusedFlow"], "its class is known by then"
    if name == "graph-sfn":
        assert result.summary.count("nowhere") == 1, "the evidence would only repeat the message"
