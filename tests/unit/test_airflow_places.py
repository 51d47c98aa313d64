"""Where DAG files go: a folder, S3 and Cloud Storage; and the inputs that say so."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from gcp_storage_emulator.server import create_server
from moto import mock_aws

from deployer.environment import worker_environment
from deployer.inputs import InputErrors, Inputs, check_paths, read_inputs, secret_inputs
from deployer.operations.airflow import airflow_settings
from deployer.orchestrators.airflow import google_storage
from deployer.orchestrators.airflow.dags_folder import DagsFolder, Directory, open_dags_folder
from deployer.outcome import DeployError, FailureReason

TEXT = "# metaflow-deploy: {}\nCONFIG = {'é': 1}\n"


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "us-east-1")
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="mwaa")
        yield client


@pytest.fixture
def cloud_storage(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = create_server("127.0.0.1", port, in_memory=True, default_bucket="composer")
    server.start()
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{port}")
    yield f"http://127.0.0.1:{port}"
    server.stop()


@pytest.fixture(params=["directory", "s3", "gs"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> DagsFolder:
    if request.param == "directory":
        return open_dags_folder(str(tmp_path / "new" / "dags"))
    name = "bucket" if request.param == "s3" else "cloud_storage"
    request.getfixturevalue(name)
    return open_dags_folder("s3://mwaa/team/dags" if request.param == "s3" else "gs://composer/team/dags")


def test_a_file_is_written_read_replaced_and_taken_away(place: DagsFolder) -> None:
    assert place.read("a.b.py") is None
    assert place.names() == ()
    place.write("a.b.py", "before")
    place.write("a.b.py", TEXT)
    place.write("notes.txt", "no DAG")
    assert place.read("a.b.py") == TEXT
    assert place.names() == ("a.b.py",)
    assert place.delete("a.b.py") is True
    assert place.delete("a.b.py") is False
    assert place.read("a.b.py") is None


def test_a_folder_never_shows_half_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Directory(tmp_path)
    folder.write("x.py", "before")
    seen: list[dict[str, str]] = []
    replaced = Path.replace

    def replace(self: Path, target: Path) -> Path:
        seen.append({path.name: path.read_text() for path in tmp_path.iterdir()})
        return replaced(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    folder.write("x.py", "after")
    (there,) = seen
    assert there.pop("x.py") == "before"
    ((name, text),) = there.items()
    assert text == "after"
    assert not name.endswith(".py"), "Airflow would take it for a DAG file"
    assert [path.name for path in tmp_path.iterdir()] == ["x.py"]
    assert oct((tmp_path / "x.py").stat().st_mode)[-3:] == "644", "Airflow's own user has to read it"


def test_what_cannot_be_written_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Directory(tmp_path)
    folder.write("x.py", "before")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(DeployError, match="cannot be written") as caught:
        folder.write("x.py", "after")
    assert caught.value.failure.input == "airflow-dags-folder"
    assert "No space left" in caught.value.failure.evidence
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"x.py": "before"}


def test_a_bucket_that_is_not_there_is_told(bucket: Any, cloud_storage: str) -> None:
    for place in ("s3://nowhere/dags", "gs://nowhere/dags"):
        with pytest.raises(DeployError, match="nowhere") as caught:
            open_dags_folder(place).write("x.py", "text")
        assert caught.value.failure.input == "airflow-dags-folder", place


def test_google_credentials_that_do_not_work_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key.json").write_text("{}")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "key.json"))
    with pytest.raises(DeployError) as caught:
        open_dags_folder("gs://b")
    assert caught.value.failure.reason is FailureReason.CREDENTIALS
    assert "google-github-actions/auth" in caught.value.failure.advice


def test_googles_own_action_names_its_file_by_the_runners_path(tmp_path: Path) -> None:
    (tmp_path / "gha-creds-1.json").write_text("{}")
    name = "GOOGLE_APPLICATION_CREDENTIALS"
    environ = {name: "/home/runner/work/f/f/gha-creds-1.json", "GITHUB_WORKSPACE": str(tmp_path)}
    assert worker_environment(environ, {})[name] == str(tmp_path / "gha-creds-1.json")
    (tmp_path / "gha-creds-1.json").rename(tmp_path / "other.json")
    assert worker_environment(environ, {})[name] == environ[name]
    assert worker_environment({**environ, name: str(tmp_path / "other.json")}, {})[name] == str(tmp_path / "other.json")
    assert name not in worker_environment({}, {})


class Refusing:
    """A session that Cloud Storage refuses."""

    def __init__(self, status: int) -> None:
        self.status_code, self.text, self.content = status, "no", b"no"

    def request(self, *_: Any, **__: Any) -> Refusing:
        return self


@pytest.mark.parametrize(
    ("status", "reason"),
    [(401, FailureReason.CREDENTIALS), (403, FailureReason.PERMISSION), (500, FailureReason.DEPLOY)],
)
def test_what_cloud_storage_refuses_is_told(status: int, reason: FailureReason) -> None:
    with pytest.raises(DeployError) as caught:
        google_storage.GoogleStoragePrefix(Refusing(status), "b", "dags").read("x.py")
    assert caught.value.failure.reason is reason
    assert "gs://b/dags/x.py" in caught.value.failure.message


def given(**inputs: str) -> dict[str, str]:
    named = {"flow": "flow.py", "orchestrator": "airflow", "airflow-dags-folder": "dags"}
    named |= {name.replace("_", "-"): value for name, value in inputs.items()}
    return {f"INPUT_{name.upper()}": value for name, value in named.items()}


def read(**inputs: str) -> Inputs:
    return read_inputs(given(**inputs))


def mistakes(**inputs: str) -> dict[str, str]:
    with pytest.raises(InputErrors) as caught:
        read(**inputs)
    return {str(one.input): f"{one.message} {one.advice}" for one in caught.value.failures}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("s3://bucket/dags/", "s3://bucket/dags"),
        ("s3://my.bucket-1", "s3://my.bucket-1"),
        ("gs://europe-west1-env-1/dags", "gs://europe-west1-env-1/dags"),
        ("./build/dags/", "build/dags"),
        ("/opt/airflow/dags", "/opt/airflow/dags"),
    ],
)
def test_places_for_dags(text: str, expected: str) -> None:
    assert read(airflow_dags_folder=text).airflow_dags_folder == expected


@pytest.mark.parametrize("text", ["http://x/dags", "abfs://x/y", "s3://", "s3:///dags", "s3://Bucket/x", "a\nb"])
def test_what_is_no_place_for_dags_is_refused(text: str) -> None:
    assert set(mistakes(airflow_dags_folder=text)) == {"airflow-dags-folder"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://airflow.example.com/", "https://airflow.example.com"),
        ("http://127.0.0.1:8080/airflow", "http://127.0.0.1:8080/airflow"),
        ("mwaa://prod", "mwaa://prod"),
    ],
)
def test_addresses_of_airflow(text: str, expected: str) -> None:
    assert read(airflow_url=text).airflow_url == expected


@pytest.mark.parametrize(
    ("text", "advised"),
    [
        ("airflow.example.com", "https://airflow.example.com"),
        ("https://airflow.example.com/api/v1", "Write `https://airflow.example.com`"),
        ("https://airflow.example.com/home?status=all", "Write `https://airflow.example.com`"),
        ("https://a b", "Write `https://airflow.example.com`"),
    ],
)
def test_what_is_no_address_is_refused(text: str, advised: str) -> None:
    assert advised in mistakes(airflow_url=text)["airflow-url"]


def test_a_password_in_the_address_is_not_repeated() -> None:
    told = mistakes(airflow_url="https://admin:s3cret@airflow.example.com")["airflow-url"]
    assert "s3cret" not in told
    assert "`airflow-password`" in told


@pytest.mark.parametrize(
    ("inputs", "missing"),
    [
        ({"airflow_dags_folder": ""}, {"airflow-dags-folder"}),
        ({"trigger": "true"}, {"airflow-url"}),
        ({"operation": "trigger"}, {"airflow-url"}),
        ({"operation": "terminate", "flow": "", "deployment_id": "x", "run_id": "y"}, {"airflow-url"}),
        ({"operation": "list", "flow": "", "airflow_dags_folder": ""}, {"airflow-url"}),
        ({"airflow_url": "https://a", "airflow_token": "t", "airflow_username": "u"}, {"airflow-token"}),
        ({"airflow_url": "https://a", "airflow_password": "p"}, {"airflow-password"}),
    ],
)
def test_what_is_missing_or_contradicts_itself_is_told(inputs: dict[str, str], missing: set[str]) -> None:
    assert set(mistakes(**inputs)) == missing


def test_another_orchestrator_needs_none_of_it() -> None:
    inputs = read(orchestrator="argo-workflows", airflow_dags_folder="")
    assert airflow_settings(inputs, "/w") is None


@pytest.mark.parametrize(
    ("text", "expected"), [("dags", "/w/dags"), ("/opt/dags", "/opt/dags"), ("s3://bucket/dags", "s3://bucket/dags")]
)
def test_a_folder_starts_where_flows_do(text: str, expected: str) -> None:
    settings = airflow_settings(read(airflow_dags_folder=text, airflow_token="t0ken"), "/w")
    assert settings is not None
    assert settings.dags_folder == expected
    assert "t0ken" not in repr(settings)


def test_a_folder_leads_out_of_the_checkout_only_by_an_absolute_path(tmp_path: Path) -> None:
    (tmp_path / "flow.py").touch()
    (wrong,) = check_paths(read(airflow_dags_folder="../dags"), tmp_path)
    assert wrong.input == "airflow-dags-folder"
    assert check_paths(read(airflow_dags_folder="/opt/dags"), tmp_path) == ()
    assert check_paths(read(airflow_dags_folder="build/dags"), tmp_path) == ()


@pytest.mark.parametrize("name", ["airflow_token", "airflow_password"])
def test_secrets_of_airflow_are_masked_however_short(name: str) -> None:
    assert "pa55" in secret_inputs(given(**{name: "pa55"}))
