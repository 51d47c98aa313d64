"""What the end-to-end tests run in: Docker, the sandbox's world, repositories, act."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox.docker.act import Act
from sandbox.docker.engine import Engine, ensure_engine
from sandbox.docker.images import ensure_images
from sandbox.docker.machine import UnavailableError
from sandbox.docker.repositories import Repository, action_repository
from sandbox.world import World

HERE = Path(__file__).resolve().parent
CHECKOUT = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1"
AWS_CREDENTIALS = "aws-actions/configure-aws-credentials@e6de054238d6b7531b4efff3b6587d9aade6a06c"
TOKEN = "ghs_sandboxtoken000000000000000000000000"


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


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """AWS, the metadata service and GitHub."""
    with World(tmp_path_factory.mktemp("world")) as made:
        yield made


@pytest.fixture(scope="session")
def repositories(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of all repositories, with the action's own in it."""
    folder = tmp_path_factory.mktemp("repositories")
    action_repository(folder)
    return folder


@pytest.fixture
def act(engine: Engine, world: World, repositories: Path, tmp_path: Path) -> Act:
    """act, with the action's repository at v1 and the sandbox in every job's environment."""
    own = repositories / "OWNER" / "metaflow-deploy"
    return Act(
        engine,
        tmp_path / "act",
        repositories=repositories,
        stand_ins={
            CHECKOUT: HERE / "actions" / "checkout",
            AWS_CREDENTIALS: HERE / "actions" / "configure-aws-credentials",
            "OWNER/metaflow-deploy@v1": own,
        },
        environment={**world.environment, "GITHUB_API_URL": "http://127.0.0.1:9"},
        variables={
            "METAFLOW_DEPLOY_REF": "v1",
            "AWS_ROLE": "arn:aws:iam::123456789012:role/deploy",
            "AWS_REGION": "us-east-1",
        },
        secrets={"GITHUB_TOKEN": TOKEN},
    )


@pytest.fixture
def caller(repositories: Path, request: pytest.FixtureRequest) -> Callable[[dict[str, str]], Repository]:
    """Makes the calling repository, with the example flows and the workflows that a test gives."""

    def make(workflows: dict[str, str]) -> Repository:
        name = "".join(letter if letter.isalnum() else "-" for letter in request.node.name.removeprefix("test_"))
        repository = Repository(repositories, f"octo-org/{name}")
        files = {
            f"flows/{path.name}": path.read_text() for path in (HERE.parent.parent / "examples/flows").glob("*.py")
        }
        files |= {f"flows/{path.name}": path.read_text() for path in (HERE / "flows").glob("*.py")}
        repository.commit(files | {f".github/workflows/{file}": text for file, text in workflows.items()}, "Flows")
        return repository

    return make
