"""docs/rbac.yaml: the Role does for all that the action does, and what is taken out of it is named by the error."""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from deployer.orchestrators.clients.kubernetes_rights import RIGHTS
from sandbox.job import ENDED, EVENTS, Job
from sandbox.kubernetes.accounts import RUNS_ACCOUNT, make_account, permissions, sensor_permissions
from sandbox.kubernetes.cluster import Cluster
from sandbox.runner import JobResult, Runner
from sandbox.world import World

FLOWS = Path(__file__).resolve().parent / "flows"
STANDING = {"standing": "tiny", "scheduled": "nightly", "sensed": "arrival", "doomed": "nightly"}
"""What is deployed before a right is taken away: the deployment's name, and its flow."""
SOON = {"wait": "completed", "wait_timeout": "2s", "poll_interval": "500ms", "on_timeout": "terminate"}
"""Inputs by which a run is terminated."""


def deploys(flow: str, name: str) -> Callable[[Job], JobResult]:
    """A job that deploys a flow under a name."""
    return lambda job: job(flow, deployment_name=name)


def operates(operation: str, name: str = "", **inputs: str) -> Callable[[Job], JobResult]:
    """A job that does something with what stands."""
    return lambda job: job(operation=operation, deployment_id=name, **inputs)


# What meets the lack of each right first; all of it works with the Role as it is, but for what would delete.
MEETS: dict[tuple[str, str], Callable[[Job], JobResult]] = {
    ("workflowtemplates", "get"): deploys("tiny", "new"),
    ("workflowtemplates", "create"): deploys("tiny", "new"),
    ("workflowtemplates", "update"): deploys("tiny", "standing"),
    ("workflowtemplates", "delete"): operates("delete", "doomed"),
    ("workflowtemplates", "list"): operates("list"),
    ("cronworkflows", "get"): deploys("tiny", "standing"),
    ("cronworkflows", "create"): deploys("nightly", "standing"),
    ("cronworkflows", "update"): deploys("nightly", "scheduled"),
    ("cronworkflows", "delete"): operates("delete", "doomed"),
    ("cronworkflows", "list"): operates("list"),
    ("sensors", "get"): deploys("arrival", "standing"),
    ("sensors", "create"): deploys("arrival", "standing"),
    ("sensors", "update"): deploys("arrival", "sensed"),
    ("sensors", "delete"): deploys("tiny", "standing"),
    ("workflows", "create"): operates("trigger", "standing", wait="none"),
    ("workflows", "get"): operates("trigger", "standing", **SOON),
    ("workflows", "list"): operates("list"),
    ("workflows", "patch"): operates("trigger", "standing", **SOON),
}
# The same in a namespace of Sensors.
MEETS_APART: dict[tuple[str, str], Callable[[Job], JobResult]] = {
    ("sensors", "get"): deploys("arrival", "sensed"),
    ("sensors", "create"): deploys("arrival", "new"),
    ("sensors", "update"): deploys("arrival", "sensed"),
    ("sensors", "delete"): operates("delete", "sensed"),
}
# Rights without which less is known, and that is said.
DISPENSABLE = {("sensors", "list"), ("pods", "list")}


@dataclass(frozen=True)
class Place:
    """A namespace in which flows stand, and how to run jobs there with an account that lacks a right."""

    cluster: Cluster
    namespace: str
    runner: Runner
    workspace: Path
    sensor_namespace: str | None = None
    """Where Sensors have one of their own."""

    def job(self, without: tuple[str, str] | None = None) -> Job:
        """Jobs as the account of docs/rbac.yaml, less a right."""
        account = make_account(
            self.cluster.api(), self.namespace, sensor_namespace=self.sensor_namespace, without=without
        )
        return Job(self.runner, self.workspace, kubeconfig=account.kubeconfig)


@contextmanager
def made(
    cluster: Cluster, world: World, folder: Path, flows: Mapping[str, str], *, sensors_apart: bool = False
) -> Iterator[Place]:
    """A place where flows stand, each under its name; nothing of it is left afterwards."""
    namespace = f"flows-{uuid.uuid4().hex[:8]}"
    namespaces = [namespace, f"{namespace}-events"] if sensors_apart else [namespace]
    shutil.copytree(FLOWS, folder / "checkout" / "flows")
    environment = {**cluster.environment(world, namespace), **EVENTS}
    del environment["KUBECONFIG"]
    if sensors_apart:
        environment["METAFLOW_ARGO_EVENTS_SENSOR_NAMESPACE"] = namespaces[-1]
    runner = Runner(folder / "runner", environment=environment, api_url=world.github.api_url)
    place = Place(cluster, namespace, runner, folder / "checkout", namespaces[-1] if sensors_apart else None)
    try:
        for one in namespaces:
            cluster.namespace(one)
        for name, flow in flows.items():
            result = place.job()(flow, deployment_name=name)
            assert result.exit_code == 0, result.log
        yield place
    finally:
        for one in namespaces:
            cluster.remove_namespace(one)


@pytest.fixture(scope="module")
def place(cluster: Cluster, shared_world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """One for all tests of docs/rbac.yaml, with all of STANDING."""
    with made(cluster, shared_world, tmp_path_factory.mktemp("rbac"), STANDING) as one:
        yield one


@pytest.fixture(scope="module")
def apart(cluster: Cluster, shared_world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """One for all tests of docs/rbac-sensors.yaml: a flow stands there, and its Sensor in a namespace of Sensors."""
    folder = tmp_path_factory.mktemp("rbac-sensors")
    with made(cluster, shared_world, folder, {"sensed": "arrival"}, sensors_apart=True) as one:
        yield one


def summary(result: JobResult) -> str:
    """The summary as people read it."""
    return result.summary.replace("\\", "").replace("\u200b", "")


def told(result: JobResult) -> str:
    """All that people read, as they read it."""
    return result.log.replace("\\", "") + summary(result)


def test_the_role_holds_what_the_action_does_and_each_right_of_it_has_its_test() -> None:
    role = set(permissions())
    assert role == {(right.resource, verb) for right in RIGHTS for verb in right.verbs}
    assert role == set(MEETS) | DISPENSABLE
    assert set(sensor_permissions()) == set(MEETS_APART) | {("sensors", "list")}


def test_the_role_does_for_a_run_to_its_end(place: Place) -> None:
    # deploying, schedules and Sensors were the fixture's; the runs' pods have the other account of docs/rbac.yaml
    place.runner.environment["METAFLOW_KUBERNETES_SERVICE_ACCOUNT"] = RUNS_ACCOUNT
    job = place.job()
    result = job("tiny", deployment_name="standing", **ENDED)
    assert result.outputs["run-status"] == "succeeded", result.log
    for operation in ("status", "list", "cleanup"):
        name = "standing" if operation == "status" else ""
        result = job(operation=operation, deployment_id=name)
        assert result.exit_code == 0, result.log
        assert "lacks the verb" not in told(result)


def test_the_role_does_for_ending_and_deleting(place: Place) -> None:
    job = place.job()
    assert job("nightly", deployment_name="ended").exit_code == 0
    result = job(operation="trigger", deployment_id="ended", **SOON)
    assert "terminated after 2s" in told(result), result.log
    result = job(operation="delete", deployment_id="ended")
    assert result.exit_code == 0, result.log
    assert f"CronWorkflow ended in {place.namespace}: removed" in told(result)


def test_the_role_does_for_a_run_that_is_held_and_let_go(place: Place) -> None:
    job = place.job()
    run_id = job("greedy", deployment_name="held", trigger="true", wait="none").outputs["run-id"]
    for operation, done in (("suspend", "suspended"), ("unsuspend", "resumed"), ("terminate", "terminated")):
        result = job(operation=operation, deployment_id="held", run_id=run_id)
        assert result.exit_code == 0, result.log
        assert f"Workflow {run_id.removeprefix('argo-')} in {place.namespace}: {done}" in told(result)


def test_the_role_does_for_a_production_token_and_for_cleaning_up(place: Place) -> None:
    job = place.job()
    assert job("nightly", deployment_name="left.over").exit_code == 0
    result = job(operation="production-token", deployment_id="left.over")
    assert result.exit_code == 0, result.log
    assert result.outputs["production-token"]
    result = job(operation="cleanup", older_than="1ms", include="left.*", dry_run="false")
    assert result.exit_code == 0, result.log
    fates = {one["deployment_id"]: one["fate"] for one in result.deployments}
    assert fates["left.over"] == "deleted", result.log
    assert "lacks the verb" not in told(result)


@pytest.mark.parametrize(("resource", "verb"), MEETS, ids=str)
def test_a_missing_right_is_named(resource: str, verb: str, place: Place) -> None:
    result = MEETS[resource, verb](place.job(without=(resource, verb)))
    account = f"system:serviceaccount:{place.namespace}:metaflow-deploy"
    expected = (
        f"{account} lacks the verb `{verb}` on `{resource}` of the API group `argoproj.io` in the namespace "
        f"`{place.namespace}`"
    )
    assert expected in told(result), result.log
    assert "docs/rbac.yaml" in told(result)
    assert result.exit_code == 1
    if verb != "patch":  # the run that could not be terminated is still told by its limit
        assert result.outputs["failure-reason"] == "permission"


@pytest.mark.parametrize(("resource", "verb"), MEETS_APART, ids=str)
def test_a_missing_right_in_the_namespace_of_sensors_is_named(resource: str, verb: str, apart: Place) -> None:
    result = MEETS_APART[resource, verb](apart.job(without=(resource, verb)))
    expected = (
        f"system:serviceaccount:{apart.namespace}:metaflow-deploy lacks the verb `{verb}` on `{resource}` of the API "
        f"group `argoproj.io` in the namespace `{apart.sensor_namespace}`"
    )
    assert expected in told(result), result.log
    assert (result.exit_code, result.outputs["failure-reason"]) == (1, "permission")


# Without `create` the run fails; without `patch` Argo may wait for minutes for a word that cannot come, or fail it.
@pytest.mark.parametrize(
    ("verb", "reasons", "limit"), [("create", {"run-failed"}, "5m"), ("patch", {"run-timeout", "run-failed"}, "60s")]
)
def test_a_right_that_the_runs_own_account_lacks_is_named(
    verb: str, reasons: set[str], limit: str, place: Place
) -> None:
    place.runner.environment["METAFLOW_KUBERNETES_SERVICE_ACCOUNT"] = RUNS_ACCOUNT
    limits = {**ENDED, "wait_timeout": limit, "on_timeout": "terminate"}
    result = place.job(without=("workflowtaskresults", verb))("tiny", deployment_name="standing", **limits)
    assert result.outputs["failure-reason"] in reasons, result.log
    expected = (
        f"system:serviceaccount:{place.namespace}:{RUNS_ACCOUNT} lacks the verb `{verb}` on `workflowtaskresults` of "
        f"the API group `argoproj.io` in the namespace `{place.namespace}`"
    )
    assert expected in told(result), result.log


def test_without_the_right_to_see_pods_the_controllers_words_are_told_and_the_right(place: Place) -> None:
    lacks = (
        f"system:serviceaccount:{place.namespace}:metaflow-deploy lacks the verb `list` on `pods` in the namespace "
        f"`{place.namespace}`. docs/rbac.yaml has the Role for it"
    )
    job = place.job(without=("pods", "list"))
    result = job("greedy", **{**ENDED, "wait_timeout": "10s", "on_timeout": "terminate"})
    assert result.outputs["failure-reason"] == "start-timeout", result.log
    assert re.search(r"step start: pod unschedulable: 0/\d+ nodes are available", told(result))
    assert lacks in summary(result)
    progress = [line for line in result.log.splitlines() if lacks in line and not line.startswith("::")]
    assert len(progress) == 1, "it is told once while the run waits"

    result = job("hungry", **{**ENDED, "wait_timeout": "4m"})
    assert result.outputs["failure-reason"] == "run-failed", result.log
    assert "out of memory" in result.summary
    assert lacks in summary(result)


@pytest.mark.parametrize("where", ["place", "apart"])
def test_without_the_right_to_list_sensors_it_is_said_that_none_was_looked_for(
    where: str, request: pytest.FixtureRequest
) -> None:
    chosen: Place = request.getfixturevalue(where)
    result = chosen.job(without=("sensors", "list"))(operation="cleanup")
    assert result.exit_code == 0, result.log
    namespace = chosen.sensor_namespace or chosen.namespace
    assert f"lacks the verb `list` on `sensors` of the API group `argoproj.io` in the namespace `{namespace}`" in told(
        result
    )
