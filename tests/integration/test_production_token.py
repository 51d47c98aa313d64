"""A production token, and the namespace made of it, are shown to the deployment's owner alone, in every channel."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sandbox.job import PUSH
from sandbox.runner import JobResult, Runner

NAME = "OwnedHello"


class Job:
    """The action on a push, as one user or another."""

    def __init__(self, runner: Runner, workspace: Path) -> None:
        self._runner = runner
        self._workspace = workspace

    def __call__(self, operation: str, **inputs: str) -> JobResult:
        given = {"operation": operation, "orchestrator": "step-functions", "comment": "off"}
        given |= {name.replace("_", "-"): value for name, value in inputs.items()}
        return self._runner.run(PUSH, given, workspace=self._workspace)


@pytest.fixture
def job(runner: Runner, workspace: Path) -> Job:
    return Job(runner, workspace)


def everything(result: JobResult) -> str:
    return "\n".join([result.log, result.summary, json.dumps(result.outputs)])


def test_it_is_shown_to_its_owner_alone(job: Job) -> None:
    deploy = {"flow": "flows/hello.py", "deployment_name": NAME}
    made = job("deploy", **deploy)
    assert made.exit_code == 0, made.log
    namespace = made.deployments[0]["metaflow_namespace"]
    token = namespace.removeprefix("production:")
    assert token.startswith("ownedhello-")
    assert namespace in made.summary, "the line for a notebook"

    mine = job("status", deployment_id=NAME)
    assert mine.deployments[0]["metaflow_namespace"] == namespace
    assert namespace in mine.summary

    for operation, inputs in (
        ("status", {"deployment_id": NAME}),
        ("list", {"flow_name": "HelloFlow"}),
        ("cleanup", {"include": NAME}),
        ("trigger", {"deployment_id": NAME, "wait": "none"}),
        ("trigger", {**deploy, "wait": "none"}),
        ("delete", {"deployment_id": NAME}),
        ("deploy", deploy),
    ):
        theirs = job(operation, metaflow_user="somebody.else", **inputs)
        assert token not in everything(theirs), f"{operation} with {sorted(inputs)}"
        if operation in ("delete", "deploy"):
            assert theirs.outputs["failure-reason"] == "token", theirs.log
            continue
        assert theirs.exit_code == 0, theirs.log
        (found,) = [one for one in theirs.deployments if one["deployment_id"] == NAME]
        assert (found["owner"], found["metaflow_namespace"]) == ("octo-org.flows", None)
