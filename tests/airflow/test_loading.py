"""The DAG file as Airflow itself loads it: each Airflow, each Kubernetes provider, with the header and without."""

from __future__ import annotations

from pathlib import Path

import boto3
import pytest

from sandbox.airflow.environments import ensure_environment, ensure_provider
from sandbox.airflow.server import import_dags
from sandbox.aws.resources import BUCKET, REGION
from sandbox.job import Job
from sandbox.world import World

FILES = ["HelloFlow.py", "TrainFlow.py"]
LINEAR, FOREACH = FILES
TAGS = "'tags' has an invalid type"
VERSIONS = "KeyError: 'versions'"
COMBINATIONS = [
    ("2", "7.14.0"),
    ("2", "8.4.2"),
    ("2", "10.4.3"),
    ("2", None),
    ("3", "9.0.0"),  # older ones cannot be imported there: they use `airflow.compat`, which is gone
    ("3", "10.4.3"),
    ("3", None),
]
"""An Airflow and its Kubernetes provider; None is the one of its lock, the newest."""
WITHOUT_HEADER = {
    ("2", "7.14.0"): {LINEAR: TAGS, FOREACH: TAGS},
    ("2", "8.4.2"): {LINEAR: TAGS, FOREACH: TAGS},
    ("2", "10.4.3"): {LINEAR: TAGS, FOREACH: VERSIONS},
    ("2", None): {LINEAR: TAGS, FOREACH: VERSIONS},
    ("3", "9.0.0"): {LINEAR: "schedule_interval", FOREACH: "schedule_interval"},
    ("3", "10.4.3"): {LINEAR: "schedule_interval", FOREACH: VERSIONS},
    ("3", None): {LINEAR: "schedule_interval", FOREACH: VERSIONS},
}
"""What Airflow says of each file. The action tags every run, and Airflow 2.11 refuses tags as Metaflow writes them."""
OTHER = "from airflow import DAG\n\ndag = DAG('{name}')\n"
"""Somebody else's DAG in the same folder, which the same process loads."""


def deliver(job: Job, place: str, **inputs: str) -> None:
    """Deploy the linear and the foreach flow."""
    for flow in ("hello", "train"):
        result = job(flow, airflow_dags_folder=place, **inputs)
        assert result.exit_code == 0, result.log


@pytest.mark.parametrize(("version", "provider"), COMBINATIONS)
def test_with_the_header_the_files_load_beside_others(
    job: Job, tmp_path: Path, version: str, provider: str | None
) -> None:
    dags = tmp_path / "dags"
    deliver(job, str(dags))
    assert sorted(path.name for path in dags.iterdir()) == FILES, "nothing but whole files"
    for name in ("a_before", "z_after"):
        (dags / f"{name}.py").write_text(OTHER.format(name=name))
    environment = ensure_environment(version)
    other = ensure_provider(provider, environment) if provider is not None else None
    found, errors = import_dags(environment, dags, tmp_path / "home", other)
    assert (found, errors) == (["HelloFlow", "TrainFlow", "a_before", "z_after"], {})


@pytest.mark.parametrize(("version", "provider"), COMBINATIONS)
def test_without_the_header_none_loads(job: Job, tmp_path: Path, version: str, provider: str | None) -> None:
    dags = tmp_path / "dags"
    deliver(job, str(dags), airflow_compatibility="false")
    environment = ensure_environment(version)
    other = ensure_provider(provider, environment) if provider is not None else None
    found, errors = import_dags(environment, dags, tmp_path / "home", other)
    assert found == []
    assert set(errors) == set(FILES)
    for name, said in WITHOUT_HEADER[version, provider].items():
        assert said in errors[name]


def test_what_stands_in_a_bucket_loads(job: Job, world: World, tmp_path: Path) -> None:
    deliver(job, f"s3://{BUCKET}/environment/dags")
    session = boto3.session.Session(aws_access_key_id="sandbox", aws_secret_access_key="sandbox", region_name=REGION)
    s3 = session.client("s3", endpoint_url=world.aws_url)
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket=BUCKET, Prefix="environment/")["Contents"]]
    assert keys == [f"environment/dags/{name}" for name in FILES]
    dags = tmp_path / "dags"
    dags.mkdir()
    for key in keys:
        s3.download_file(BUCKET, key, str(dags / Path(key).name))
    found, errors = import_dags(ensure_environment("3"), dags, tmp_path / "home")
    assert (found, errors) == (["HelloFlow", "TrainFlow"], {})


def test_what_does_not_compile_is_not_delivered(job: Job, tmp_path: Path) -> None:
    job.runner.environment["METAFLOW_KUBERNETES_IMAGE_PULL_POLICY"] = "Always"
    dags = tmp_path / "dags"
    result = job("hello", airflow_dags_folder=str(dags))
    assert result.exit_code == 1
    assert "image_pull_policy is currently not supported on Airflow" in result.log
    assert not dags.exists() or not list(dags.iterdir())
