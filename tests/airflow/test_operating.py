"""What is done to a DAG that stands, on a real Airflow: listed, looked at, paused, its run terminated, deleted."""

from __future__ import annotations

from typing import Any

from sandbox.airflow.server import AirflowServer
from sandbox.job import ENDED, Job
from sandbox.kubernetes.api import wait_for
from sandbox.kubernetes.cluster import Cluster
from sandbox.notebook import ask
from sandbox.runner import JobResult

LIMIT = 180.0
"""Seconds for Airflow to end a task's pod."""


def running_pods(cluster: Cluster, namespace: str) -> list[str]:
    """The pods in a namespace that run."""
    found = cluster.api().get(f"/api/v1/namespaces/{namespace}/pods")
    assert found is not None
    return [pod["metadata"]["name"] for pod in found["items"] if pod["status"].get("phase") == "Running"]


def test_a_run_is_looked_at_suspended_and_terminated_and_its_dag_deleted(
    airflow_job: Job, airflow: AirflowServer, cluster: Cluster, cluster_environment: dict[str, str]
) -> None:
    namespace = cluster_environment["METAFLOW_KUBERNETES_NAMESPACE"]
    started = airflow_job("lasting", trigger="true", wait="started", wait_timeout="5m", poll_interval="1s")
    assert started.exit_code == 0, started.log
    run_id = started.outputs["run-id"]

    def manage(operation: str, **inputs: str) -> JobResult:
        result = airflow_job(operation=operation, **inputs)
        assert result.exit_code == 0, result.log
        return result

    def on_run(operation: str) -> str:
        return manage(operation, deployment_id="LastingFlow", run_id=run_id).summary

    def one(result: JobResult) -> dict[str, Any]:
        return next(one for one in result.deployments if one["deployment_id"] == "LastingFlow")

    listed = one(manage("list", flow_name="LastingFlow"))
    assert (listed["active"], listed["last_run_at"] is not None) == (True, True)
    assert one(manage("status", deployment_id="LastingFlow", run_id=run_id))["run_status"] == "running"
    assert "suspended" in on_run("suspend")
    assert "paused already" in on_run("suspend")
    assert "resumed" in on_run("unsuspend")
    assert "not paused already" in on_run("unsuspend")
    assert running_pods(cluster, namespace)
    assert "terminated" in on_run("terminate")
    wait_for(lambda: None if running_pods(cluster, namespace) else True, what="the end of its pods", limit=LIMIT)
    assert "ended already" in on_run("terminate")
    assert one(manage("status", deployment_id="LastingFlow", run_id=run_id))["run_status"] in ("failed", "terminated")

    assert one(manage("delete", deployment_id="LastingFlow"))["fate"] == "deleted"
    assert not (airflow.dags / "LastingFlow.py").exists()
    assert "LastingFlow" not in {each["deployment_id"] for each in manage("list").deployments}
    refused = airflow_job(operation="status", deployment_id="LastingFlow")
    assert refused.outputs["failure-reason"] == "input", refused.log


def test_the_doctor_finds_a_real_airflow_well(airflow_job: Job, airflow: AirflowServer) -> None:
    result = airflow_job(operation="doctor")
    assert result.exit_code == 0, result.log
    lines = dict(line.split(": ", 1) for line in result.log.splitlines() if line.startswith("ok "))
    told = {name.removeprefix("ok").strip(): found for name, found in lines.items()}
    assert told["Airflow"].startswith(f"Airflow {airflow.environment.version}.")
    parts = {"Airflow database", "Airflow scheduler"} | (
        {"Airflow DAG processor"} if told["Airflow"][8] == "3" else set()
    )
    assert {"DAGs folder", "Airflow user", *parts} <= set(told), result.log
    wrong = airflow_job(operation="doctor", airflow_password="not-the-password")
    assert wrong.outputs["failure-reason"] in ("credentials", "permission"), wrong.log
    assert "bad     Airflow user: " in wrong.log


def test_a_foreach_runs_in_pods(airflow_job: Job, cluster_environment: dict[str, str], tmp_path: Any) -> None:
    result = airflow_job("train", parameters="{epochs: 5, label: airflow}", **ENDED)
    assert result.exit_code == 0, result.log
    (one,) = result.deployments
    run = f"Run('TrainFlow/{one['run_id']}')"
    expression = f"[{run}.data.model['label'], {run}.data.model['rate'], len(list({run}['train']))]"
    assert ask(expression, cluster_environment, tmp_path) == ["airflow", 0.05, 3]


def test_a_deployment_is_triggered_by_its_identifier(airflow_job: Job) -> None:
    assert airflow_job("hello").exit_code == 0
    result = airflow_job(operation="trigger", deployment_id="HelloFlow", **ENDED)
    assert result.exit_code == 0, result.log
    assert result.outputs["run-status"] == "succeeded"
    wrong = airflow_job(operation="trigger", deployment_id="HalloFlow")
    assert "`HelloFlow`" in wrong.summary


def test_a_dag_that_nobody_uses_is_cleaned_up_and_its_owner_is_told_its_token(
    airflow_job: Job, airflow: AirflowServer
) -> None:
    flows = airflow_job.workspace / "flows"
    (flows / "aged.py").write_text((flows / "hello.py").read_text().replace("HelloFlow", "AgedFlow"))
    assert airflow_job("aged").exit_code == 0
    told = airflow_job(operation="production-token", deployment_id="AgedFlow")
    assert told.outputs["production-token"].startswith("agedflow-"), told.log

    def cleanup(**inputs: str) -> str:
        result = airflow_job(operation="cleanup", include="Aged*", **inputs)
        assert result.exit_code == 0, result.log
        (one,) = result.deployments
        assert one["deployment_id"] == "AgedFlow"
        return str(one["fate"])

    assert cleanup(older_than="90d", dry_run="false") == "kept", "it was deployed just now"
    assert cleanup(older_than="1ms") == "would be deleted"
    assert (airflow.dags / "AgedFlow.py").exists()
    assert cleanup(older_than="1ms", dry_run="false") == "deleted"
    assert not (airflow.dags / "AgedFlow.py").exists()
