"""What is deployed to a real API server: redeployments, schedules and triggers, names, namespaces, half-made ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sandbox.job import ENDED, EVENTS, Job
from sandbox.kubernetes.accounts import make_account
from sandbox.kubernetes.api import path_of
from sandbox.kubernetes.cluster import Cluster
from sandbox.runner import Runner
from sandbox.world import World

ARGO = "argoproj.io/v1alpha1"
EACH_CRDS = pytest.mark.parametrize("crds", ["minimal", "full", "v4"], indirect=True)
SCHEDULE = "30 4 29 2 ?"


def find(cluster: Cluster, kind: str, name: str, namespace: str) -> dict[str, Any] | None:
    """An object as the API server has it."""
    return cluster.api().get(path_of(kind, name, namespace=namespace, api=ARGO))


def content(one: dict[str, Any] | None) -> Any:
    """What of an object is somebody's doing and not the server's."""
    return one and (one["spec"], one["metadata"].get("annotations"), one["metadata"].get("labels"))


def test_a_redeployment_replaces_and_tells_what_it_replaced(job: Job, cluster: Cluster, namespace: str) -> None:
    (first,) = job("tiny").deployments
    before = find(cluster, "WorkflowTemplate", "tinyflow", namespace)
    result = job("tiny")
    (second,) = result.deployments
    after = find(cluster, "WorkflowTemplate", "tinyflow", namespace)
    assert (first["status"], second["status"]) == ("success", "success"), result.log
    assert before is not None
    assert after is not None
    assert before["metadata"]["uid"] == after["metadata"]["uid"], "it was replaced, not deleted and made again"
    assert content(before) != content(after)
    assert "Replaced" in result.summary


@EACH_CRDS
def test_a_schedule_stands_whatever_the_crds_and_goes_with_its_decorator(
    crds: str, job: Job, cluster: Cluster, namespace: str
) -> None:
    (one,) = job("nightly").deployments
    assert (one["schedule"], one["timezone"]) == (SCHEDULE, "Europe/Berlin")
    cron = find(cluster, "CronWorkflow", "nightlyflow", namespace)
    assert cron is not None
    spelled = {"minimal": {"schedule": SCHEDULE}, "full": {"schedules": [SCHEDULE]}, "v4": {"schedules": [SCHEDULE]}}
    assert {key: cron["spec"][key] for key in ("schedule", "schedules") if key in cron["spec"]} == spelled[crds]
    assert not (cron.get("status") or {}).get("conditions"), "the controller of Argo 3.7 takes either"

    file = job.workspace / "flows" / "nightly.py"
    lines = [line for line in file.read_text().splitlines(keepends=True) if not line.startswith("@schedule")]
    file.write_text("".join(lines))
    (one,) = job("nightly").deployments
    assert (one["status"], one["schedule"]) == ("success", None)
    cron = find(cluster, "CronWorkflow", "nightlyflow", namespace)
    assert cron is not None
    assert cron["spec"]["suspend"] is True


@pytest.mark.parametrize(("flow", "words"), [("arrival", "on event data_arrived"), ("after", "when TinyFlow finishes")])
def test_triggers_are_read_back_from_their_sensor(
    flow: str, words: str, job: Job, cluster: Cluster, namespace: str
) -> None:
    job.runner.environment.update(EVENTS)
    result = job(flow)
    (one,) = result.deployments
    assert one["triggers"] == [words], result.log
    assert words in result.summary.replace("\\", "")
    sensor = find(cluster, "Sensor", f"{flow}flow", namespace)
    assert sensor is not None
    assert sensor["spec"]["triggers"][0]["template"]["name"] == f"{flow}flow"


def test_a_sensor_has_a_namespace_of_its_own_where_that_is_set(job: Job, cluster: Cluster, namespace: str) -> None:
    events = f"{namespace}-events"
    cluster.namespace(events)
    try:
        job.runner.environment.update(EVENTS)
        assert job("arrival").deployments[0]["triggers"] == ["on event data_arrived"]
        assert find(cluster, "Sensor", "arrivalflow", namespace) is not None
        job.runner.environment["METAFLOW_ARGO_EVENTS_SENSOR_NAMESPACE"] = events
        (one,) = job("arrival").deployments
        assert (one["namespace"], one["triggers"]) == (namespace, ["on event data_arrived"])
        assert find(cluster, "Sensor", "arrivalflow", events) is not None
        assert find(cluster, "Sensor", "arrivalflow", namespace) is None, "one Sensor alone starts the flow"
    finally:
        cluster.remove_namespace(events)


def test_the_role_in_the_sensors_own_namespace_takes_the_place_of_the_flows(
    job: Job, cluster: Cluster, namespace: str
) -> None:
    events = f"{namespace}-events"
    cluster.namespace(events)
    job.runner.environment.update({**EVENTS, "METAFLOW_ARGO_EVENTS_SENSOR_NAMESPACE": events})
    try:
        account = make_account(cluster.api(), namespace, sensor_namespace=events, seconds=3600)
        job = Job(job.runner, job.workspace, kubeconfig=account.kubeconfig)
        for flow in ("arrival", "arrival", "tiny", "tiny"):  # made, replaced; without a trigger, and replaced
            result = job(flow, deployment_name="sensed")
            assert result.exit_code == 0, result.log
            assert "lacks the verb" not in result.log
            there = find(cluster, "Sensor", "sensed", events)
            assert (there is not None) == (flow == "arrival")
        assert job("arrival", deployment_name="sensed").exit_code == 0
        doctor = job(operation="doctor")
        assert doctor.exit_code == 0, doctor.log
        assert "lacks" not in doctor.log
        assert f"get, create, update, list, delete in `{events}`" in doctor.log
        result = job(operation="delete", deployment_id="sensed")
        assert result.exit_code == 0, result.log
        assert find(cluster, "Sensor", "sensed", events) is None

        less = make_account(cluster.api(), namespace, sensor_namespace=events, without=("sensors", "get"))
        lacking = job(operation="doctor", kubeconfig=less.kubeconfig)
        assert f"The job lacks `get` on `sensors.argoproj.io` in `{events}`" in lacking.log
    finally:
        cluster.remove_namespace(events)


def test_two_namespaces_know_nothing_of_each_other(
    job: Job, cluster: Cluster, shared_world: World, namespace: str, tmp_path: Path
) -> None:
    other = f"{namespace}-other"
    cluster.namespace(other)
    try:
        runner = Runner(
            tmp_path / "other",
            environment=cluster.environment(shared_world, other),
            api_url=shared_world.github.api_url,
        )
        there = Job(runner, job.workspace)
        assert job("tiny").exit_code == 0
        result = there("tiny")
        assert result.exit_code == 0, result.log
        assert "Replaced" not in result.summary, "nothing stood there before"
        assert result.deployments[0]["namespace"] == other
        stands = find(cluster, "WorkflowTemplate", "tinyflow", other)
        assert job(operation="delete", deployment_id="tinyflow").exit_code == 0
        assert find(cluster, "WorkflowTemplate", "tinyflow", namespace) is None
        assert content(find(cluster, "WorkflowTemplate", "tinyflow", other)) == content(stands)
        result = there(operation="trigger", deployment_id="tinyflow", wait="started", wait_timeout="3m")
        assert result.exit_code == 0, result.log
        name = result.outputs["run-pathspec"].partition("/argo-")[2]
        assert find(cluster, "Workflow", name, other) is not None
    finally:
        cluster.remove_namespace(other)


def test_a_trigger_without_argo_events_names_the_variables(job: Job) -> None:
    result = job("arrival")
    assert result.outputs["failure-reason"] == "input", result.log
    for variable in ("EVENT", "EVENT_SOURCE", "SERVICE_ACCOUNT"):
        assert f"METAFLOW_ARGO_EVENTS_{variable}" in result.summary.replace("\\", "")


def test_the_longest_name_runs_and_a_longer_one_is_refused_before_anything_is_written(
    job: Job, cluster: Cluster, namespace: str
) -> None:
    name = "a" + "b" * 43 + "c"
    result = job("tiny", deployment_name=name, **ENDED)
    assert result.outputs["run-status"] == "succeeded", result.log
    assert result.outputs["deployment-id"] == name
    result = job("tiny", deployment_name=f"{name}d")
    assert result.outputs["failure-reason"] == "input", result.log
    assert "45 characters" in result.summary
    assert find(cluster, "WorkflowTemplate", f"{name}d", namespace) is None


def test_a_projects_name_is_shortened_as_metaflow_does_it(job: Job, cluster: Cluster, namespace: str) -> None:
    names = set()
    for branch in ("a_branch_of_somebody_with_a_name_of_its_own_1", "a_branch_of_somebody_with_a_name_of_its_own_2"):
        (one,) = job("branches", project_branch=branch).deployments
        name = one["deployment_id"]
        assert (one["status"], one["project_branch"]) == ("success", f"test.{branch}")
        assert len(name) <= 45
        assert find(cluster, "WorkflowTemplate", name, namespace) is not None
        assert find(cluster, "CronWorkflow", name, namespace) is not None
        names.add(name)
    assert len(names) == 2, "branches that differ in what was cut off stay apart"


def test_a_kubeconfig_of_another_namespace_is_told(job: Job, cluster: Cluster, namespace: str) -> None:
    account = make_account(cluster.api(), namespace)
    del job.runner.environment["METAFLOW_KUBERNETES_NAMESPACE"]
    result = job("tiny", kubeconfig=account.kubeconfig)
    assert result.outputs["failure-reason"] == "permission", result.log
    summary = result.summary.replace("\\", "")
    assert f"The kubeconfig names the namespace `{namespace}`, but Metaflow deploys to `default`" in summary
    assert "in the namespace `default`" in summary


@pytest.mark.parametrize("crds", ["v4"], indirect=True)
def test_a_schedule_that_the_crd_refuses_leaves_production_as_it_was(
    crds: str, job: Job, cluster: Cluster, namespace: str
) -> None:
    assert crds == "v4"
    job.runner.environment["METAFLOW_ARGO_WORKFLOWS_USE_SCHEDULES"] = "false"
    result = job("nightly")
    assert result.outputs["failure-reason"] == "deploy", result.log
    assert "removed again" in result.summary
    assert "METAFLOW_ARGO_WORKFLOWS_USE_SCHEDULES" in result.summary.replace("\\", "")
    assert find(cluster, "WorkflowTemplate", "nightlyflow", namespace) is None

    del job.runner.environment["METAFLOW_ARGO_WORKFLOWS_USE_SCHEDULES"]
    assert job("nightly").exit_code == 0
    before = [find(cluster, kind, "nightlyflow", namespace) for kind in ("WorkflowTemplate", "CronWorkflow")]
    job.runner.environment["METAFLOW_ARGO_WORKFLOWS_USE_SCHEDULES"] = "false"
    result = job("nightly")
    assert result.outputs["failure-reason"] == "deploy", result.log
    assert "put back to what stood before" in result.summary
    assert "as before" in result.summary
    after = [find(cluster, kind, "nightlyflow", namespace) for kind in ("WorkflowTemplate", "CronWorkflow")]
    assert [content(one) for one in after] == [content(one) for one in before]
    assert result.deployments[0]["schedule"] == SCHEDULE


def test_a_sensor_that_may_not_be_made_leaves_production_as_it_was(job: Job, cluster: Cluster, namespace: str) -> None:
    job.runner.environment.update(EVENTS)
    account = make_account(cluster.api(), namespace, without=("sensors", "create"))
    assert job("tiny", deployment_name="arrival", kubeconfig=account.kubeconfig).exit_code == 0
    before = find(cluster, "WorkflowTemplate", "arrival", namespace)
    result = job("arrival", deployment_name="arrival", kubeconfig=account.kubeconfig)
    assert result.outputs["failure-reason"] == "permission", result.log
    assert "lacks the verb `create` on `sensors`" in result.summary
    assert "put back to what stood before" in result.summary
    assert content(find(cluster, "WorkflowTemplate", "arrival", namespace)) == content(before)
