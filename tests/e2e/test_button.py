"""What is done to deployments that stand: by the button as somebody presses it, and by the schedule that cleans up."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox.docker.act import Act, ActResult
from sandbox.docker.repositories import Repository, example_workflow
from sandbox.job import Job
from sandbox.notebook import is_successful
from sandbox.runner import Runner
from sandbox.world import World

Press = Callable[..., ActResult]
CLEANUP = ".github/workflows/cleanup.yml"


def deployments(result: ActResult, step: str = "deploy") -> dict[str, dict[str, Any]]:
    """The output `deployments`, by their identifiers."""
    return {one["deployment_id"]: one for one in json.loads(result.outputs(step)["deployments"])}


@pytest.fixture
def press(act: Act, repositories: Path) -> Press:
    """Press the button of the action's own repository; the fields in snake_case, the others as they come."""
    own = Repository.existing(repositories, "OWNER/metaflow-deploy")
    repository = {"full_name": own.name, "default_branch": "main"}

    def pressed(operation: str, **fields: str) -> ActResult:
        given = {name.replace("_", "-"): value for name, value in fields.items()}
        inputs = {"orchestrator": "step-functions", "environment": "production", "operation": operation, **given}
        payload = {"inputs": inputs, "ref": "refs/heads/main", "repository": repository}
        return act.run(".github/workflows/manual.yml", "workflow_dispatch", payload, repository=own.folder)

    return pressed


def fates(result: ActResult, step: str = "deploy") -> dict[str, str]:
    """What became of each deployment."""
    return {name: one["fate"] for name, one in deployments(result, step).items()}


def test_a_deployment_is_operated_by_the_button(press: Press, world: World, tmp_path: Path) -> None:
    slow = press("deploy", flow="tests/e2e/flows/slow.py", tags="nightly")
    assert slow.outputs()["deployment-id"] == "SlowFlow", slow.log
    listed = press("list", tags="nightly")
    assert [(name, one["flow"]) for name, one in deployments(listed).items()] == [
        ("SlowFlow", "tests/e2e/flows/slow.py")
    ]
    assert "tags nightly" in listed.log

    triggered = press("trigger", deployment_id="SlowFlow", wait="started")
    assert triggered.outputs()["operation"] == "trigger", triggered.log
    assert triggered.outputs()["run-status"] == "running"
    run_id, pathspec = (triggered.outputs()[name] for name in ("run-id", "run-pathspec"))
    refused = press("suspend", deployment_id="SlowFlow", run_id=run_id)
    assert (refused.outputs()["status"], refused.outputs()["failure-reason"]) == ("failure", "input"), refused.log
    assert any("AWS Step Functions cannot suspend" in error for error in refused.annotations("error")), refused.log
    status = press("status", deployment_id="SlowFlow")
    assert (status.outputs()["run-id"], status.outputs()["run-status"]) == (run_id, "running"), status.log
    ended = press("terminate", deployment_id="SlowFlow", run_id=run_id)
    assert ended.outputs()["run-status"] == "terminated", ended.log
    assert fates(ended) == {"SlowFlow": "terminated"}
    assert not is_successful(pathspec, world.environment, tmp_path)

    token = press("production-token", deployment_id="SlowFlow").outputs()["production-token"]
    assert token.startswith("slowflow-")

    assert press("deploy", flow="examples/flows/hello.py").outputs()["deployment-id"] == "HelloFlow"
    chosen = {"older_than": "1ms", "include": "Slow*"}
    dry = press("cleanup", **chosen)
    assert fates(dry) == {"SlowFlow": "would be deleted"}, dry.log
    real = press("cleanup", dry_run="false", **chosen)
    assert fates(real) == {"SlowFlow": "deleted"}, real.log
    assert world.state_machines == {"HelloFlow"}, "`include` does not name it"
    deleted = press("delete", deployment_id="HelloFlow")
    assert fates(deleted) == {"HelloFlow": "deleted"}, deleted.log
    assert world.state_machines == set()

    examined = press("doctor", flow="examples/flows/hello.py")
    assert (examined.outputs()["status"], examined.outputs()["operation"]) == ("success", "doctor"), examined.log
    assert "ok      AWS Step Functions: state machines can be listed" in examined.printed


def test_every_week_what_the_repository_no_longer_has_is_deleted(
    act: Act, flows: Repository, world: World, tmp_path: Path
) -> None:
    workspace = tmp_path / "workspace"
    shutil.copytree(flows.folder / "flows", workspace / "flows")
    shutil.copy(workspace / "flows" / "hello.py", workspace / "flows" / "doomed.py")
    runner = Runner(tmp_path / "runner", environment=world.environment, api_url=world.github.api_url)
    deploy = Job(runner, workspace, orchestrator="step-functions")
    assert deploy("hello", deployment_name="Kept").exit_code == 0
    assert deploy("doomed", deployment_name="Doomed").exit_code == 0

    steps = {"What nobody uses": "unused", "What the repository no longer has": "removed"}
    named = {f"name: {name}\n": f"name: {name}\n        id: {step}\n" for name, step in steps.items()}
    text = example_workflow("cleanup.yml", given="orchestrator: step-functions", replaced=named)
    flows.commit({CLEANUP: text}, "Clean up every week")

    def weekly(**variables: str) -> ActResult:
        payload = {"schedule": "30 4 * * 1", "repository": {"full_name": flows.name, "default_branch": "main"}}
        return act.run(CLEANUP, "schedule", payload, repository=flows.folder, variables=variables)

    said = weekly()
    assert said.jobs == {"Clean up/Clean up": "success"}, said.log
    assert fates(said, "unused") == {"Kept": "kept", "Doomed": "kept"}, "both were deployed within 90 days"
    assert fates(said, "removed") == {"Kept": "kept", "Doomed": "would be deleted"}
    why = "`flows/doomed.py`, which it was deployed from, is gone from the repository."
    assert deployments(said, "removed")["Doomed"]["why"] == why
    assert world.state_machines == {"Kept", "Doomed"}, "it only says so, until CLEANUP_DRY_RUN is false"

    done = weekly(CLEANUP_DRY_RUN="false")
    assert fates(done, "removed") == {"Kept": "kept", "Doomed": "deleted"}, done.log
    assert world.state_machines == {"Kept"}
