"""What the tests on real Airflows stand on: a cluster for their tasks, a world that pods reach, Airflow 2 and 3.

Nothing is skipped: `make airflow` fails where something is missing, and says what.
"""

from __future__ import annotations

import shutil
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from sandbox.airflow.environments import VERSIONS
from sandbox.airflow.server import AirflowServer
from sandbox.docker.engine import ensure_engine
from sandbox.job import Job
from sandbox.kubernetes.cluster import Cluster, ensure_cluster
from sandbox.runner import ROOT, Runner
from sandbox.world import World


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Where nothing has to run: AWS, a metadata service, GitHub."""
    with World(tmp_path_factory.mktemp("world")) as made:
        yield made


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A checkout with the example flows, and those of these tests."""
    root = tmp_path / "checkout"
    shutil.copytree(ROOT / "examples" / "flows", root / "flows")
    for path in (Path(__file__).parent / "flows").glob("*.py"):
        shutil.copy(path, root / "flows")
    return root


@pytest.fixture
def job(world: World, workspace: Path, tmp_path: Path) -> Job:
    """The action, for Airflow, with no Airflow and no cluster."""
    environment = {**world.environment, "METAFLOW_KUBERNETES_CONTAINER_IMAGE": "registry.example.com/flows:1"}
    return Job(Runner(tmp_path / "runner", environment=environment), workspace, orchestrator="airflow")


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """A cluster that runs pods."""
    return ensure_cluster(ensure_engine(), lambda line: print(line, file=sys.stderr))


@pytest.fixture(scope="session")
def cluster_environment(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a deploying process whose tasks run as pods, from an Airflow outside of the cluster."""
    namespace = f"airflow-{uuid.uuid4().hex[:8]}"  # that of a session before may still be going away
    cluster.namespace(namespace)
    context = yaml.safe_load(cluster.kubeconfig.read_text())["current-context"]
    with World(tmp_path_factory.mktemp("cluster-world"), host=cluster.address) as made:
        yield {
            **cluster.environment(made, namespace),
            "METAFLOW_AIRFLOW_KUBERNETES_KUBECONFIG_FILE": str(cluster.kubeconfig),
            "METAFLOW_AIRFLOW_KUBERNETES_KUBECONFIG_CONTEXT": context,
        }
    cluster.remove_namespace(namespace)


@pytest.fixture(scope="session", params=VERSIONS)
def airflow(
    request: pytest.FixtureRequest, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AirflowServer]:
    """An Airflow that runs; one after the other."""
    version: str = request.param
    home = tmp_path_factory.mktemp(f"airflow-{version}")
    with AirflowServer(home, version, sidecar=cluster.task_image) as server:
        yield server


@pytest.fixture
def airflow_job(airflow: AirflowServer, cluster_environment: dict[str, str], workspace: Path, tmp_path: Path) -> Job:
    """The action, for the Airflow that runs."""
    inputs = {name.replace("-", "_"): value for name, value in airflow.inputs.items()}
    return Job(Runner(tmp_path / "runner", environment=cluster_environment), workspace, **inputs)
