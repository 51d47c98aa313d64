"""The cluster itself: a flow runs in its pods, its components go and come back, and nothing is left of it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sandbox.docker.engine import Engine
from sandbox.docker.machine import UnavailableError, output
from sandbox.kubernetes import argo
from sandbox.kubernetes.api import ApiError, path_of
from sandbox.kubernetes.cluster import Cluster
from sandbox.kubernetes.cluster import own_cluster as bring_up
from sandbox.kubernetes.components import NODE_NAME
from sandbox.kubernetes.lifecycle import down, is_up, read_state
from sandbox.kubernetes.network import API_SERVER, MACHINE
from sandbox.kubernetes.node import end_first_process, node_pid
from sandbox.kubernetes.paths import own_paths
from sandbox.kubernetes.traces import traces
from sandbox.notebook import ask
from sandbox.runner import ROOT, JobEvent, Runner, push
from sandbox.world import World

SHA = "3f2a91c0d5b8e7f6a1c2d3e4f5a6b7c8d9e0f1a2"
PUSH = JobEvent(name="push", payload=push(before="0" * 40, after=SHA), sha=SHA)
ARGO = "argoproj.io/v1alpha1"


def test_a_foreach_runs_in_pods_and_its_artifacts_are_right(
    cluster: Cluster, namespace: str, runner: Runner, workspace: Path, tmp_path: Path
) -> None:
    result = runner.run(
        PUSH,
        {
            "flow": "flows/train.py",
            "orchestrator": "argo-workflows",
            "trigger": "true",
            "parameters": "rates: [0.01, 0.05]\nlabel: cluster\n",
            "wait": "completed",
            "wait-timeout": "5m",
            "poll-interval": "1s",
        },
        workspace=workspace,
    )
    assert result.exit_code == 0, result.log
    assert result.outputs["run-status"] == "succeeded"
    pods = cluster.api().get(path_of("Pod", namespace=namespace))
    assert pods is not None
    steps = [pod["metadata"]["annotations"]["metaflow/step_name"] for pod in pods["items"]]
    assert sorted(steps) == ["choose", "end", "start", "train", "train"]
    run = f"Run({result.outputs['run-pathspec']!r})"
    assert ask(f"{run}.successful", runner.environment, tmp_path) is True
    rates = ask(f"[task.data.rate for task in {run}['train']]", runner.environment, tmp_path)
    assert sorted(rates) == [0.01, 0.05]
    model = ask(f"{run}.data.model", runner.environment, tmp_path)
    assert model["label"] == "cluster"
    assert model["slope"] == pytest.approx(2.0, abs=0.1)


@pytest.mark.parametrize("kind", ["full", "v4", "minimal"])
def test_each_kind_of_crds_takes_what_its_argo_takes(cluster: Cluster, namespace: str, kind: argo.Crds) -> None:
    cluster.install_crds(kind)
    api = cluster.api()
    path = path_of("CronWorkflow", namespace=namespace, api=ARGO)

    def create(name: str, spec: dict[str, Any]) -> dict[str, Any]:
        metadata = {"name": name}
        body = {"apiVersion": ARGO, "kind": "CronWorkflow", "metadata": metadata, "spec": {"workflowSpec": {}, **spec}}
        return api.request("POST", path, body=body)

    assert create("new-spelling", {"schedules": ["0 6 * * *"]})["spec"]["schedules"] == ["0 6 * * *"]
    if kind == "v4":
        with pytest.raises(ApiError, match=r"spec\.schedules: Required value"):
            create("old-spelling", {"schedule": "0 6 * * *"})
    else:
        assert create("old-spelling", {"schedule": "0 6 * * *"})["spec"]["schedule"] == "0 6 * * *"
    kept = create("unknown", {"schedules": ["0 6 * * *"], "unknown": 1})["spec"]
    assert ("unknown" in kept) == (kind == "minimal")


def test_a_component_goes_and_comes_back_with_what_was_stored(own_cluster: Cluster, namespace: str) -> None:
    api = own_cluster.api()
    account = path_of("ServiceAccount", "workflow", namespace=namespace)
    with own_cluster.without("kube-apiserver"), pytest.raises(Exception, match="refused"):
        api.get(account)
    with own_cluster.without("etcd"), pytest.raises(ApiError):
        api.request("GET", "/readyz")
    assert api.get(account) is not None


def test_what_can_not_be_stopped_is_told(own_cluster: Cluster) -> None:
    with pytest.raises(UnavailableError, match="argo-server"):
        own_cluster.stop("argo-server")
    with pytest.raises(UnavailableError, match="runs already"):
        own_cluster.start("etcd")


def test_pods_reach_this_machine_and_nothing_beyond_it(own_cluster: Cluster, shared_world: World) -> None:
    """The node has addresses and no way out: what it does not know is unreachable at once."""
    inside = ["nsenter", "--target", str(node_pid(own_paths())), "--net", "ip", "-json", "route"]
    assert not json.loads(output([*inside, "show", "default"]) or "[]")
    assert output([*inside, "get", "192.0.2.77"]) is None
    assert output([*inside, "get", MACHINE]) is not None
    assert MACHINE in shared_world.aws_url


@pytest.mark.takes_the_cluster_away
def test_down_leaves_nothing_behind(own_cluster: Cluster) -> None:
    state = read_state(own_paths())
    assert state is not None
    assert set(traces(own_paths())) > set(state.before)
    assert down(own_paths()) == []
    assert set(traces(own_paths())) <= set(state.before)
    assert not is_up(own_paths())
    assert down(own_paths()) == []  # again, of what is not there


@pytest.mark.takes_the_cluster_away
def test_what_an_up_left_that_was_killed_is_taken_away(own_cluster: Cluster) -> None:
    down(own_paths())
    command = [sys.executable, "-m", "sandbox.kubernetes", "up"]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as half_way:
        assert half_way.stderr is not None
        for line in half_way.stderr:
            if "namespaces stand" in line:
                break
        half_way.send_signal(signal.SIGKILL)
    assert not is_up(own_paths())
    assert [line for line in traces(own_paths()) if line.startswith("process ")]
    assert down(own_paths()) == []
    assert not [line for line in traces(own_paths()) if line.startswith("process ")]


@pytest.mark.takes_the_cluster_away
def test_packets_for_a_cluster_that_died_stay_on_the_machine(own_cluster: Cluster, engine: Engine) -> None:
    standing = bring_up(engine)
    assert output(["ip", "route", "get", API_SERVER]) is not None
    end_first_process(own_paths())
    assert not is_up(own_paths())
    assert output(["ip", "route", "get", API_SERVER]) is None
    again = bring_up(engine)
    assert again == standing
    node = again.api().get(path_of("Node", NODE_NAME))
    assert node is not None
