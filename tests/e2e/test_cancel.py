"""A job that is cancelled, with the mounts and the signals of GitHub's own runner; act can't play these."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox.docker.container_job import SIGTERM_AFTER, ContainerJob, build_image
from sandbox.docker.engine import Engine
from sandbox.docker.repositories import Repository
from sandbox.runner import push
from sandbox.world import World

Start = Callable[..., ContainerJob]
PULL_REQUEST = 7


@pytest.fixture(scope="module")
def image(engine: Engine, repositories: Path) -> None:
    """The image, built from the action's repository."""
    build_image(engine, repositories / "OWNER" / "metaflow-deploy")


@pytest.fixture
def start(image: None, engine: Engine, world: World, flows: Repository, tmp_path: Path) -> Iterator[Start]:
    """Starts the action's container on a checkout of the flows."""
    jobs: list[ContainerJob] = []
    sha = flows.commit({}, "Merge")
    world.github.add_pull_request(number=PULL_REQUEST, title="Train", merge_commit_sha=sha)
    workspace = tmp_path / "workspace"
    shutil.copytree(flows.folder, workspace)

    def make(**inputs: str) -> ContainerJob:
        given = {name.replace("_", "-"): value for name, value in inputs.items()}
        job = ContainerJob(
            engine,
            tmp_path / f"job-{len(jobs)}",
            workspace=workspace,
            inputs={"orchestrator": "step-functions", "github-token": "ghs_sandboxtoken", **given},
            environment={**world.environment, "GITHUB_API_URL": world.github.api_url},
            event="push",
            payload=push(before="0" * 40, after=sha),
            sha=sha,
        )
        jobs.append(job)
        return job

    yield make
    for job in jobs:
        job.remove()


def test_a_deployment_leaves_nothing_behind_that_the_runner_cannot_remove(start: Start) -> None:
    ended = start(flow="flows/hello.py").finish()
    assert ended.exit_code == 0, ended.log
    assert ended.outputs["status"] == "success"
    assert ended.outputs["deployment-id"] == "HelloFlow"
    assert ended.left == ()


def test_cancelling_a_wait_ends_in_time_as_cancelled(start: Start, world: World) -> None:
    job = start(flow="flows/slow.py", trigger="true", wait="completed", poll_interval="500ms")
    job.wait_for("running, in step start")
    ended = job.cancel()
    assert ended.outputs["status"] == "cancelled", ended.log
    assert ended.outputs["failure-reason"] == "cancelled"
    assert ended.outputs["deployment-id"] == "SlowFlow"
    assert ended.outputs["run-id"].startswith("sfn-")
    assert ended.exit_code != 0
    assert not ended.killed
    assert ended.seconds < SIGTERM_AFTER
    assert not job.running()
    assert ended.left == ()
    (comment,) = world.github.comments(PULL_REQUEST)
    assert ended.outputs["run-id"] in comment["body"]
    assert "cancelled" in comment["body"]


def test_cancelling_ends_in_time_though_github_does_not_answer(start: Start, world: World) -> None:
    job = start(flow="flows/slow.py", trigger="true", wait="completed", poll_interval="500ms")
    job.wait_for("running, in step start")
    world.github.fail_next("*", ".*", hang=60, times=100)
    ended = job.cancel()
    assert ended.outputs["status"] == "cancelled", ended.log
    assert not ended.killed
    assert ended.seconds < SIGTERM_AFTER
    assert not job.running()


def test_cancelling_a_deployment_that_hangs_ends_in_time_as_cancelled(start: Start) -> None:
    job = start(flow="flows/stuck.py")
    job.wait_for("importing for ever")
    ended = job.cancel()
    assert ended.outputs["status"] == "cancelled", ended.log
    assert ended.exit_code != 0
    assert not ended.killed
    assert ended.seconds < SIGTERM_AFTER
    assert not job.running()
    assert ended.left == ()
