"""Runs that are suspended, resumed and terminated, and deployments that are deleted, with each kind of Argo's CRDs.

Metaflow's own suspend and terminate read a field that the full CRDs prune, and end with nothing but a False.
"""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.job import EVENTS, Job
from sandbox.kubernetes.api import path_of, wait_for
from sandbox.kubernetes.cluster import Cluster

ARGO = "argoproj.io/v1alpha1"
LIMIT = 180.0
"""Seconds for a run of two small pods to end, or for the controller to act."""
KINDS = ("WorkflowTemplate", "CronWorkflow", "Sensor")

pytestmark = pytest.mark.parametrize("crds", ["minimal", "full"], indirect=True)


def workflow(cluster: Cluster, namespace: str, run_id: str) -> dict[str, Any]:
    """The Workflow of a run."""
    found = cluster.api().get(path_of("Workflow", run_id.removeprefix("argo-"), namespace=namespace, api=ARGO))
    assert found is not None
    return found


def phase(cluster: Cluster, namespace: str, run_id: str) -> str | None:
    """The phase of its Workflow, once it has ended."""
    status = workflow(cluster, namespace, run_id).get("status") or {}
    return status.get("phase") if status.get("finishedAt") else None


def standing(cluster: Cluster, namespace: str, name: str) -> list[str]:
    """The kinds of objects that stand under a name."""
    api = cluster.api()
    return [kind for kind in KINDS if api.get(path_of(kind, name, namespace=namespace, api=ARGO)) is not None]


@pytest.mark.usefixtures("crds")
def test_a_run_is_suspended_resumed_and_terminated(job: Job, cluster: Cluster, namespace: str) -> None:
    def manage(operation: str, run_id: str) -> str:
        result = job(operation=operation, deployment_id="tinyflow", run_id=run_id)
        assert result.exit_code == 0, result.log
        return result.summary

    run_id = job("tiny", trigger="true", wait="none").outputs["run-id"]
    assert f"Workflow {run_id.removeprefix('argo-')} in {namespace}: suspended" in manage("suspend", run_id)
    assert workflow(cluster, namespace, run_id)["spec"]["suspend"] is True
    assert "suspended already" in manage("suspend", run_id)
    assert ": resumed" in manage("unsuspend", run_id)
    assert not workflow(cluster, namespace, run_id)["spec"].get("suspend")
    assert "not suspended" in manage("unsuspend", run_id)

    ended = job(operation="trigger", deployment_id="tinyflow", wait="none").outputs["run-id"]
    assert ": terminated" in manage("terminate", ended)
    assert workflow(cluster, namespace, ended)["spec"]["shutdown"] == "Terminate"

    wait_for(lambda: phase(cluster, namespace, run_id), what=f"the end of {run_id}", limit=LIMIT)
    wait_for(lambda: phase(cluster, namespace, ended), what=f"the end of {ended}", limit=LIMIT)
    assert phase(cluster, namespace, run_id) == "Succeeded", "a run that was suspended goes on to its end"
    assert phase(cluster, namespace, ended) == "Failed"
    assert "ended already (succeeded)" in manage("terminate", run_id)
    assert "ended already (terminated)" in manage("suspend", ended)


@pytest.mark.usefixtures("crds")
def test_a_deployment_goes_with_its_schedule_and_its_trigger(job: Job, cluster: Cluster, namespace: str) -> None:
    job.runner.environment.update(EVENTS)
    for flow in ("nightly", "arrival", "tiny"):
        assert job(flow).exit_code == 0
    assert standing(cluster, namespace, "nightlyflow") == ["WorkflowTemplate", "CronWorkflow"]
    assert standing(cluster, namespace, "arrivalflow") == ["WorkflowTemplate", "Sensor"]
    for name, parts in (
        ("nightlyflow", ("CronWorkflow", "WorkflowTemplate")),
        ("arrivalflow", ("Sensor", "WorkflowTemplate")),
    ):
        result = job(operation="delete", deployment_id=name)
        assert result.exit_code == 0, result.log
        assert all(f"{kind} {name} in {namespace}: removed" in result.summary for kind in parts)
        assert standing(cluster, namespace, name) == []
    assert standing(cluster, namespace, "tinyflow") == ["WorkflowTemplate"], "what nobody named stays"
    result = job(operation="delete", deployment_id="nightlyflow")
    assert result.exit_code == 1
    assert result.outputs["failure-reason"] == "input", result.log


@pytest.mark.usefixtures("crds")
def test_what_is_anothers_stays(job: Job, cluster: Cluster, namespace: str) -> None:
    job.runner.environment.update(EVENTS)
    # two names that meet in one Sensor's name, which has no dots
    assert job("arrival", deployment_name="data-arrival").exit_code == 0
    assert job("tiny", deployment_name="data.arrival").exit_code == 0
    result = job(operation="delete", deployment_id="data.arrival")
    assert result.exit_code == 0, result.log
    assert standing(cluster, namespace, "data.arrival") == []
    assert standing(cluster, namespace, "data-arrival") == ["WorkflowTemplate", "Sensor"]

    result = job(operation="delete", deployment_id="data-arrival", metaflow_user="somebody.else")
    assert result.outputs["failure-reason"] == "token", result.log
    assert standing(cluster, namespace, "data-arrival") == ["WorkflowTemplate", "Sensor"]
