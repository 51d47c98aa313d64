"""A push, played by act through the image of this tree, to pods on a real cluster and back to the pull request."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from sandbox.docker.act import ActResult
from sandbox.docker.caller import PULL_REQUEST, Caller
from sandbox.docker.repositories import example_workflow
from sandbox.kubernetes.accounts import Account, make_account
from sandbox.kubernetes.cluster import Cluster
from sandbox.notebook import ask
from sandbox.world import World

WAITING = "trigger: true\nwait: completed\nwait-timeout: 5m\npoll-interval: 1s"


@pytest.fixture
def world(cluster: Cluster, tmp_path: Path) -> Iterator[World]:
    """A world of the test's own: comments are counted."""
    with World(tmp_path / "world", host=cluster.address) as made:
        yield made


@pytest.fixture
def account(cluster: Cluster, namespace: str) -> Account:
    """Who deploys: the service account of docs/rbac.yaml, also after a wait for others' act to end."""
    return make_account(cluster.api(), namespace, seconds=3600)


@pytest.fixture
def secrets(cluster: Cluster, world: World, namespace: str, account: Account) -> dict[str, str]:
    """The secrets that the examples name: the service account's kubeconfig, and Metaflow's configuration."""
    variables = cluster.environment(world, namespace)
    config = {name: value for name, value in variables.items() if name.startswith("METAFLOW_")}
    events = {
        "METAFLOW_ARGO_EVENTS_EVENT": "metaflow-event",
        "METAFLOW_ARGO_EVENTS_EVENT_BUS": "default",
        "METAFLOW_ARGO_EVENTS_EVENT_SOURCE": "argo-events-webhook",
        "METAFLOW_ARGO_EVENTS_SERVICE_ACCOUNT": "operate-workflow-sa",
    }
    return {"KUBECONFIG": account.kubeconfig, "METAFLOW_CONFIG": json.dumps({**config, **events})}


def pods(cluster: Cluster, namespace: str) -> list[str]:
    """The names of all pods that ran there."""
    found = cluster.api().get(f"/api/v1/namespaces/{namespace}/pods") or {}
    return [str(one["metadata"]["name"]) for one in found.get("items", ())]


def nothing_secret_is_told(result: ActResult, account: Account) -> bool:
    """Whether the service account's token stays out of the log."""
    return account.token not in result.log


def test_the_quick_start_as_it_stands_runs_in_pods(
    caller: Caller,
    cluster: Cluster,
    world: World,
    namespace: str,
    account: Account,
    secrets: Mapping[str, str],
    tmp_path: Path,
) -> None:
    text = example_workflow("quick-start.yml", given=f"{WAITING}\nparameters: 'label: from-a-pull-request'")
    result = caller.push(text, secrets=secrets)
    outputs = result.outputs()
    assert outputs["status"] == "success", result.log
    assert outputs["deployment-id"] == "trainflow"
    assert outputs["run-status"] == "succeeded"
    environment = cluster.environment(world, namespace)
    run = f"Run({outputs['run-pathspec']!r})"
    seen = ask(f"[{run}.successful, {run}.data.model['label'], len(list({run}['train']))]", environment, tmp_path)
    assert seen == [True, "from-a-pull-request", 3]
    name = outputs["run-id"].removeprefix("argo-")
    assert len([pod for pod in pods(cluster, namespace) if pod.startswith(name)]) == 6
    assert nothing_secret_is_told(result, account)
    (comment,) = world.github.comments(PULL_REQUEST)
    assert "`TrainFlow`" in comment["body"]
    assert outputs["run-id"] in comment["body"]
    assert "succeeded" in comment["body"]


def test_the_reusable_workflow_runs_all_examples_in_pods(
    caller: Caller,
    cluster: Cluster,
    world: World,
    namespace: str,
    account: Account,
    secrets: Mapping[str, str],
    tmp_path: Path,
) -> None:
    result = caller.push(example_workflow("many-flows.yml", given=WAITING), secrets=secrets)
    assert set(result.jobs.values()) == {"success"}, result.log
    deployments = json.loads(result.outputs()["deployments"])
    assert [one["flow_name"] for one in deployments] == ["PrepareFlow", "TrainFlow", "ScoreFlow"]
    assert [one["run_status"] for one in deployments] == ["succeeded"] * 3
    environment = cluster.environment(world, namespace)
    scores = f"Run({deployments[2]['run_pathspec']!r}).data.scores"
    assert ask(scores, environment, tmp_path) == {"examples": 1.0}
    prepare, _, score = deployments
    assert score["deployment_id"] == "examples.prod.scoreflow"
    assert score["schedule"] is not None
    assert score["triggers"] == [f"when {prepare['project']}.prod.PrepareFlow finishes"]
    assert nothing_secret_is_told(result, account)
    (comment,) = world.github.comments(PULL_REQUEST)
    assert all(one["flow_name"] in comment["body"] for one in deployments)


def test_a_step_that_fails_is_told_with_its_exception_and_its_line(
    caller: Caller, world: World, secrets: Mapping[str, str]
) -> None:
    replaced = {"flows/train.py": "flows/broken.py"}
    result = caller.push(example_workflow("quick-start.yml", given=WAITING, replaced=replaced), secrets=secrets)
    assert set(result.jobs.values()) == {"failure"}
    outputs = result.outputs()
    assert outputs["failure-reason"] == "run-failed", result.log
    assert outputs["run-status"] == "failed"
    flow = (Path(__file__).parents[1] / "flows" / "broken.py").read_text().splitlines()
    line = next(number for number, text in enumerate(flow, 1) if "raise ValueError" in text)
    (comment,) = world.github.comments(PULL_REQUEST)
    assert "`check`" in comment["body"]
    assert "ValueError: 3 rows are too few" in comment["body"]
    assert f"flows/broken.py#L{line}" in comment["body"]
