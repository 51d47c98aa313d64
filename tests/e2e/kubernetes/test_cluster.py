"""The cluster that the other tests here stand on: a flow runs in its pods, as Metaflow's users know it."""

from __future__ import annotations

import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from sandbox.kubernetes.api import path_of
from sandbox.kubernetes.cluster import Cluster
from sandbox.notebook import ask
from sandbox.runner import ROOT, JobEvent, Runner, push

SHA = "3f2a91c0d5b8e7f6a1c2d3e4f5a6b7c8d9e0f1a2"
PUSH = JobEvent(name="push", payload=push(before="0" * 40, after=SHA), sha=SHA)


def run_to_end(runner: Runner, workspace: Path, flow: str, parameters: str = "") -> str:
    """Deploy a flow, trigger it and wait until it has succeeded; the run, as an expression for `ask`."""
    result = runner.run(
        PUSH,
        {
            "flow": f"flows/{flow}.py",
            "orchestrator": "argo-workflows",
            "trigger": "true",
            "parameters": parameters,
            "wait": "completed",
            "wait-timeout": "5m",
            "poll-interval": "1s",
        },
        workspace=workspace,
    )
    assert result.exit_code == 0, result.log
    assert result.outputs["run-status"] == "succeeded"
    return f"Run({result.outputs['run-pathspec']!r})"


def steps(cluster: Cluster, namespace: str) -> list[str]:
    """The step of each pod."""
    pods = cluster.api().get(path_of("Pod", namespace=namespace))
    assert pods is not None
    return sorted(pod["metadata"]["annotations"]["metaflow/step_name"] for pod in pods["items"])


def test_a_plain_flow_runs_in_pods_and_its_artifact_is_right(
    cluster: Cluster, namespace: str, runner: Runner, workspace: Path, tmp_path: Path
) -> None:
    run = run_to_end(runner, workspace, "hello")
    assert steps(cluster, namespace) == ["end", "start"]
    found = ask(f"[{run}.successful, {run}.data.greeting]", runner.environment, tmp_path)
    assert found == [True, "hello from production"]


def test_a_foreach_runs_in_pods_and_its_artifacts_are_right(
    cluster: Cluster, namespace: str, runner: Runner, workspace: Path, tmp_path: Path
) -> None:
    run = run_to_end(runner, workspace, "train", "rates: [0.01, 0.05]\nlabel: cluster\n")
    assert steps(cluster, namespace) == ["choose", "end", "start", "train", "train"]
    found = ask(
        f"[{run}.successful, {run}.data.model, sorted(task.data.rate for task in {run}['train'])]",
        runner.environment,
        tmp_path,
    )
    successful, model, rates = found
    assert successful is True
    assert rates == [0.01, 0.05]
    assert model["label"] == "cluster"
    assert model["slope"] == pytest.approx(2.0, abs=0.1)


def test_the_cluster_is_used_by_hand(cluster: Cluster) -> None:
    if not cluster.own:
        pytest.skip("these are commands for a cluster of our own, and KUBECONFIG names another")

    def command(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "sandbox.kubernetes", *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        return done.stdout

    name = f"flows-{uuid.uuid4().hex[:8]}"
    assert f"export KUBECONFIG={cluster.kubeconfig}\n" in command("up")
    assert "kube-apiserver: runs\n" in command("status")
    command("namespace", name)
    assert cluster.api().get(path_of("ServiceAccount", "workflow", namespace=name)) is not None
    cluster.remove_namespace(name)
