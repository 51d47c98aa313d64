"""docs/rbac.yaml: the Role does for all that the action does, and what is taken out of it is named by the error."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from deployer.orchestrators.kubernetes_rights import RIGHTS
from sandbox.job import ENDED, EVENTS, Job
from sandbox.kubernetes.accounts import RUNS_ACCOUNT, make_account, permissions
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
# Rights without which less is known, and that is said.
DISPENSABLE = {("sensors", "list"), ("pods", "list")}


@dataclass(frozen=True)
class Place:
    """A namespace in which all of STANDING stands, and how to run jobs there with an account that lacks a right."""

    cluster: Cluster
    namespace: str
    runner: Runner
    workspace: Path

    def job(self, without: tuple[str, str] | None = None) -> Job:
        """Jobs as the account of docs/rbac.yaml, less a right."""
        account = make_account(self.cluster.api(), self.namespace, without=without)
        return Job(self.runner, self.workspace, kubeconfig=account.kubeconfig)


@pytest.fixture(scope="module")
def place(cluster: Cluster, shared_world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """One for all tests of this file."""
    folder = tmp_path_factory.mktemp("rbac")
    shutil.copytree(FLOWS, folder / "checkout" / "flows")
    namespace = f"flows-{folder.name}"
    cluster.namespace(namespace)
    environment = {**cluster.environment(shared_world, namespace), **EVENTS}
    del environment["KUBECONFIG"]
    runner = Runner(folder / "runner", environment=environment, api_url=shared_world.github.api_url)
    made = Place(cluster, namespace, runner, folder / "checkout")
    for name, flow in STANDING.items():
        result = made.job()(flow, deployment_name=name)
        assert result.exit_code == 0, result.log
    yield made
    cluster.remove_namespace(namespace)


def told(result: JobResult) -> str:
    """All that people read, as they read it."""
    return (result.log + result.summary).replace("\\", "")


def test_the_role_holds_what_the_action_does_and_each_right_of_it_has_its_test() -> None:
    role = set(permissions())
    assert role == {(right.resource, verb) for right in RIGHTS for verb in right.verbs}
    assert role == set(MEETS) | DISPENSABLE


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
    assert lacks in result.summary.replace("\\", "")
    progress = [line for line in result.log.splitlines() if lacks in line and not line.startswith("::")]
    assert len(progress) == 1, "it is told once while the run waits"

    result = job("hungry", **{**ENDED, "wait_timeout": "4m"})
    assert result.outputs["failure-reason"] == "run-failed", result.log
    assert "out of memory" in result.summary
    assert lacks in result.summary.replace("\\", "")


def test_without_the_right_to_list_sensors_it_is_said_that_none_was_looked_for(place: Place) -> None:
    result = place.job(without=("sensors", "list"))(operation="cleanup")
    assert result.exit_code == 0, result.log
    assert "lacks the verb `list` on `sensors`" in told(result)
