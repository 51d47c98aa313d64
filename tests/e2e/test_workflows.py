"""The workflows that people copy, the reusable one and the button, run by act in Docker with the image of this tree."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.docker.act import Act, ActResult
from sandbox.docker.caller import PULL_REQUEST, Caller
from sandbox.docker.repositories import Repository, example_workflow
from sandbox.kubernetes_api.app import TOKEN
from sandbox.kubernetes_api.control import KubernetesControl
from sandbox.notebook import is_successful
from sandbox.processes import Servers
from sandbox.world import World

# What every example needs to run here, where AWS is what the sandbox has: nothing else in them is changed.
HERE = "orchestrator: step-functions\npoll-interval: 500ms"


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[KubernetesControl]:
    """The Kubernetes API with Argo's objects; nothing runs there."""
    servers = Servers(tmp_path)
    try:
        yield KubernetesControl(servers.start("sandbox.kubernetes_api", host="127.0.0.1"))
    finally:
        servers.stop()


def secrets(cluster: KubernetesControl) -> dict[str, str]:
    """The secrets that the examples name."""
    config = {
        "METAFLOW_KUBERNETES_CONTAINER_IMAGE": "registry.example.com/flows:1",
        "METAFLOW_ARGO_EVENTS_EVENT": "metaflow-event",
        "METAFLOW_ARGO_EVENTS_EVENT_BUS": "default",
        "METAFLOW_ARGO_EVENTS_EVENT_SOURCE": "argo-events-webhook",
        "METAFLOW_ARGO_EVENTS_SERVICE_ACCOUNT": "operate-workflow-sa",
    }
    return {"KUBECONFIG": cluster.kubeconfig(), "METAFLOW_CONFIG": json.dumps(config)}


def test_a_push_deploys_runs_and_tells_the_pull_request(caller: Caller, world: World, tmp_path: Path) -> None:
    text = example_workflow(
        "quick-start.yml",
        given=f"{HERE}\ntrigger: true\nwait: completed",
        replaced={"flows/train.py": "flows/hello.py"},
    )
    result = caller.push(text)
    assert result.jobs == {"Deploy flows/Deploy": "success"}, result.log
    outputs = result.outputs()
    assert outputs["status"] == "success"
    assert outputs["deployment-id"] == "HelloFlow"
    assert outputs["run-status"] == "succeeded"
    assert is_successful(outputs["run-pathspec"], world.environment, tmp_path)
    assert world.state_machines == {"HelloFlow"}
    (comment,) = world.github.comments(PULL_REQUEST)
    assert comment["html_url"] == outputs["comment-url"]
    assert outputs["run-id"] in comment["body"]
    assert "`HelloFlow`" in comment["body"]
    assert len(world.github.mails()) == 1


def test_the_quick_start_as_it_stands_deploys_to_argo(caller: Caller, cluster: KubernetesControl, world: World) -> None:
    result = caller.push(example_workflow("quick-start.yml"), secrets=secrets(cluster))
    outputs = result.outputs()
    assert outputs["status"] == "success", result.log
    assert outputs["deployment-id"] == "trainflow"
    template = cluster.get("workflowtemplates", "trainflow")
    assert template is not None
    assert "registry.example.com/flows:1" in json.dumps(template)
    assert TOKEN not in result.log, "the kubeconfig's token is printed"
    (comment,) = world.github.comments(PULL_REQUEST)
    assert "`TrainFlow`" in comment["body"]


def test_many_flows_as_they_stand_deploy_to_argo(caller: Caller, cluster: KubernetesControl, world: World) -> None:
    result = caller.push(example_workflow("many-flows.yml"), secrets=secrets(cluster))
    assert set(result.jobs.values()) == {"success"}, result.log
    deployments = json.loads(result.outputs()["deployments"])
    assert [one["flow_name"] for one in deployments] == ["PrepareFlow", "TrainFlow", "ScoreFlow"]
    for one in deployments:
        assert cluster.get("workflowtemplates", one["deployment_id"]) is not None
    assert f"ScoreFlow\tsuccess\t{deployments[2]['deployment_id']}\n" in result.printed
    assert TOKEN not in result.log, "the kubeconfig's token is printed"
    (comment,) = world.github.comments(PULL_REQUEST)
    assert all(one["flow_name"] in comment["body"] for one in deployments)


def test_running_it_again_edits_the_comment(caller: Caller, world: World) -> None:
    text = example_workflow("quick-start.yml", given=HERE)
    first = caller.push(text)
    assert first.outputs()["status"] == "success", first.log
    (before,) = world.github.comments(PULL_REQUEST)
    again = caller.again()
    assert again.outputs()["status"] == "success", again.log
    (after,) = world.github.comments(PULL_REQUEST)
    assert after["id"] == before["id"]
    assert again.outputs()["comment-url"] == before["html_url"]
    assert len(world.github.mails()) == 1


def test_a_push_to_another_branch_is_skipped(caller: Caller, world: World) -> None:
    result = caller.push(example_workflow("quick-start.yml", given=HERE), branch="feature")
    assert result.exit_code == 0, result.log
    assert result.outputs()["status"] == "skipped"
    assert any("feature" in notice for notice in result.annotations("notice")), result.log
    assert world.state_machines == set()
    assert world.github.comments(PULL_REQUEST) == []


def test_a_merged_pull_request_deploys(caller: Caller, world: World) -> None:
    result = caller.close(example_workflow("pull-request-closed.yml", given=HERE), merged=True)
    assert result.outputs()["status"] == "success", result.log
    assert world.state_machines == {"TrainFlow"}
    (comment,) = world.github.comments(PULL_REQUEST)
    assert "TrainFlow" in comment["body"]


def test_a_pull_request_closed_without_merging_starts_no_job(caller: Caller, world: World) -> None:
    result = caller.close(example_workflow("pull-request-closed.yml", given=HERE), merged=False)
    assert result.exit_code == 0, result.log
    assert result.outputs() == {}
    assert world.state_machines == set()


def test_a_pull_request_closed_without_merging_is_skipped_by_the_action_too(caller: Caller, world: World) -> None:
    condition = "    if: ${{ github.event.pull_request.merged }}\n"
    text = example_workflow("pull-request-closed.yml", given=HERE, replaced={condition: ""})
    result = caller.close(text, merged=False)
    assert result.exit_code == 0, result.log
    assert result.outputs()["status"] == "skipped"
    assert world.state_machines == set()
    assert world.github.comments(PULL_REQUEST) == []


def test_the_reusable_workflow_deploys_many_flows_and_hands_on_its_outputs(caller: Caller, world: World) -> None:
    # @trigger_on_finish is Argo's alone, so the third flow stays away.
    text = example_workflow("many-flows.yml", given=HERE, replaced={"        flows/score.py\n": ""})
    result = caller.push(text)
    assert set(result.jobs.values()) == {"success"}, result.log
    prepare = "examples.prod.PrepareFlow"
    assert [one["deployment_id"] for one in json.loads(result.outputs()["deployments"])] == [prepare, "TrainFlow"]
    assert f"PrepareFlow\tsuccess\t{prepare}\n" in result.printed
    assert "TrainFlow\tsuccess\tTrainFlow\n" in result.printed
    assert world.state_machines == {prepare, "TrainFlow"}
    (comment,) = world.github.comments(PULL_REQUEST)
    assert "PrepareFlow" in comment["body"]
    assert "TrainFlow" in comment["body"]


def test_the_reusable_workflow_starts_no_job_for_a_pull_request_that_was_only_closed(
    caller: Caller, world: World
) -> None:
    text = example_workflow(
        "many-flows.yml",
        given=HERE,
        replaced={"  push:\n    branches: [main]\n    paths: [flows/**]\n": "  pull_request:\n    types: [closed]\n"},
    )
    result = caller.close(text, merged=False)
    assert result.exit_code == 0, result.log
    assert result.outputs() == {}
    assert world.state_machines == set()


def test_the_reusable_workflow_runs_nothing_where_it_cannot_know_its_own_commit(caller: Caller, world: World) -> None:
    result = caller.push(example_workflow("many-flows.yml", given=HERE), variables={})
    assert result.exit_code != 0
    assert any("METAFLOW_DEPLOY_REF" in error for error in result.annotations("error")), result.log
    assert result.outputs() == {}
    assert world.state_machines == set()


def test_step_functions_with_an_assumed_role_runs_to_completion(caller: Caller, world: World, tmp_path: Path) -> None:
    # renewed at half of their life, well within the run
    world.aws.set_credential_lifetime(30)
    world.github.set_id_tokens(lifetime=4)
    text = example_workflow("step-functions.yml", given="poll-interval: 500ms")
    result = caller.push(text, environment={"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""})
    outputs = result.outputs()
    assert outputs["status"] == "success", result.log
    assert "the job acts as arn:aws:sts::123456789012:assumed-role/metaflow-deploy/octo-org.flows@" in result.printed
    exchanges = world.aws.assumed()
    assert {one["refused"] for one in exchanges} == {None}
    assert len({one["jti"] for one in exchanges}) >= 2, "the token is asked for anew while the run is waited for"
    assert outputs["run-status"] == "succeeded"
    assert is_successful(outputs["run-pathspec"], world.environment, tmp_path)


def test_the_button_deploys_and_then_triggers(act: Act, repositories: Path, world: World, tmp_path: Path) -> None:
    own = Repository.existing(repositories, "OWNER/metaflow-deploy")
    inputs = {
        "flow": "examples/flows/hello.py",
        "orchestrator": "step-functions",
        "environment": "production",
        "operation": "deploy",
        "trigger": "false",
        "wait-timeout": "5m",
        "on-timeout": "terminate",
        "production": "auto",
    }

    def press(**changed: str) -> ActResult:
        payload = {
            "inputs": {**inputs, **changed},
            "ref": "refs/heads/main",
            "repository": {"full_name": own.name, "default_branch": "main"},
        }
        return act.run(".github/workflows/manual.yml", "workflow_dispatch", payload, repository=own.folder)

    deployed = press()
    assert deployed.outputs()["status"] == "success", deployed.log
    assert deployed.outputs()["operation"] == "deploy"
    assert world.state_machines == {"HelloFlow"}
    triggered = press(operation="trigger", wait="completed")
    assert triggered.outputs()["status"] == "success", triggered.log
    assert triggered.outputs()["operation"] == "trigger"
    assert triggered.outputs()["run-status"] == "succeeded"
    assert is_successful(triggered.outputs()["run-pathspec"], world.environment, tmp_path)


def test_a_run_that_fails_fails_the_job_and_says_where(caller: Caller, world: World) -> None:
    text = example_workflow(
        "quick-start.yml",
        given=f"{HERE}\ntrigger: true\nwait: completed",
        replaced={"flows/train.py": "flows/broken.py"},
    )
    result = caller.push(text)
    assert result.jobs == {"Deploy flows/Deploy": "failure"}
    outputs = result.outputs()
    assert outputs["status"] == "failure", result.log
    assert outputs["failure-reason"] == "run-failed"
    assert outputs["deployment-id"] == "BrokenFlow"
    assert outputs["run-status"] == "failed"
    assert result.annotations("error"), result.log
    (comment,) = world.github.comments(PULL_REQUEST)
    assert "`check`" in comment["body"]
    assert "3 rows are too few" in comment["body"]
    assert len(world.github.mails()) == 1
