"""Airflow through the whole action: what is delivered and what is not, and what is done to a DAG that stands.

Airflow is the stand-in, which loads what is in the DAGs folder; `make airflow` does the same on real ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from deployer.orchestrators.airflow.compiled import read_compiled
from deployer.orchestrators.airflow.transport import Answer
from sandbox.airflow.stand_in import Api, served
from sandbox.job import Job
from sandbox.runner import JobResult, Runner
from sandbox.world import World

NOWHERE = "http://127.0.0.1:9"
UNLOADABLE = "no-airflow-loads-this"
"""What is in a file that cannot be loaded."""
TRACE = "Traceback (most recent call last):\n  File \"dags/HelloFlow.py\", line 9, in <module>\nKeyError: 'versions'"
LONG_AGO = "2026-01-05T08:00:00.000001"


class Airflow(Api):
    """A stand-in that looks into its DAGs folder whenever it is asked something."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def request(
        self, method: str, path: str, query: Mapping[str, Any] | None = None, body: Mapping[str, Any] | None = None
    ) -> Answer:
        """Load the folder, and answer."""
        with self.lock:
            self._load()
            return super().request(method, path, query, body)

    def _load(self) -> None:
        self.errors = []
        for file in self.folder.glob("*.py"):
            text = file.read_text()
            compiled = read_compiled(text)
            if UNLOADABLE in text:
                self.errors.append({"filename": str(file), "stack_trace": TRACE})
            elif compiled is not None and compiled.start_date is not None:
                dag = self.dags.setdefault(file.stem, {"dag_id": file.stem, "is_paused": True})
                dag["start_date"] = compiled.start_date.isoformat()

    def ran(self, dag_id: str, at: datetime, state: str = "success") -> None:
        """Have a DAG run of that time."""
        name = f"scheduled__{dag_id}"
        self.runs[name] = {"dag_id": dag_id, "dag_run_id": name, "state": state, "start_date": at.isoformat()}


@pytest.fixture
def airflow(tmp_path: Path) -> Airflow:
    """An Airflow with an empty folder."""
    (tmp_path / "dags").mkdir()
    return Airflow(tmp_path / "dags")


@pytest.fixture
def job(airflow: Airflow, world: World, runner: Runner, workspace: Path) -> Iterator[Job]:
    """The action, for that Airflow."""
    runner.environment["METAFLOW_KUBERNETES_CONTAINER_IMAGE"] = "registry.example.com/flows:1"
    with served(airflow) as url:
        place = {"airflow_dags_folder": str(airflow.folder), "airflow_url": url}
        yield Job(runner, workspace, orchestrator="airflow", poll_interval="200ms", **place)


@pytest.fixture
def delivered(job: Job, airflow: Airflow) -> str:
    """What stands as HelloFlow, deployed just now."""
    result = job("hello")
    assert result.exit_code == 0, result.log
    return (airflow.folder / "HelloFlow.py").read_text()


def fates(result: JobResult) -> dict[str, str]:
    return {one["deployment_id"]: one["fate"] for one in result.deployments}


def standing(airflow: Airflow) -> set[str]:
    """The names of the files, hidden ones too."""
    return {file.name for file in airflow.folder.iterdir()}


def test_what_does_not_compile_is_not_delivered(job: Job, airflow: Airflow) -> None:
    job.runner.environment["METAFLOW_KUBERNETES_IMAGE_PULL_POLICY"] = "Always"
    result = job("hello")
    assert (result.exit_code, result.outputs["failure-reason"]) == (1, "deploy")
    assert "image_pull_policy is currently not supported on Airflow" in result.log
    assert standing(airflow) == set()


def test_what_airflow_cannot_load_is_annotated_and_what_stood_before_stands_again(
    job: Job, airflow: Airflow, delivered: str
) -> None:
    result = job("hello", tags=UNLOADABLE)
    assert result.exit_code == 1
    (annotation,) = [line for line in result.log.splitlines() if line.startswith("::error")]
    assert annotation.startswith("::error title=deploy,file=flows/hello.py::")
    assert "Airflow cannot load the DAG HelloFlow: KeyError: 'versions'" in annotation
    assert "Traceback" in result.log
    assert (airflow.folder / "HelloFlow.py").read_text() == delivered
    assert standing(airflow) == {"HelloFlow.py"}


def test_an_airflow_that_is_down_is_named_and_nothing_is_delivered(job: Job, airflow: Airflow, delivered: str) -> None:
    result = job("hello", airflow_url=NOWHERE, deploy_timeout="30s", tags="another")
    assert (result.exit_code, result.outputs["failure-reason"]) == (1, "orchestrator-unreachable")
    assert NOWHERE in result.log
    assert "Traceback" not in result.log
    assert (airflow.folder / "HelloFlow.py").read_text() == delivered, "it would have another tag"
    listed = job(operation="list", airflow_url=NOWHERE)
    assert (listed.exit_code, listed.outputs["failure-reason"]) == (1, "orchestrator-unreachable")
    assert NOWHERE in listed.log


@pytest.mark.usefixtures("delivered")
def test_what_stands_is_listed_looked_at_and_deleted(job: Job, airflow: Airflow) -> None:
    assert airflow.dags["HelloFlow"]["is_paused"] is False, "it was un-paused once it was loaded"
    at = datetime(2026, 11, 20, 6, tzinfo=UTC)
    airflow.ran("HelloFlow", at, state="failed")
    (listed,) = job(operation="list", flow_name="HelloFlow").deployments
    assert (listed["deployment_id"], listed["owner"], listed["active"]) == ("HelloFlow", "octo-org.flows", False)
    assert (listed["flow"], listed["repository"]) == ("flows/hello.py", "octo-org/flows")
    assert datetime.fromisoformat(listed["last_run_at"]) == at
    status = job(operation="status", deployment_id="HelloFlow")
    assert status.outputs["run-status"] == "failed", status.log
    assert status.outputs["run-id"].startswith("airflow-")
    near = job(operation="delete", deployment_id="HalloFlow")
    assert near.outputs["failure-reason"] == "input"
    assert "`HelloFlow`" in near.log
    assert fates(job(operation="delete", deployment_id="HelloFlow")) == {"HelloFlow": "deleted"}
    assert (standing(airflow), airflow.dags) == (set(), {})
    assert job(operation="list").deployments == []


def test_cleanup_deletes_what_is_unused_and_keeps_what_ran_or_was_deployed_lately(
    job: Job, airflow: Airflow, delivered: str
) -> None:
    old = re.sub(r"(['\"]start_date['\"]: )['\"][^'\"]+['\"]", rf"\1'{LONG_AGO}'", delivered)
    assert old.count(LONG_AGO) == 1
    for name in ("OldFlow", "OldRanFlow", "OldRunsFlow", "OtherFlow"):
        (airflow.folder / f"{name}.py").write_text(old.replace("HelloFlow", name))
    (airflow.folder / "somebodys.py").write_text("# no DAG of Metaflow's\n")
    airflow.ran("OldFlow", datetime(2026, 2, 3, tzinfo=UTC))
    airflow.ran("OldRanFlow", datetime.now(UTC))
    airflow.ran("OldRunsFlow", datetime(2026, 2, 3, tzinfo=UTC), state="running")
    before = standing(airflow)
    given = {"operation": "cleanup", "older_than": "30d", "include": "Old*\nHello*"}
    dry = job(**given)
    assert dry.exit_code == 0, dry.log
    kept = dict.fromkeys(("HelloFlow", "OldRanFlow", "OldRunsFlow"), "kept")
    assert fates(dry) == {"OldFlow": "would be deleted", **kept}
    why = {one["deployment_id"]: one["why"] for one in dry.deployments}
    assert why["HelloFlow"] == "It was deployed just now."
    assert why["OldRanFlow"] == "It ran just now."
    assert why["OldRunsFlow"] == "A run of it is under way."
    assert re.fullmatch(r"It ran last \d+ days ago, and was deployed \d+ days ago\.", why["OldFlow"])
    assert why["OldFlow"] in dry.summary
    assert standing(airflow) == before
    real = job(**given, dry_run="false")
    assert fates(real) == {"OldFlow": "deleted", **kept}, real.log
    assert standing(airflow) == before - {"OldFlow.py"}
    assert "OldFlow" not in airflow.dags
