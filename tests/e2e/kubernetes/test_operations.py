"""What stands on a real cluster, operated without a flow file: looked at, and what is left over or lost cleaned up."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from sandbox.job import ENDED, EVENTS, Job
from sandbox.kubernetes.api import path_of
from sandbox.kubernetes.argo import GROUP
from sandbox.kubernetes.cluster import Cluster
from sandbox.runner import JobResult


def fates(result: JobResult) -> dict[str, str]:
    """What became of each deployment."""
    return {one["deployment_id"]: one["fate"] for one in result.deployments}


def stands(cluster: Cluster, namespace: str, kind: str, name: str) -> bool:
    """Whether an object of Argo's is there."""
    return cluster.api().get(path_of(kind, name, namespace=namespace, api=GROUP)) is not None


@pytest.fixture
def checkout(workspace: Path) -> Path:
    """The workspace as a whole checkout of octo-org/flows."""
    by = ("-c", "user.name=Mona", "-c", "user.email=mona@example.com")
    for arguments in (
        ("init", "--quiet", "--initial-branch", "main"),
        ("remote", "add", "origin", "https://github.com/octo-org/flows"),
        ("add", "--all"),
        (*by, "commit", "--quiet", "--message", "Flows"),
    ):
        subprocess.run(["git", *arguments], cwd=workspace, check=True)
    return workspace


def test_what_stands_is_listed_with_its_last_run_looked_at_its_token_told_and_deleted_by_its_age(
    job: Job, cluster: Cluster, namespace: str
) -> None:
    assert job("nightly").exit_code == 0
    run = job("tiny", tags="weekly", **ENDED)
    assert run.outputs["run-status"] == "succeeded", run.log

    listed = {one["deployment_id"]: one for one in job(operation="list").deployments}
    assert set(listed) == {"nightlyflow", "tinyflow"}
    tiny, nightly = listed["tinyflow"], listed["nightlyflow"]
    assert (tiny["run_id"], tiny["run_status"]) == (run.outputs["run-id"], "succeeded")
    assert (tiny["flow"], tiny["repository"], tiny["schedule"]) == ("flows/tiny.py", "octo-org/flows", None)
    assert (nightly["run_id"], nightly["schedule"][:9]) == (None, "30 4 29 2")
    assert [one["deployment_id"] for one in job(operation="list", tags="weekly").deployments] == ["tinyflow"]

    status = job(operation="status", deployment_id="tinyflow")
    assert (status.outputs["run-id"], status.outputs["run-status"]) == (run.outputs["run-id"], "succeeded")
    assert "succeeded" in status.summary

    template = cluster.api().get(path_of("WorkflowTemplate", "tinyflow", namespace=namespace, api=GROUP))
    assert template is not None
    told = job(operation="production-token", deployment_id="tinyflow").outputs["production-token"]
    assert told == template["metadata"]["annotations"]["metaflow/production_token"]

    aged = {"operation": "cleanup", "older_than": "1ms", "include": "tiny*\nnightly*"}
    dry = job(**aged)
    assert fates(dry) == {"nightlyflow": "would be deleted", "tinyflow": "would be deleted"}, dry.log
    why = {one["deployment_id"]: one["why"] for one in dry.deployments}
    assert why["tinyflow"].startswith("It ran last "), why
    assert why["nightlyflow"].startswith("No run of it is known, and it was deployed "), why
    young = job(**{**aged, "older_than": "1d"}, dry_run="false")
    assert fates(young) == {"nightlyflow": "kept", "tinyflow": "kept"}, young.log
    real = job(**aged, dry_run="false")
    assert fates(real) == {"nightlyflow": "deleted", "tinyflow": "deleted"}, real.log
    parts = (("WorkflowTemplate", "tinyflow"), ("WorkflowTemplate", "nightlyflow"), ("CronWorkflow", "nightlyflow"))
    assert not any(stands(cluster, namespace, *one) for one in parts)


def test_what_is_left_over_and_what_the_repository_lost_is_cleaned_up(
    job: Job, cluster: Cluster, namespace: str, checkout: Path
) -> None:
    job.runner.environment.update(EVENTS)
    for flow in ("nightly", "arrival", "tiny"):
        assert job(flow).exit_code == 0
    for name in ("nightlyflow", "arrivalflow"):  # by somebody who forgot what starts them
        cluster.api().request("DELETE", path_of("WorkflowTemplate", name, namespace=namespace, api=GROUP))
    left = (("CronWorkflow", "nightlyflow"), ("Sensor", "arrivalflow"))

    dry = job(operation="cleanup", older_than="1h")
    assert fates(dry) == {
        "nightlyflow": "would be deleted",
        "arrivalflow": "would be deleted",
        "tinyflow": "kept",
    }, dry.log
    assert all(stands(cluster, namespace, *one) for one in left)
    real = job(operation="cleanup", older_than="1h", dry_run="false")
    assert fates(real) == {"nightlyflow": "deleted", "arrivalflow": "deleted", "tinyflow": "kept"}, real.log
    assert not any(stands(cluster, namespace, *one) for one in left)

    shutil.copy(checkout / "flows" / "nightly.py", checkout / "flows" / "doomed.py")
    assert job("doomed", deployment_name="doomed").exit_code == 0
    assert stands(cluster, namespace, "CronWorkflow", "doomed")
    (checkout / "flows" / "doomed.py").unlink()
    lost = job(operation="cleanup", removed="true", dry_run="false")
    assert fates(lost) == {"doomed": "deleted", "tinyflow": "kept"}, lost.log
    assert not stands(cluster, namespace, "WorkflowTemplate", "doomed")
    assert not stands(cluster, namespace, "CronWorkflow", "doomed"), "nothing starts it any more"
    assert stands(cluster, namespace, "WorkflowTemplate", "tinyflow")
