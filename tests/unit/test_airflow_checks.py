"""What `operation: doctor` says of an Airflow, and that it changes nothing there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from deployer.orchestrators.airflow import AirflowSettings
from deployer.orchestrators.airflow.api import AirflowApi
from deployer.orchestrators.airflow.checks import airflow, dags_folder, examine
from deployer.orchestrators.airflow.dags_folder import open_dags_folder
from deployer.orchestrators.airflow.transport import Answer, refused
from deployer.orchestrators.checks import AIRFLOW, DAGS_FOLDER, areas
from deployer.orchestrators.clients.aws_checks import is_used
from deployer.outcome import Check, CheckState, FailureReason
from sandbox.airflow.stand_in import Api

SETTINGS = AirflowSettings(url="https://airflow.example.com", username="ci", password="not-to-be-told")


class Nothing:
    """A Metaflow of which nothing was configured, but what is given."""

    def __init__(self, **values: str) -> None:
        self._values = values

    def __call__(self, name: str) -> Any:
        return self._values.get(name)

    def is_set(self, name: str) -> bool:
        return name in self._values

    def is_known(self, name: str) -> bool:
        return True


@pytest.fixture(params=["2.11.2", "3.3.2"])
def api(request: pytest.FixtureRequest) -> Api:
    return Api(request.param)


def lines(api: Api) -> dict[str, Check]:
    return {check.name: check for check in airflow(AirflowApi(api), SETTINGS)}


def ill(api: Api) -> dict[str, CheckState]:
    return {name: check.state for name, check in lines(api).items() if check.state is not CheckState.OK}


def test_an_airflow_that_is_well_is_told_and_left_as_it_is(api: Api) -> None:
    api.dags["Hello"] = {"dag_id": "Hello"}
    assert ill(api) == {}
    assert f"Airflow {api.version()} at `https://airflow.example.com`" in lines(api)["Airflow"].found
    assert "`ci` may read DAGs" in lines(api)["Airflow user"].found
    assert {method for method, _, _ in api.asked} == {"GET"}
    assert "not-to-be-told" not in str(lines(api))


@pytest.mark.parametrize("status", ["unhealthy", None])
def test_a_scheduler_that_is_gone_stops_runs_and_in_airflow_2_loading_too(api: Api, status: str | None) -> None:
    api.health["scheduler"] = {"status": status}
    if api.is_v2:
        assert ill(api) == {"Airflow scheduler": CheckState.WARNING}
    api.health["dag_processor"] = {"status": None}
    expected = {"Airflow scheduler": CheckState.BAD}
    if api.is_v2:
        expected = {"Airflow scheduler": CheckState.WARNING, "Airflow DAG processor": CheckState.BAD}
    assert ill(api) == expected
    assert all(lines(api)[name].advice for name in expected)


def test_in_airflow_2_the_dag_processor_may_be_the_schedulers(api: Api) -> None:
    api.health["dag_processor"] = {"status": None}
    assert ("Airflow DAG processor" in lines(api)) is api.is_v2
    api.health["dag_processor"] = {"status": "unhealthy"}
    assert ill(api) == {"Airflow DAG processor": CheckState.BAD}


def test_a_database_that_is_gone(api: Api) -> None:
    api.health["metadatabase"] = {"status": "unhealthy"}
    assert ill(api) == {"Airflow database": CheckState.BAD}


class Refusing(Api):
    """One that does not let the user read DAGs, and tells no health."""

    def request(
        self, method: str, path: str, query: Mapping[str, Any] | None = None, body: Mapping[str, Any] | None = None
    ) -> Answer:
        if path.endswith("/health"):
            return Answer(status=404)
        if path == "/dags":
            refused("listing the DAGs", Answer(status=403))
        return super().request(method, path, query, body)


def test_a_user_that_may_not_read_is_a_line_of_its_own() -> None:
    assert ill(Refusing()) == {"Airflow user": CheckState.BAD, "Airflow health": CheckState.UNKNOWN}


def test_a_folder_is_looked_at_and_not_made(tmp_path: Path) -> None:
    (tmp_path / "Hello.py").touch()
    here, new = str(tmp_path), str(tmp_path / "a" / "b")
    found = dags_folder(here, open_dags_folder(here))
    assert (found.state, found.found) == (CheckState.OK, f"`{here}`: 1 DAG file, and it may be written")
    found = dags_folder(new, open_dags_folder(new))
    assert (found.state, found.found) == (CheckState.OK, f"`{new}` is made when it is needed")
    assert [path.name for path in tmp_path.iterdir()] == ["Hello.py"]


def test_a_folder_below_a_file_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    place = str(tmp_path / "file" / "dags")
    found = dags_folder(place, open_dags_folder(place))
    assert (found.state, found.reason) == (CheckState.BAD, FailureReason.PERMISSION)
    assert f"`{tmp_path / 'file'}`" in found.found


def test_what_is_not_given_is_named() -> None:
    (found,) = examine(DAGS_FOLDER.name, Nothing(), AirflowSettings())
    assert (found.state, found.reason) == (CheckState.BAD, FailureReason.INPUT)
    assert "`airflow-dags-folder`" in found.advice
    (found,) = examine(AIRFLOW.name, Nothing(), AirflowSettings())
    assert found.state is CheckState.WARNING, "files are delivered without it"
    assert "`airflow-url`" in found.found


def test_a_setting_that_metaflow_refuses_for_airflow(tmp_path: Path) -> None:
    setting = Nothing(KUBERNETES_IMAGE_PULL_POLICY="Always")
    _, found = examine(DAGS_FOLDER.name, setting, AirflowSettings(dags_folder=str(tmp_path)))
    assert (found.state, found.name) == (CheckState.BAD, "METAFLOW_KUBERNETES_IMAGE_PULL_POLICY")


def test_airflow_is_no_extension() -> None:
    assert areas("airflow")[-2:] == (DAGS_FOLDER, AIRFLOW)


@pytest.mark.parametrize(
    ("settings", "used"),
    [
        (None, False),
        (AirflowSettings(dags_folder="gs://composer/dags", url="https://airflow.example.com"), False),
        (AirflowSettings(dags_folder="s3://mwaa/dags"), True),
        (AirflowSettings(url="mwaa://production"), True),
    ],
)
def test_airflows_bucket_and_mwaa_need_aws_whatever_the_datastore(settings: AirflowSettings | None, used: bool) -> None:
    assert is_used(Nothing(DEFAULT_DATASTORE="gs"), settings) is used
