"""Airflow as an orchestrator: delivered, loaded, run and taken away, against an API that answers what the test says."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from airflow_samples import PROVENANCE, compiled

from deployer.orchestrators.airflow import Airflow, AirflowSettings
from deployer.orchestrators.airflow.api import AirflowApi, log_text
from deployer.orchestrators.airflow.compiled import run_id_of
from deployer.orchestrators.airflow.runs import TERMINATED_NOTE
from deployer.orchestrators.airflow.transport import Answer, refused
from deployer.orchestrators.driver import MetaflowSettings
from deployer.orchestrators.inventory import DeploymentFilter
from deployer.outcome import Action, DeployError, Failure, FailureReason, RunStatus
from sandbox.airflow.stand_in import Api

URL = "https://airflow.example.com"
START = "2026-11-24T05:33:13.006855+00:00"


class Folder:
    """A DAGs folder in memory."""

    def __init__(self, **files: str) -> None:
        self.files = {f"{name}.py": text for name, text in files.items()}

    def read(self, name: str) -> str | None:
        return self.files.get(name)

    def write(self, name: str, text: str) -> None:
        self.files[name] = text

    def delete(self, name: str) -> bool:
        return self.files.pop(name, None) is not None

    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self.files))


def airflow(folder: Folder | None, api: Api | None, **settings: Any) -> Airflow:
    place = "/dags" if folder is not None else None
    given = AirflowSettings(dags_folder=place, url=URL if api is not None else None, **settings)
    return Airflow(folder, AirflowApi(api) if api is not None else None, MetaflowSettings(), given)


def loaded(**changes: Any) -> dict[str, Any]:
    """A DAG as Airflow tells it once it has loaded the sample."""
    return {
        "dag_id": "HelloFlow",
        "start_date": START,
        "is_paused": False,
        "file_token": "token-of-HelloFlow",
        **changes,
    }


def failure(caught: pytest.ExceptionInfo[DeployError]) -> Failure:
    return caught.value.failure


@pytest.fixture(params=["2.11.2", "3.3.2"])
def api(request: pytest.FixtureRequest) -> Api:
    return Api(request.param)


def test_what_is_delivered_is_read_back(api: Api) -> None:
    folder = Folder()
    target = airflow(folder, api)
    assert target.read("HelloFlow") is None
    target.deliver(compiled(schedule_interval="@daily"), PROVENANCE)
    deployment = target.read("HelloFlow")
    assert deployment is not None
    assert (deployment.id, deployment.flow_name, deployment.orchestrator) == ("HelloFlow", "HelloFlow", "airflow")
    assert deployment.metaflow_namespace == "production:helloflow-0-apnt"
    assert (deployment.schedule, deployment.timezone, deployment.owner) == ("@daily", "UTC", "ci")
    assert deployment.provenance == PROVENANCE
    assert deployment.deployed_at == datetime(2026, 11, 24, 5, 33, 13, 6855, tzinfo=UTC)
    grid = "/grid" if api.version() == "2.11.2" else ""
    assert deployment.url == f"{URL}/dags/HelloFlow{grid}"


def test_nothing_but_a_compiled_dag_is_delivered() -> None:
    folder = Folder()
    for text in ("", "CONFIG = 3\n", "import airflow\n"):
        with pytest.raises(DeployError, match="did not compile it"):
            airflow(folder, None).deliver(text, PROVENANCE)
    assert folder.files == {}


def test_somebody_elses_dag_of_that_name_is_not_touched(api: Api) -> None:
    folder = Folder(HelloFlow="from airflow import DAG\n")
    with pytest.raises(DeployError, match="did not compile it"):
        airflow(folder, api).read("HelloFlow")
    with pytest.raises(DeployError, match="did not compile it"):
        airflow(folder, api).delete("HelloFlow")
    assert folder.files == {"HelloFlow.py": "from airflow import DAG\n"}


def test_without_a_folder_airflows_own_copy_is_read(api: Api) -> None:
    api.dags["HelloFlow"] = loaded()
    api.sources["HelloFlow"] = compiled()
    deployment = airflow(None, api).read("HelloFlow")
    assert deployment is not None
    assert deployment.owner == "ci"
    assert airflow(None, api).read("Other") is None


def test_a_dag_is_loaded_once_airflow_tells_this_very_start_date(api: Api) -> None:
    target = airflow(Folder(HelloFlow=compiled()), api)
    assert target.loaded("HelloFlow") is False
    api.dags["HelloFlow"] = loaded(start_date="2026-11-24T05:33:12.006855+00:00")
    assert target.loaded("HelloFlow") is False, "a version before this one"
    api.dags["HelloFlow"] = loaded()
    assert target.loaded("HelloFlow") is True


def test_airflow_may_take_the_start_date_for_one_of_its_own_zone(api: Api) -> None:
    target = airflow(Folder(HelloFlow=compiled()), api)
    api.dags["HelloFlow"] = loaded(start_date="2026-11-24T00:03:13.006855+00:00")  # 5:33 in Kolkata
    assert target.loaded("HelloFlow") is True


def test_what_is_loaded_is_unpaused_unless_it_was_to_be_paused(api: Api) -> None:
    api.dags["HelloFlow"] = loaded(is_paused=True)
    assert airflow(Folder(HelloFlow=compiled(is_paused_upon_creation=True)), api).loaded("HelloFlow")
    assert api.dags["HelloFlow"]["is_paused"] is True
    assert airflow(Folder(HelloFlow=compiled()), api).loaded("HelloFlow")
    assert api.dags["HelloFlow"]["is_paused"] is False


def test_nobody_is_asked_where_no_api_is_given() -> None:
    target = airflow(Folder(HelloFlow=compiled()), None)
    assert target.loaded("HelloFlow") is None
    assert "`airflow-url`" in target.notices()[0]
    assert airflow(None, Api()).notices() == ()


TRACE = "Traceback (most recent call last):\n  File \"/dags/HelloFlow.py\", line 9\nKeyError: 'versions'\n"


def test_an_import_error_is_told_with_airflows_own_words(api: Api) -> None:
    from deployer.orchestrators.airflow.compiled import deliverable

    target = airflow(Folder(HelloFlow=deliverable(compiled(), PROVENANCE, compatibility=False)), api)
    api.errors = [
        {"filename": "/dags/Other.py", "stack_trace": "no"},
        {"filename": "/opt/airflow/dags/HelloFlow.py", "stack_trace": TRACE},
    ]
    with pytest.raises(DeployError) as caught:
        target.loaded("HelloFlow")
    told = failure(caught)
    assert told.reason is FailureReason.DEPLOY
    assert told.message == "Airflow cannot load the DAG HelloFlow: KeyError: 'versions'"
    assert "`airflow-compatibility`" in told.advice
    assert TRACE.strip() in told.evidence
    assert told.path == "flows/hello.py", "the annotation stands on the flow"


def test_an_error_of_the_file_before_is_not_taken_for_one_of_this(api: Api) -> None:
    target = airflow(Folder(HelloFlow=compiled()), api)
    api.errors = [{"filename": "/dags/HelloFlow.py", "stack_trace": TRACE}]
    before = target.stack_trace("HelloFlow")
    assert before == TRACE
    assert target.loaded("HelloFlow", before) is False
    assert "KeyError" in target.not_loaded("HelloFlow").message, "told at the end of the wait"
    api.errors[0]["stack_trace"] = "SyntaxError: invalid syntax\n"
    with pytest.raises(DeployError, match="SyntaxError"):
        target.loaded("HelloFlow", before)
    api.errors = []
    assert "tells no error" in target.not_loaded("HelloFlow").message


def test_a_run_is_asked_for_once_for_a_key(api: Api) -> None:
    target = airflow(Folder(HelloFlow=compiled()), api)
    api.dags["HelloFlow"] = loaded()
    deployment = target.read("HelloFlow")
    assert deployment is not None
    first = target.trigger(deployment, {"greeting": "hi"}, key="octo-org/flows-1-1-deploy")
    again = airflow(Folder(HelloFlow=compiled()), api).trigger(deployment, {}, key="octo-org/flows-1-1-deploy")
    assert first == again
    (dag_run_id,) = api.runs
    assert first == run_id_of(dag_run_id, "HelloFlow")
    assert api.runs[dag_run_id]["conf"] == {"greeting": "hi"}
    assert ("logical_date" in api.runs[dag_run_id]) is (api.version() == "3.3.2"), "v2 wants it, v1 takes no null"
    other = target.trigger(deployment, {}, key="another")
    assert other != first
    page = f"{URL}/dags/HelloFlow/runs/" if api.version() == "3.3.2" else f"{URL}/dags/HelloFlow/grid?dag_run_id="
    assert target.run_url(deployment, first) == page + dag_run_id


def test_no_run_of_a_paused_dag_is_asked_for(api: Api) -> None:
    target = airflow(Folder(HelloFlow=compiled()), api)
    api.dags["HelloFlow"] = loaded(is_paused=True)
    deployment = target.read("HelloFlow")
    assert deployment is not None
    with pytest.raises(DeployError, match="is paused"):
        target.trigger(deployment, {}, key="k")
    assert api.runs == {}


def test_a_dag_that_airflow_does_not_know_cannot_be_run(api: Api) -> None:
    target = airflow(Folder(HelloFlow=compiled()), api)
    deployment = target.read("HelloFlow")
    assert deployment is not None
    with pytest.raises(DeployError, match="has not loaded"):
        target.trigger(deployment, {}, key="k")


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("queued", RunStatus.PENDING),
        ("running", RunStatus.RUNNING),
        ("success", RunStatus.SUCCEEDED),
        ("failed", RunStatus.FAILED),
        ("new-in-4", RunStatus.RUNNING),
    ],
)
def test_a_runs_state_is_the_dag_runs(api: Api, state: str, expected: RunStatus) -> None:
    target, deployment = running(api, state=state, start_date=START, end_date=None)
    seen = target.run_state(deployment, run_id_of("r", "HelloFlow"))
    assert seen is not None
    assert (seen.status, seen.started_at) == (expected, datetime(2026, 11, 24, 5, 33, 13, 6855, tzinfo=UTC))
    assert target.run_state(deployment, "airflow-000000000000") is None


def running(api: Api, **dag_run: Any) -> tuple[Airflow, Any]:
    """An Airflow with one run, `r`, of the sample."""
    api.dags["HelloFlow"] = loaded()
    api.runs["r"] = {"dag_run_id": "r", **dag_run}
    target = airflow(Folder(HelloFlow=compiled()), api)
    return target, target.read("HelloFlow")


def test_what_keeps_a_run_waiting_is_told(api: Api) -> None:
    target, deployment = running(api, state="queued")
    api.dags["HelloFlow"]["is_paused"] = True
    seen = target.run_state(deployment, run_id_of("r", "HelloFlow"))
    assert seen is not None
    assert seen.waiting == ("the DAG is paused",)
    api.runs["r"]["state"] = "running"
    api.tasks = [{"task_id": "start", "state": "up_for_retry"}, {"task_id": "end", "state": None}]
    seen = target.run_state(deployment, run_id_of("r", "HelloFlow"))
    assert seen is not None
    assert seen.waiting == ("step start: up_for_retry",)


def test_a_failed_task_is_told_with_the_end_of_its_log(api: Api) -> None:
    target, deployment = running(api, state="failed")
    api.tasks = [
        {"task_id": "end", "state": "upstream_failed"},
        {"task_id": "start", "state": "failed", "try_number": 2, "map_index": 3, "start_date": START},
    ]
    lines = ["pulling", "[2026] {x.py:1} ERROR - PodLaunchFailedException: Pod took too long: ImagePullBackOff", "bye"]
    events = [{"event": line, "timestamp": None} for line in lines]
    api.logs["start"] = {"content": events if api.version() == "3.3.2" else str([("host", "\n".join(lines))])}
    seen = target.run_state(deployment, run_id_of("r", "HelloFlow"), diagnose=True)
    assert seen is not None
    (trouble,) = seen.troubles
    assert trouble.step == "start"
    assert trouble.what == "PodLaunchFailedException: Pod took too long: ImagePullBackOff"
    assert trouble.detail == "\n".join(lines)
    assert ("GET", "/dags/HelloFlow/dagRuns/r/taskInstances/start/logs/2") in [one[:2] for one in api.asked]


def test_a_log_is_lines_whatever_form_it_comes_in() -> None:
    assert log_text(Answer(status=200, body={"content": [{"event": "a"}, {"event": "b"}]})) == "a\nb"
    assert log_text(Answer(status=200, body={"content": "[('h', 'a\\nb'), ('h', 'c')]"})) == "a\nb\nc"
    assert log_text(Answer(status=200, body="plain\ntext")) == "plain\ntext"
    assert log_text(Answer(status=200, body={"content": None})) == ""


def test_a_run_is_ended_by_marking_it_failed_and_told_from_one_that_failed(api: Api) -> None:
    target, deployment = running(api, state="running", note=None)
    run_id = run_id_of("r", "HelloFlow")
    assert target.terminate(deployment, run_id).action is Action.TERMINATED
    assert api.runs["r"]["state"] == "failed"
    assert api.runs["r"]["note"] == TERMINATED_NOTE
    seen = target.run_state(deployment, run_id)
    assert seen is not None
    assert seen.status is RunStatus.TERMINATED
    assert target.terminate(deployment, run_id).action is Action.UNCHANGED
    with pytest.raises(DeployError, match="is no run of HelloFlow"):
        target.terminate(deployment, "airflow-000000000000")


def test_a_dag_is_paused_whole_and_that_is_said(api: Api) -> None:
    target, deployment = running(api, state="running")
    change = target.suspend(deployment, "airflow-1")
    assert (change.kind, change.action) == ("DAG", Action.SUSPENDED)
    assert "all of its runs" in str(change.note)
    assert target.suspend(deployment, "airflow-1").action is Action.UNCHANGED
    assert target.unsuspend(deployment, "airflow-1").action is Action.RESUMED
    assert api.dags["HelloFlow"]["is_paused"] is False


def test_deleting_takes_the_dag_first_and_then_the_file(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Folder(HelloFlow=compiled(), Other=compiled(dag_id="Other"))
    api.dags["HelloFlow"] = loaded()
    changes = airflow(folder, api).delete("HelloFlow")
    assert [(one.kind, one.action) for one in changes] == [("DAG", Action.REMOVED), ("DAG file", Action.REMOVED)]
    assert list(folder.files) == ["Other.py"]
    assert airflow(folder, api).delete("HelloFlow") == ()
    api.dags["Other"] = loaded()
    with pytest.raises(DeployError, match="looks for DAG files is not given"):
        airflow(None, api).delete("Other")  # Airflow would load its file again
    assert "Other" in api.dags
    monkeypatch.setattr(AirflowApi, "delete_dag", lambda *_: refused("deleting the DAG Other", Answer(status=409)))
    with pytest.raises(DeployError, match="status 409"):
        airflow(folder, api).delete("Other")
    assert list(folder.files) == ["Other.py"], "what Airflow refuses changes nothing"


def test_a_file_is_put_back_to_what_stood_before() -> None:
    folder = Folder()
    target = airflow(folder, None)
    nothing = target.snapshot("HelloFlow")
    target.deliver(compiled(), PROVENANCE)
    first = target.snapshot("HelloFlow")
    target.deliver(compiled(schedule_interval="@daily"), PROVENANCE)
    assert first is not None
    assert nothing is not None
    assert [one.action for one in target.restore(first)] == [Action.CHANGED_BACK]
    assert target.restore(first) == ()
    assert target.snapshot("HelloFlow") == first
    assert [one.action for one in target.restore(nothing)] == [Action.REMOVED]
    assert folder.files == {}
    assert [one.action for one in target.restore(first)] == [Action.CREATED]


def test_what_stands_is_listed_with_its_last_run(api: Api) -> None:
    folder = Folder(b=compiled(dag_id="b"), a=compiled(dag_id="a"), other="print()\n")
    api.runs["r"] = {"dag_run_id": "r", "state": "running", "start_date": START}
    listing = airflow(folder, api).inventory().listing(DeploymentFilter())
    assert [row.id for row in listing.rows] == ["a", "b"]
    assert listing.standing == 2
    assert listing.rows[0].active
    assert listing.rows[0].last_run_at == datetime(2026, 11, 24, 5, 33, 13, 6855, tzinfo=UTC)
    assert airflow(folder, api).inventory().listing(DeploymentFilter(project="no")).rows == ()


def test_without_a_folder_the_dags_of_this_action_are_listed(api: Api) -> None:
    api.dags["HelloFlow"] = loaded(tags=[{"name": "repository:octo-org/flows"}])
    api.dags["Other"] = {"dag_id": "Other", "tags": [{"name": "x"}]}
    api.sources["HelloFlow"] = compiled()
    listing = airflow(None, api).inventory().listing(DeploymentFilter(), runs=False)
    assert [row.id for row in listing.rows] == ["HelloFlow"]


def test_a_run_under_way_behind_one_that_has_ended_counts(api: Api) -> None:
    target, deployment = running(api, state="running")
    api.runs["newer"] = {"dag_run_id": "newer", "state": "success"}
    (seen,) = target.inventory().activity([deployment], datetime.now(UTC))
    assert seen.active


def test_an_identifier_is_no_path_and_a_file_holds_the_dag_of_its_name(api: Api) -> None:
    folder = Folder()
    folder.write("foo.py", compiled())
    target = airflow(folder, api)
    with pytest.raises(DeployError, match=r"foo\.py holds the DAG HelloFlow") as caught:
        target.read("foo")
    assert "Rename it to HelloFlow.py" in caught.value.failure.advice
    folder.write("../x/HelloFlow.py", compiled())
    assert target.read("../x/HelloFlow") is None


def test_the_latest_runs_are_read_no_further_than_asked(api: Api) -> None:
    target, deployment = running(api, state="success")
    for number in range(5):
        api.runs[f"r{number}"] = {"dag_run_id": f"r{number}", "state": "success"}
    runs = target.inventory().latest_runs(deployment, 2)
    assert [run.id for run in runs] == [run_id_of("r4", "HelloFlow"), run_id_of("r3", "HelloFlow")]
    assert target.inventory().has_run(deployment, "argo-x") is False
    assert airflow(Folder(), None).inventory().activity([deployment], datetime.now(UTC))[0].unknown
