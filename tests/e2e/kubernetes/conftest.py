"""What the tests on a real cluster run in: the cluster, worlds that pods reach, a namespace and a runner each."""

from __future__ import annotations

import os
import shutil
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox.docker.engine import Engine
from sandbox.docker.machine import UnavailableError
from sandbox.job import Job
from sandbox.kubernetes.cluster import Cluster, ensure_cluster
from sandbox.kubernetes.place import Place, own_place
from sandbox.runner import ROOT, Runner
from sandbox.world import World

HERE = Path(__file__).resolve().parent


@pytest.fixture(scope="session")
def have_cluster(engine: Engine) -> Callable[[Place], Cluster]:
    """Have a cluster with Argo Workflows: that of KUBECONFIG, else one of our own at a place.

    Where there can be none, these tests are skipped, unless E2E_REQUIRED is set.
    """
    foreign: list[Cluster] = []  # looked at once: that starts a Workflow, and copies the tasks' image

    def have(place: Place) -> Cluster:
        if foreign:
            return foreign[0]
        try:
            found = ensure_cluster(engine, lambda line: print(line, file=sys.stderr), place)
        except UnavailableError as error:
            if os.environ.get("E2E_REQUIRED"):
                pytest.fail(str(error))
            pytest.skip(str(error))
        foreign.extend([] if found.own else [found])
        return found

    return have


@pytest.fixture(scope="session")
def cluster(have_cluster: Callable[[Place], Cluster]) -> Cluster:
    """The cluster; other tests use it at the same time, so nothing of it may be stopped or changed."""
    return have_cluster(own_place())


@pytest.fixture
def world(cluster: Cluster, tmp_path: Path) -> Iterator[World]:
    """AWS, the metadata service and GitHub, where pods reach them, empty."""
    with World(tmp_path / "world", host=cluster.address) as made:
        yield made


@pytest.fixture(scope="session")
def shared_world(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The same, one for all tests that have no need of an empty one: starting it takes seconds."""
    with World(tmp_path_factory.mktemp("world"), host=cluster.address) as made:
        yield made


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """A namespace of the test's own, ready for runs."""
    name = f"flows-{uuid.uuid4().hex[:8]}"
    cluster.namespace(name)
    yield name
    cluster.remove_namespace(name)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A checkout with the example flows, and those of the tests here."""
    root = tmp_path / "checkout"
    for source in (ROOT / "examples" / "flows", HERE.parent / "flows", HERE / "flows"):
        if source.exists():
            shutil.copytree(source, root / "flows", dirs_exist_ok=True)
    return root


@pytest.fixture
def runner(cluster: Cluster, shared_world: World, namespace: str, tmp_path: Path) -> Runner:
    """A runner whose jobs deploy to the namespace, with all rights, over the shared world."""
    environment = cluster.environment(shared_world, namespace)
    return Runner(tmp_path / "runner", environment=environment, api_url=shared_world.github.api_url)


@pytest.fixture
def job(runner: Runner, workspace: Path) -> Job:
    """Run the action on a push; the inputs in snake_case. It comments on nothing."""
    return Job(runner, workspace)
