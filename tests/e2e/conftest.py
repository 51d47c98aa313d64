"""What the end-to-end tests run in: Docker, the sandbox's world, repositories, act."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from sandbox.aws.resources import DEPLOY_ROLE_ARN, REGION
from sandbox.docker.act import Act
from sandbox.docker.caller import Caller
from sandbox.docker.engine import Engine, ensure_engine
from sandbox.docker.images import ensure_images
from sandbox.docker.machine import UnavailableError
from sandbox.docker.repositories import Repository, action_repository
from sandbox.world import World

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CHECKOUT = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1"
FLOWS = "octo-org/flows"
TOKEN = "ghs_sandboxtoken000000000000000000000000"


FIRST = ("kubernetes/alone", "", "test_workflows.py", "kubernetes/test_pods.py", "kubernetes/test_rbac.py")
"""What runs one after another (`together`), by what takes longest; the rest comes after it."""
LAST_OF_ITS_OWN = "test_lifecycle.py"
"""It takes its cluster away at the end."""


class Together(LoadScopeScheduling):
    """pytest-xdist's scheduler, with other borders between what may run at the same time."""

    def _split_scope(self, nodeid: str) -> str:
        return together(nodeid)


def together(nodeid: str) -> str:
    """What runs one after another in one process: what needs a cluster for itself alone; each file on the cluster that
    others use too; a file that FIRST names; and all else."""
    _, _, path = nodeid.split("::", maxsplit=1)[0].rpartition("tests/e2e/")
    if path.startswith("kubernetes/alone/"):
        return "kubernetes/alone"
    return path if path.startswith("kubernetes/") or path in FIRST else ""


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Together:
    """pytest-xdist's own way to choose what runs where."""
    config.option.loadscopereorder = False  # not by how many tests there are, but in the order that they have here
    return Together(config, log)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where nothing may be skipped, a skip is a failure; on somebody else's cluster some tests can't be."""
    required = os.environ.get("E2E_REQUIRED") and not os.environ.get("KUBECONFIG")
    if required and not hasattr(session.config, "workerinput"):
        reporter = session.config.pluginmanager.get_plugin("terminalreporter")
        if reporter.stats.get("skipped") and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
            reporter.write_line("\nfailed: tests were skipped, and E2E_REQUIRED is set; mend what they lack", red=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest comes first, so that no process waits for another at the end."""

    def rank(item: pytest.Item) -> tuple[int, bool]:
        scope = together(item.nodeid)
        return FIRST.index(scope) if scope in FIRST else len(FIRST), item.path.name == LAST_OF_ITS_OWN

    items.sort(key=rank)


@pytest.fixture(scope="session")
def engine() -> Engine:
    """A Docker engine with the images. Without one these tests are skipped, unless E2E_REQUIRED is set."""
    try:
        found = ensure_engine()
        ensure_images(found)
    except UnavailableError as error:
        if os.environ.get("E2E_REQUIRED"):
            pytest.fail(str(error))
        pytest.skip(str(error))
    return found


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """AWS, the metadata service and GitHub, empty."""
    with World(tmp_path / "world") as made:
        yield made


@pytest.fixture(scope="session")
def repositories(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of all repositories: the action's own, and octo-org/flows."""
    folder = tmp_path_factory.mktemp("repositories")
    action_repository(folder)
    flows = [*(ROOT / "examples" / "flows").glob("*.py"), *(HERE / "flows").glob("*.py")]
    Repository(folder, FLOWS).commit({f"flows/{path.name}": path.read_text() for path in flows}, "Flows")
    return folder


@pytest.fixture
def act(engine: Engine, world: World, repositories: Path, tmp_path: Path) -> Act:
    """act, with the action's repository at v1 and the sandbox in every job's environment."""
    return Act(
        engine,
        tmp_path / "act",
        repositories=repositories,
        stand_ins={
            CHECKOUT: HERE / "actions" / "checkout",
            "OWNER/metaflow-deploy@v1": repositories / "OWNER" / "metaflow-deploy",
        },
        # act gives no job an OIDC token; GitHub gives one to each that has `id-token: write`
        environment={
            **world.environment,
            **world.github.id_token_variables,
            "GITHUB_API_URL": world.github.api_url,
        },
        # act does not know the job context's `workflow_sha`; this is what deploy.yml takes where a server doesn't.
        variables={
            "METAFLOW_DEPLOY_REF": "v1",
            "AWS_ROLE": DEPLOY_ROLE_ARN,
            "AWS_REGION": REGION,
        },
        secrets={"GITHUB_TOKEN": TOKEN},
    )


@pytest.fixture
def flows(repositories: Path) -> Repository:
    """octo-org/flows: the example flows, and those of the tests."""
    return Repository.existing(repositories, FLOWS)


@pytest.fixture
def caller(act: Act, flows: Repository, world: World) -> Caller:
    """octo-org/flows, whose workflow is run for an event."""
    return Caller(act, flows, world)
