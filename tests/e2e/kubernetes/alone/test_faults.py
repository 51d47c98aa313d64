"""What goes wrong around a deployment and a run on a real cluster, and how it is told. Nothing is left behind by it."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from sandbox.job import ENDED, Job
from sandbox.kubernetes.admission import on_admission
from sandbox.kubernetes.api import path_of
from sandbox.kubernetes.cluster import Cluster
from sandbox.runner import JobResult, Runner
from sandbox.world import World

ARGO = "argoproj.io/v1alpha1"
ETCD_AWAY = 20.0
"""Seconds that etcd is stopped for."""


class Switch:
    """Stops components of the cluster when lines of a job's log say that the moment has come, and starts them again."""

    def __init__(self, cluster: Cluster, component: str, *, off: str, on: str) -> None:
        """Args:
        component: what is stopped.
        off: the text of the line at which it is stopped.
        on: the text of the line at which it is started again.
        """
        self._cluster, self._component = cluster, component
        self._off, self._on = off, on
        self.state = "running"

    def __call__(self, line: str) -> None:
        """Take a line; the job waits meanwhile for its output to be read."""
        if self.state == "running" and self._off in line:
            self._cluster.stop(self._component)
            self.state = "stopped"
        elif self.state == "stopped" and self._on in line:
            self.restore()

    def restore(self) -> None:
        """Start it, if it is stopped."""
        if self.state == "stopped":
            self._cluster.start(self._component)
            self.state = "restored"
            self._cluster.wait_ready(after=self._component)


@pytest.fixture
def switch(own_cluster: Cluster) -> Iterator[Callable[..., Switch]]:
    """Make a Switch; whatever it stopped is started again at the end of the test."""
    made: list[Switch] = []

    def make(component: str, *, off: str, on: str) -> Switch:
        made.append(Switch(own_cluster, component, off=off, on=on))
        return made[-1]

    yield make
    for one in made:
        one.restore()


@pytest.fixture(autouse=True)
def nothing_is_left(job: Job) -> Iterator[None]:
    """No process outlives its job."""
    yield
    assert job.runner.left_over() == []


def template(cluster: Cluster, name: str, namespace: str) -> object:
    """A WorkflowTemplate as the API server has it."""
    return cluster.api().get(path_of("WorkflowTemplate", name, namespace=namespace, api=ARGO))


@pytest.fixture
def gone_at(own_cluster: Cluster, namespace: str, tmp_path: Path) -> Callable[..., AbstractContextManager[list[str]]]:
    """Make a block in which the API server goes away when it is about to store a WorkflowTemplate."""

    @contextmanager
    def block(operation: str, *, back: bool) -> Iterator[list[str]]:
        """Args:
        operation: CREATE or UPDATE.
        back: whether it is started again at once; else it is at the end of the block.
        """
        happened: list[str] = []

        def call() -> None:
            own_cluster.stop("kube-apiserver")
            happened.append(operation)
            if back:
                own_cluster.start("kube-apiserver")

        api, folder = own_cluster.api(), tmp_path / "webhook"
        with on_admission(api, own_cluster.address, folder, operation=operation, namespace=namespace, call=call):
            try:
                yield happened
            finally:
                if happened and not back:
                    own_cluster.start("kube-apiserver")
                if happened:
                    own_cluster.wait_ready(after="kube-apiserver")

    return block


def test_an_api_server_that_is_away_while_the_flow_is_checked_is_told(
    job: Job, own_cluster: Cluster, namespace: str, switch: Callable[..., Switch]
) -> None:
    away = switch("kube-apiserver", off="Deploying TinyFlow to Argo Workflows", on="Max retries exceeded")
    result = job("tiny", tell=away)
    away.restore()
    assert (result.exit_code, result.outputs["failure-reason"]) == (1, "orchestrator-unreachable"), result.log
    assert template(own_cluster, "tinyflow", namespace) is None


def test_an_api_server_that_goes_away_at_create_leaves_nothing(
    job: Job, own_cluster: Cluster, namespace: str, gone_at: Callable[..., AbstractContextManager[list[str]]]
) -> None:
    with gone_at("CREATE", back=True) as happened:
        result = job("tiny")
    assert happened, result.log
    assert result.outputs["failure-reason"] == "orchestrator-unreachable", result.log
    assert template(own_cluster, "tinyflow", namespace) is None
    assert job("tiny").exit_code == 0, "deploying is repeatable"


def test_an_api_server_that_stays_away_leaves_nothing_but_a_doubt_that_is_told(
    job: Job, own_cluster: Cluster, namespace: str, gone_at: Callable[..., AbstractContextManager[list[str]]]
) -> None:
    assert job("tiny").exit_code == 0
    with gone_at("UPDATE", back=False) as happened:
        result = job("tiny")
        assert job.runner.left_over() == []
    assert happened, result.log
    assert (result.exit_code, result.outputs["failure-reason"]) == (1, "orchestrator-unreachable"), result.log
    doubt = "What is deployed as `tinyflow` now could not be read; it may be a part of this deployment."
    assert doubt in result.log
    assert doubt in result.summary.replace("\\", "")
    assert_deployed_whole(own_cluster, "tinyflow", namespace)


def test_an_api_server_that_goes_away_before_the_read_back_is_waited_for(
    job: Job, namespace: str, own_cluster: Cluster, gone_at: Callable[..., AbstractContextManager[list[str]]]
) -> None:
    # what is created is updated once, when it is given where it came from
    with gone_at("UPDATE", back=True) as happened:
        result = job("tiny")
    assert happened, result.log
    assert result.exit_code == 0, result.log
    assert "cannot be read back yet" in result.log
    assert result.log.count("tinyflow is deployed on argo-workflows") == 1, "it is deployed once"
    found = template(own_cluster, "tinyflow", namespace)
    assert isinstance(found, dict)
    assert "metaflow-deploy/provenance" in found["metadata"]["annotations"]


def test_a_wait_outlasts_the_api_server_and_etcd(job: Job, own_cluster: Cluster, switch: Callable[..., Switch]) -> None:
    away = switch("kube-apiserver", off=": running", on="cannot be seen at the moment")
    etcd = threading.Timer(ETCD_AWAY, lambda: own_cluster.start("etcd"))
    stopped: list[str] = []

    def tell(line: str) -> None:
        away(line)
        if "the run can be seen again" in line and not stopped:
            own_cluster.stop("etcd")
            stopped.append("etcd")
            etcd.start()

    try:
        result = job("tiny", tell=tell, **ENDED)
        etcd_was_back = not etcd.is_alive()
    finally:
        if stopped:
            etcd.join()
            own_cluster.wait_ready(after="etcd")
    assert stopped, result.log
    assert "cannot be seen at the moment" in result.log
    # a look at the run may hang until etcd is back: then there is nothing to tell
    assert etcd_was_back, "the run ended after it"
    assert result.outputs["run-status"] == "succeeded", result.log


def test_a_run_that_no_controller_takes_never_leaves_pending(job: Job, switch: Callable[..., Switch]) -> None:
    # it is there when the job begins, and gone before the Workflow is made: nothing else tells what this is about
    away = switch("workflow-controller", off="Deploying TinyFlow to Argo Workflows", on="no line of a log")
    result = job("tiny", tell=away, trigger="true", wait="completed", wait_timeout="5s", poll_interval="500ms")
    assert away.state == "stopped", result.log
    assert result.outputs["failure-reason"] == "start-timeout", result.log
    assert "The workflow never left Pending: no workflow-controller has taken it." in result.summary
    assert "left pending after 5s" in result.summary


# The reason, and what the summary says of it. A cluster has one node or many, and says of each what it lacks.
REASONS = {
    "greedy": ("start-timeout", r"Step start: pod unschedulable: 0/\d+ nodes are available: .*\d+ Insufficient memory"),
    "imageless": ("start-timeout", "Step start: image 127.0.0.1:9/nobody/nothing:1 cannot be pulled"),
    "secretless": ("start-timeout", r'CreateContainerConfigError\): secret "no-such-secret" not found'),
    "hungry": (
        "run-failed",
        r"out of memory: the container used more than its limit of 150M \(OOMKilled, exit code 137\)`\*\* .+ `start`",
    ),
}


def test_each_pods_own_reason_is_told(
    job: Job, cluster: Cluster, shared_world: World, namespace: str, tmp_path: Path
) -> None:
    environment = cluster.environment(shared_world, namespace)
    runners = {
        flow: Runner(tmp_path / flow, environment=environment, api_url=shared_world.github.api_url) for flow in REASONS
    }

    def run(flow: str) -> JobResult:
        limit = "4m" if flow == "hungry" else "45s"
        return Job(runners[flow], job.workspace)(flow, **{**ENDED, "wait_timeout": limit, "on_timeout": "terminate"})

    with ThreadPoolExecutor() as pool:
        results = dict(zip(REASONS, pool.map(run, REASONS), strict=True))
    for flow, (reason, words) in REASONS.items():
        result = results[flow]
        assert result.outputs["failure-reason"] == reason, result.log
        shown = result.summary.replace("\\", "").replace("\u200b", "")
        assert re.search(words, shown), shown
        lines = [line for line in result.log.splitlines() if "step start:" in line and not line.startswith("::")]
        assert lines or flow == "hungry", "it is told while the run waits"
        assert runners[flow].left_over() == []
        assert_deployed_whole(cluster, f"{flow}flow", namespace)
        assert_ends(cluster, result, namespace)


def assert_deployed_whole(cluster: Cluster, name: str, namespace: str) -> None:
    """What happens to a run takes nothing from its deployment: all steps, and where it came from."""
    found = template(cluster, name, namespace)
    assert isinstance(found, dict)
    assert {"start", "end"} <= {one["name"] for one in found["spec"]["templates"]}
    assert "metaflow-deploy/provenance" in found["metadata"]["annotations"]


def assert_ends(cluster: Cluster, result: JobResult, namespace: str) -> None:
    """The job's run is over, or its controller has been told to end it."""
    name = result.outputs["run-pathspec"].partition("/argo-")[2]
    workflow = cluster.api().get(path_of("Workflow", name, namespace=namespace, api=ARGO))
    assert workflow is not None
    over = workflow["status"]["phase"] in ("Failed", "Error")
    assert over or workflow["spec"].get("shutdown") == "Terminate", workflow["status"]
