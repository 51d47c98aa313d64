"""What the integration tests share: one world for all of them, and a checkout and a runner for each."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from action_jobs import Pulls
from checkout_history import REPOSITORY, Deploy, History, make_history

from sandbox.kubernetes_api.control import KubernetesControl
from sandbox.processes import Servers
from sandbox.runner import ROOT, Runner
from sandbox.world import World


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """AWS that executes, a metadata service, GitHub."""
    with World(tmp_path_factory.mktemp("world")) as standing:
        yield standing


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A checkout with the example flows."""
    root = tmp_path / "checkout"
    shutil.copytree(ROOT / "examples" / "flows", root / "flows")
    return root


@pytest.fixture
def runner(world: World, tmp_path: Path) -> Runner:
    """A runner whose jobs deploy to the world."""
    return Runner(tmp_path / "runner", environment=world.environment, api_url=world.github.api_url)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubernetesControl]:
    """The Kubernetes API with Argo's objects, one for a file's tests; nothing runs there."""
    servers = Servers(tmp_path_factory.mktemp("kubernetes"))
    try:
        yield KubernetesControl(servers.start("sandbox.kubernetes_api", host="127.0.0.1"))
    finally:
        servers.stop()


@pytest.fixture
def cluster(server: KubernetesControl) -> Iterator[KubernetesControl]:
    """The same, answering as it should again afterwards."""
    yield server
    server.configure()


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    """A repository with a merged branch, an open pull request and a fork's, one for a file's tests."""
    return make_history(tmp_path_factory.mktemp("origin") / "history")


@pytest.fixture
def deploy(history: History, world: World, tmp_path: Path) -> Iterator[Deploy]:
    """The action on checkouts of that repository."""
    world.github.set_history(history.folder, repository=REPOSITORY)
    runner = Runner(
        tmp_path / "runner",
        environment=world.environment,
        api_url=world.github.api_url,
        repository=REPOSITORY,
    )
    yield Deploy(runner, history, tmp_path)
    assert runner.left_over() == []


@pytest.fixture
def pulls(world: World, request: pytest.FixtureRequest) -> Pulls:
    """Pull requests of the test's own."""
    return Pulls(world, 10 * (1 + sorted(item.name for item in request.session.items).index(request.node.name)))
