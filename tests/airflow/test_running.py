"""The action's whole road on a real Airflow: delivered, loaded, un-paused, run in pods, followed to its end."""

from __future__ import annotations

from pathlib import Path

from deployer.orchestrators.airflow.compiled import run_id_of
from sandbox.airflow.server import AirflowServer
from sandbox.job import ENDED, Job
from sandbox.notebook import ask

CLOSED = "http://127.0.0.1:9"
"""The discard port, where nobody listens."""


def test_a_run_in_pods_is_followed_to_its_end(
    airflow_job: Job, airflow: AirflowServer, cluster_environment: dict[str, str], tmp_path: Path
) -> None:
    result = airflow_job("hello", **ENDED)
    assert result.exit_code == 0, result.log
    (one,) = result.deployments
    assert (one["deployment_id"], one["run_status"]) == ("HelloFlow", "succeeded")
    assert one["run_id"].startswith("airflow-")
    page, run_page = f"{airflow.url}/dags/HelloFlow", one["run_url"]
    version_2 = airflow.environment.version == "2"
    assert one["deployment_url"] == (f"{page}/grid" if version_2 else page)
    before, _, dag_run_id = run_page.rpartition("dag_run_id=" if version_2 else "/")
    assert before == (f"{page}/grid?" if version_2 else f"{page}/runs")
    assert run_id_of(dag_run_id, "HelloFlow") == one["run_id"], "the page is that run's"
    assert result.outputs["run-url"] == run_page
    assert "Airflow has loaded HelloFlow" in result.log
    run = f"Run('HelloFlow/{one['run_id']}')"
    told = ask(f"[{run}.successful, {run}['end'].task.data.greeting]", cluster_environment, tmp_path)
    assert told == [True, "hello from production"]


def test_a_step_that_raises_fails_the_job_with_its_exception(airflow_job: Job) -> None:
    result = airflow_job("fails", **ENDED)
    assert result.exit_code == 1
    (one,) = result.deployments
    assert one["run_status"] == "failed"
    assert "the table is empty" in result.log
    assert "::error" in result.log
    assert "flows/fails.py" in result.log


def test_what_airflow_cannot_load_fails_with_its_stack_trace_and_what_stood_before_stands_again(
    airflow_job: Job, airflow: AirflowServer
) -> None:
    assert airflow_job("train").exit_code == 0
    before = (airflow.dags / "TrainFlow.py").read_text()
    result = airflow_job("train", airflow_compatibility="false")
    assert result.exit_code == 1
    (annotation,) = [line for line in result.log.splitlines() if line.startswith("::error")]
    assert annotation.startswith("::error title=deploy,file=flows/train.py::")
    assert "Airflow cannot load the DAG TrainFlow: KeyError: 'versions'" in annotation
    assert "Leave `airflow-compatibility` at `true`" in annotation
    assert "Traceback" in result.log
    assert (airflow.dags / "TrainFlow.py").read_text() == before


def test_an_airflow_that_is_down_is_named(airflow_job: Job, airflow: AirflowServer) -> None:
    flows = airflow_job.workspace / "flows"
    (flows / "down.py").write_text((flows / "hello.py").read_text().replace("HelloFlow", "DownFlow"))
    result = airflow_job("down", airflow_url=CLOSED, deploy_timeout="30s")
    assert result.exit_code == 1
    assert CLOSED in result.log
    assert "Traceback" not in result.log
    assert not (airflow.dags / "DownFlow.py").exists(), "nothing is delivered that nobody can look after"


def test_a_wrong_password_is_told_and_not_repeated(airflow_job: Job) -> None:
    result = airflow_job("hello", airflow_password="not-the-password")
    assert result.exit_code == 1
    assert "airflow-password" in result.log
    assert "not-the-password" not in result.log.replace("::add-mask::not-the-password", "")
