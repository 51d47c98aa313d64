"""Operations on what is deployed already, on Argo Workflows: through the whole action, on the stand-in of the API."""

from __future__ import annotations

import hashlib
import json
import urllib.request
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sandbox.kubernetes_api.control import KubernetesControl
from sandbox.runner import JobEvent, JobResult, Runner

SHA = "d" * 40
BY_HAND = JobEvent(
    name="workflow_dispatch",
    payload={"repository": {"full_name": "octo-org/flows", "default_branch": "main"}},
    sha=SHA,
)
OWNER = "octo-org.flows"


@pytest.fixture
def namespace(request: pytest.FixtureRequest) -> str:
    """A namespace of the test's own, where nothing stands."""
    return f"test-{hashlib.sha256(request.node.name.encode()).hexdigest()[:12]}"


@pytest.fixture
def runner(runner: Runner, namespace: str) -> Runner:
    runner.environment.update(
        METAFLOW_KUBERNETES_NAMESPACE=namespace,
        METAFLOW_KUBERNETES_CONTAINER_IMAGE="registry.example.com/flows:1",
        METAFLOW_ARGO_WORKFLOWS_UI_URL="https://argo.example.com",
    )
    return runner


def act(runner: Runner, workspace: Path, cluster: KubernetesControl, operation: str, **inputs: str) -> JobResult:
    given = {"operation": operation, "kubeconfig": cluster.kubeconfig(), **inputs}
    return runner.run(BY_HAND, {name.replace("_", "-"): value for name, value in given.items()}, workspace=workspace)


def ago(days: float) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def template(name: str, *, days: float = 200, **annotations: str) -> dict[str, Any]:
    """A WorkflowTemplate as Metaflow writes it, deployed that many days ago."""
    own = {
        "metaflow/owner": OWNER,
        "metaflow/production_token": f"{name}-0-abcd",
        "metaflow/flow_name": "TrainFlow",
        "metaflow/deployment_timestamp": ago(days),
        **{f"metaflow/{key}": value for key, value in annotations.items()},
    }
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "WorkflowTemplate",
        "metadata": {"name": name, "annotations": own, "creationTimestamp": ago(days), "labels": {}},
        "spec": {"templates": [{"name": "x" * 2000}]},
    }


def workflow(name: str, of: str, *, days: float, phase: str = "Succeeded") -> dict[str, Any]:
    labels = {"workflows.argoproj.io/phase": phase, "workflows.argoproj.io/completed": str(phase != "Running").lower()}
    return {
        "kind": "Workflow",
        "metadata": {"name": name, "labels": labels, "creationTimestamp": ago(days)},
        "spec": {"workflowTemplateRef": {"name": of}},
        "status": {"phase": phase, "startedAt": ago(days)},
    }


def cron(name: str, *, days: float | None = None) -> dict[str, Any]:
    spec = {
        "schedule": "0 6 * * *",
        "failedJobsHistoryLimit": 10000,
        "successfulJobsHistoryLimit": 10000,
        "workflowSpec": {"workflowTemplateRef": {"name": name}},
    }
    status = {"lastScheduledTime": ago(days)} if days is not None else {}
    return {
        "kind": "CronWorkflow",
        "metadata": {"name": name, "creationTimestamp": ago(300)},
        "spec": spec,
        "status": status,
    }


def sensor(name: str, of: str, namespace: str) -> dict[str, Any]:
    """A Sensor as Metaflow writes it, wherever it stands, for a template in that namespace."""
    metadata = {"generateName": f"{of}-", "namespace": namespace}
    resource = {"kind": "Workflow", "metadata": metadata, "spec": {"workflowTemplateRef": {"name": of}}}
    return {
        "kind": "Sensor",
        "metadata": {
            "name": name,
            "creationTimestamp": ago(300),
            "annotations": {"metaflow/owner": OWNER, "metaflow/flow_name": "TrainFlow"},
        },
        "spec": {"triggers": [{"template": {"name": of, "k8s": {"source": {"resource": resource}}}}]},
    }


def fates(result: JobResult) -> dict[str, str]:
    return {one["deployment_id"]: one["fate"] for one in result.deployments}


def test_what_stands_is_listed_with_its_last_run_and_filtered(
    runner: Runner, workspace: Path, cluster: KubernetesControl, namespace: str
) -> None:
    project = {"project_name": "recsys", "branch_name": "prod", "flow_name": "ScoreFlow", "tags": '["nightly"]'}
    foreign = {"kind": "WorkflowTemplate", "metadata": {"name": "foreign", "creationTimestamp": ago(1)}, "spec": {}}
    templates = [template("train"), template("train-x"), template("recsys.prod.scoreflow", **project), foreign]
    cluster.place("workflowtemplates", templates, namespace)
    cluster.place("cronworkflows", [cron("train")], namespace)
    # the second is of `train-x`, though its name begins with `train-`
    runs = [workflow("train-a1b2c", "train", days=3), workflow("train-x-zzzzz", "train-x", days=1, phase="Failed")]
    cluster.place("workflows", runs, namespace)
    result = act(runner, workspace, cluster, "list")
    assert result.exit_code == 0, result.log
    listed = {one["deployment_id"]: one for one in result.deployments}
    assert list(listed) == ["recsys.prod.scoreflow", "train", "train-x"], "what Metaflow did not make is not among them"
    assert (listed["train"]["run_id"], listed["train"]["run_status"]) == ("argo-train-a1b2c", "succeeded")
    assert (listed["train-x"]["run_id"], listed["train-x"]["run_status"]) == ("argo-train-x-zzzzz", "failed")
    assert listed["recsys.prod.scoreflow"]["run_id"] is None
    assert listed["train"]["schedule"] == "0 6 * * *"
    assert listed["recsys.prod.scoreflow"]["tags"] == ["nightly"]
    assert f"3 deployments on Argo Workflows (namespace {namespace})" in result.summary
    assert "every day at 06:00 UTC" in result.summary
    assert [line.split()[0] for line in result.log.splitlines() if line.startswith("train")] == ["train", "train-x"]
    for given in ({"project": "recsys"}, {"flow_name": "ScoreFlow"}, {"tags": "nightly"}, {"project_branch": "prod"}):
        one = act(runner, workspace, cluster, "list", **given)
        assert list(fates(one)) == ["recsys.prod.scoreflow"], given
    assert act(runner, workspace, cluster, "list", project="other").deployments == []


def test_a_thousand_deployments_take_a_handful_of_requests(
    runner: Runner, workspace: Path, cluster: KubernetesControl, namespace: str
) -> None:
    cluster.place("workflowtemplates", [template(f"flow{number:04}") for number in range(1000)], namespace)
    # every other one is old, so that Metaflow's service has to be asked too
    runs = [workflow(f"flow{number:04}-abcde", f"flow{number:04}", days=5 + number % 2 * 100) for number in range(1000)]
    cluster.place("workflows", runs, namespace)
    before = len(cluster.requests())
    result = act(runner, workspace, cluster, "cleanup")
    assert result.exit_code == 0, result.log
    assert Counter(fates(result).values()) == {"kept": 500, "would be deleted": 500}
    assert "500 deployments would be deleted, and `max-deletions` is 20" in result.log
    asked = Counter((one["method"], one["path"].rsplit("/", 1)[-1]) for one in cluster.requests()[before:])
    listed = {kind: number for (method, kind), number in asked.items() if method == "GET"}
    assert listed == {"workflowtemplates": 2, "workflows": 4, "cronworkflows": 2, "sensors": 1}
    assert len(result.summary.encode()) < 1024 * 1024


def test_status_tells_the_latest_runs_of_that_deployment_alone(
    runner: Runner, workspace: Path, cluster: KubernetesControl, namespace: str
) -> None:
    cluster.place("workflowtemplates", [template("train"), template("train-x")], namespace)
    runs = [workflow(f"train-{number}aaaa", "train", days=number) for number in range(1, 8)]
    cluster.place("workflows", [*runs, workflow("train-x-zzzzz", "train-x", days=0.1)], namespace)
    (one,) = act(runner, workspace, cluster, "status", deployment_id="train").deployments
    assert [run["run_id"] for run in one["runs"]] == [f"argo-train-{number}aaaa" for number in range(1, 6)]
    result = act(runner, workspace, cluster, "status", deployment_id="train", run_id="TrainFlow/argo-train-7aaaa")
    assert result.outputs["run-id"] == "argo-train-7aaaa"
    assert result.outputs["run-status"] == "succeeded"


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        ({"deployment_id": "trian"}, "The nearest names are: `train`"),
        ({"deployment_id": "nothing-like-it"}, "`operation: list` shows all 2"),
        ({"deployment_id": "foreign"}, "Metaflow did not make it"),
        ({"deployment_id": "train", "run_id": "argo-train-x-zzzzz"}, "is no run of `train` (TrainFlow)"),
        ({"deployment_id": "train", "run_id": "OtherFlow/argo-train-aaaaa"}, "is no run of `train` (TrainFlow)"),
        ({"deployment_id": "train", "run_id": "sfn-1234"}, "is no run of `train` (TrainFlow)"),
        ({"deployment_id": "train", "run_id": "argo-train-zzzzz"}, "Argo has no such Workflow"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(
    inputs: dict[str, str], told: str, runner: Runner, workspace: Path, cluster: KubernetesControl, namespace: str
) -> None:
    foreign = {"kind": "WorkflowTemplate", "metadata": {"name": "foreign"}, "spec": {}}
    cluster.place("workflowtemplates", [template("train"), template("train-x"), foreign], namespace)
    runs = [workflow("train-aaaaa", "train", days=1), workflow("train-x-zzzzz", "train-x", days=1)]
    cluster.place("workflows", runs, namespace)
    operation = "terminate" if "run_id" in inputs else "delete"
    result = act(runner, workspace, cluster, operation, **inputs)
    assert result.exit_code == 1
    assert told in result.log, result.log
    assert cluster.get("workflowtemplates", inputs["deployment_id"], namespace) or operation == "delete"


def test_a_run_is_suspended_resumed_and_terminated(
    runner: Runner, workspace: Path, cluster: KubernetesControl, namespace: str
) -> None:
    cluster.place("workflowtemplates", [template("train")], namespace)
    cluster.place("workflows", [workflow("train-aaaaa", "train", days=1, phase="Running")], namespace)
    given = {"deployment_id": "train", "run_id": "argo-train-aaaaa"}

    def spec() -> dict[str, Any]:
        one = cluster.get("workflows", "train-aaaaa", namespace)
        assert one is not None
        return dict(one["spec"])

    for operation, fate in (("suspend", "suspended"), ("unsuspend", "unsuspended"), ("terminate", "terminated")):
        result = act(runner, workspace, cluster, operation, **given)
        assert result.exit_code == 0, result.log
        assert fates(result) == {"train": fate}
        assert f"The run `argo-train-aaaaa` of `train` was {fate}" in result.summary
    assert spec()["shutdown"] == "Terminate"
    assert not spec().get("suspend")
    again = act(runner, workspace, cluster, "unsuspend", **given)
    assert again.exit_code == 0
    assert fates(again) == {"train": "unchanged"}
    assert "It was not suspended" in again.summary


def test_a_deployment_is_deleted_with_its_schedule_and_its_triggers(
    runner: Runner, workspace: Path, cluster: KubernetesControl, namespace: str
) -> None:
    place = {"sensor_name": "train", "sensor_namespace": namespace}
    cluster.place("workflowtemplates", [template("train", **place), template("other")], namespace)
    cluster.place("cronworkflows", [cron("train"), cron("other")], namespace)
    cluster.place("sensors", [sensor("train", "train", namespace)], namespace)
    result = act(runner, workspace, cluster, "delete", deployment_id="train")
    assert result.exit_code == 0, result.log
    for plural in ("workflowtemplates", "cronworkflows", "sensors"):
        assert cluster.get(plural, "train", namespace) is None, plural
    assert cluster.get("workflowtemplates", "other", namespace) is not None
    assert cluster.get("cronworkflows", "other", namespace) is not None
    assert len(result.deployments[0]["changes"]) == 3


def test_anothers_deployment_needs_its_token(
    runner: Runner, workspace: Path, cluster: KubernetesControl, namespace: str
) -> None:
    cluster.place("workflowtemplates", [template("train", owner="somebody")], namespace)
    cluster.place("workflows", [workflow("train-aaaaa", "train", days=1, phase="Running")], namespace)
    run = {"run_id": "argo-train-aaaaa"}
    for operation, inputs in (("delete", {}), ("terminate", run), ("suspend", run), ("unsuspend", run)):
        for token in ({}, {"authorize": "wrong"}):
            result = act(runner, workspace, cluster, operation, deployment_id="train", **inputs, **token)
            assert result.outputs["failure-reason"] == "token", result.log
            assert "somebody" in result.summary
            assert "train-0-abcd" not in result.log, "whoever fails is not handed the token"
    refused = act(runner, workspace, cluster, "production-token", deployment_id="train")
    assert (refused.outputs["failure-reason"], refused.outputs["production-token"]) == ("token", "")
    owner = act(runner, workspace, cluster, "production-token", deployment_id="train", metaflow_user="somebody")
    token = owner.outputs["production-token"]
    assert token == "train-0-abcd"
    assert act(runner, workspace, cluster, "delete", deployment_id="train", authorize=token).exit_code == 0
    assert cluster.get("workflowtemplates", "train", namespace) is None


def recorded(runner: Runner, flow: str, run_id: str) -> None:
    """A run that Metaflow's service remembers, which began just now."""
    url = f"{runner.environment['METAFLOW_SERVICE_URL']}/flows/{flow}"
    for path, body in (("", {}), ("/run", {"run_number": run_id})):
        data = json.dumps({"user_name": "x", "tags": [], "system_tags": [], **body}).encode()
        asked = urllib.request.Request(url + path, data, {"Content-Type": "application/json"}, method="POST")
        urllib.request.urlopen(asked, timeout=10).close()


def test_cleanup_takes_what_nobody_uses_and_says_why(
    runner: Runner, workspace: Path, cluster: KubernetesControl, namespace: str
) -> None:
    flow = "CleanFlow"
    named = {"flow_name": flow}
    templates = [
        template("unused", **named),
        template("yesterday", days=1, **named),
        template("ran", **named),
        template("scheduled", **named),
        template("running", **named),
        template("forgotten", **named),
        template("forgotten-x", **named),
        template("theirs", owner="somebody", **named),
        template("their.preview", owner="somebody", project_name="p", branch_name="test.x", **named),
        template("left", **named),
    ]
    cluster.place("workflowtemplates", templates, namespace)
    cluster.place(
        "cronworkflows", [cron("scheduled", days=2), cron("gone-template", days=1), cron("unused")], namespace
    )
    cluster.place(
        "sensors", [sensor("gone-sensor", "gone.sensor", namespace), sensor("unused", "unused", namespace)], namespace
    )
    runs = [workflow("ran-aaaaa", "ran", days=3), workflow("running-aaaaa", "running", days=150, phase="Running")]
    cluster.place("workflows", runs, namespace)
    recorded(runner, flow, "argo-forgotten-abcde")  # Argo has removed it; Metaflow's service knows of it
    inputs = {"exclude": "left\nsomething-else", "max_deletions": "20"}
    dry = act(runner, workspace, cluster, "cleanup", **inputs)
    assert dry.exit_code == 0, dry.log
    expected = {
        "forgotten-x": "would be deleted",
        "gone-sensor": "would be deleted",
        "gone-template": "would be deleted",
        "their.preview": "would be deleted",
        "unused": "would be deleted",
        "forgotten": "kept",
        "ran": "kept",
        "running": "kept",
        "scheduled": "kept",
        "theirs": "kept",
        "yesterday": "kept",
    }
    assert fates(dry) == expected
    why = {one["deployment_id"]: one["why"] for one in dry.deployments}
    assert why["unused"] == "No run of it is known, and it was deployed 200 days ago."
    assert why["yesterday"] == "It was deployed 1 day ago."
    assert why["ran"] == "It ran 3 days ago."
    assert why["scheduled"] == "It ran 2 days ago."
    assert why["running"] == "A run of it is under way."
    assert why["forgotten"] == "It ran just now."
    assert why["theirs"].startswith("It is a production deployment of `somebody`")
    assert why["gone-template"] == "Its WorkflowTemplate is gone: it starts nothing any more."
    assert "5 deployments of 11 on Argo Workflows" in dry.summary
    assert "`dry-run: false` deletes what is marked" in dry.summary
    assert cluster.get("workflowtemplates", "unused", namespace) is not None
    real = act(runner, workspace, cluster, "cleanup", dry_run="false", **inputs)
    assert real.exit_code == 0, real.log
    assert fates(real) == {name: fate.replace("would be deleted", "deleted") for name, fate in expected.items()}
    for name in ("unused", "forgotten-x", "their.preview"):
        assert cluster.get("workflowtemplates", name, namespace) is None
    assert cluster.get("cronworkflows", "unused", namespace) is None
    assert cluster.get("cronworkflows", "gone-template", namespace) is None
    assert cluster.get("sensors", "gone-sensor", namespace) is None
    assert cluster.get("workflowtemplates", "left", namespace) is not None
    assert cluster.get("workflowtemplates", "theirs", namespace) is not None


def test_a_mistaken_filter_deletes_nothing(
    runner: Runner, workspace: Path, cluster: KubernetesControl, namespace: str
) -> None:
    cluster.place("workflowtemplates", [template(f"flow{number}") for number in range(4)], namespace)
    everything = act(runner, workspace, cluster, "cleanup", dry_run="false")
    assert everything.exit_code == 1
    assert "All 4 deployments in" in everything.log
    assert set(fates(everything).values()) == {"not tried"}
    for include in ("?*", "flow*\n*"):
        wild = act(runner, workspace, cluster, "cleanup", dry_run="false", include=include)
        assert wild.outputs["failure-reason"] == "input"
        assert "which takes every deployment" in wild.log
    many = act(runner, workspace, cluster, "cleanup", dry_run="false", max_deletions="3", include="flow*")
    assert many.outputs["failure-reason"] == "input"
    assert "4 deployments would be deleted, and `max-deletions` is 3" in many.log
    assert set(fates(many).values()) == {"not tried"}
    assert all(cluster.get("workflowtemplates", f"flow{number}", namespace) for number in range(4))
    meant = act(runner, workspace, cluster, "cleanup", dry_run="false", include="flow*", exclude="flow0")
    assert meant.exit_code == 0, meant.log
    assert set(fates(meant).values()) == {"deleted"}
    last = act(runner, workspace, cluster, "cleanup", dry_run="false")
    assert "The only deployment in" in last.log
    assert fates(last) == {"flow0": "not tried"}
    assert fates(act(runner, workspace, cluster, "cleanup", dry_run="false", include="flow0")) == {"flow0": "deleted"}


def test_filters_take_what_they_name_and_nothing_else(
    runner: Runner, workspace: Path, cluster: KubernetesControl, namespace: str
) -> None:
    project = {"project_name": "recsys", "branch_name": "test.x", "flow_name": "ScoreFlow", "tags": '["gpu", "a"]'}
    templates = [template("score", **project), template("train", tags='["gpu"]'), template("theirs", owner="somebody")]
    cluster.place("workflowtemplates", [*templates, template("used", days=1)], namespace)
    cluster.place("sensors", [sensor("gone", "gone", namespace)], namespace)  # of TrainFlow
    cluster.place("cronworkflows", [cron("gone")], namespace)  # of nobody knows what
    for given, taken in (
        ({"project": "recsys"}, {"score"}),
        ({"project_branch": "x"}, {"score"}),
        ({"flow_name": "TrainFlow"}, {"train", "gone"}),
        ({"tags": "gpu"}, {"score", "train"}),
    ):
        dry = act(runner, workspace, cluster, "cleanup", **given)
        assert {name for name, fate in fates(dry).items() if fate == "would be deleted"} == taken, given
    given = {"include": "theirs", "dry_run": "false"}
    assert fates(act(runner, workspace, cluster, "cleanup", authorize="wrong", **given)) == {"theirs": "kept"}
    assert fates(act(runner, workspace, cluster, "cleanup", authorize="theirs-0-abcd", **given)) == {
        "theirs": "deleted"
    }


def test_one_that_cannot_be_deleted_does_not_keep_the_others(
    runner: Runner, workspace: Path, cluster: KubernetesControl, namespace: str
) -> None:
    cluster.place("workflowtemplates", [template("one"), template("two"), template("used", days=1)], namespace)
    cluster.place("cronworkflows", [cron("one")], namespace)
    cluster.configure(denied=[("delete", "cronworkflows")])
    result = act(runner, workspace, cluster, "cleanup", dry_run="false")
    assert result.exit_code == 1
    assert result.outputs["failure-reason"] == "permission"
    assert fates(result) == {"one": "failed", "two": "deleted", "used": "kept"}
    assert "lacks the verb `delete` on `cronworkflows`" in result.summary
    assert "1 deployment deleted, 1 was not" in result.summary


def test_when_metaflows_service_does_not_answer_nothing_is_taken_for_unused(
    runner: Runner, workspace: Path, cluster: KubernetesControl, namespace: str
) -> None:
    cluster.place("workflowtemplates", [template("one"), template("used", days=1)], namespace)
    runner.environment["METAFLOW_SERVICE_URL"] = "http://127.0.0.1:9"
    runner.environment["METAFLOW_SERVICE_RETRY_COUNT"] = "1"
    result = act(runner, workspace, cluster, "cleanup", dry_run="false")
    assert fates(result) == {"one": "kept", "used": "kept"}
    assert "Metaflow's metadata service failed" in result.deployments[0]["why"]


def test_a_namespace_for_sensors_is_shared_with_another_namespace_with_flows(
    runner: Runner, workspace: Path, cluster: KubernetesControl, namespace: str
) -> None:
    events, theirs = f"{namespace}-events", f"{namespace}-theirs"
    place = {"sensor_name": "old", "sensor_namespace": events}
    cluster.place("workflowtemplates", [template("old"), template("used", days=1)], namespace)
    cluster.place("workflowtemplates", [template("train", **place), template("old", **place)], theirs)
    sensors = [sensor("train", "train", theirs), sensor("old", "old", theirs), sensor("gone", "gone", namespace)]
    cluster.place("sensors", sensors, events)
    runner.environment["METAFLOW_ARGO_EVENTS_SENSOR_NAMESPACE"] = events
    result = act(runner, workspace, cluster, "cleanup", dry_run="false")
    assert result.exit_code == 0, result.log
    assert fates(result) == {"gone": "deleted", "old": "deleted", "used": "kept"}
    assert cluster.get("sensors", "gone", events) is None
    assert cluster.get("sensors", "train", events) is not None, "it starts what stands in the other namespace"
    assert cluster.get("sensors", "old", events) is not None, "the other namespace's deployment has the same name"


def test_runs_of_a_deployment_with_a_long_name_are_its_own(
    runner: Runner, workspace: Path, cluster: KubernetesControl, namespace: str
) -> None:
    long = "recsys.user.octo-org.flows." + "x" * 43
    other = "y" * 70
    cluster.place("workflowtemplates", [template(long), template(other), template("used", days=1)], namespace)
    cut = f"{long[:58]}abcde"  # as the API server cuts it
    cluster.place("workflows", [workflow(cut, long, days=3), workflow("used-aaaaa", "used", days=1)], namespace)
    recorded(runner, "TrainFlow", f"argo-{other[:58]}abcde")  # Argo has removed it; Metaflow's service knows of it
    result = act(runner, workspace, cluster, "cleanup", dry_run="false")
    assert fates(result) == {long: "kept", other: "kept", "used": "kept"}
    why = {one["deployment_id"]: one["why"] for one in result.deployments}
    assert (why[long], why[other]) == ("It ran 3 days ago.", "It ran just now.")
    assert act(runner, workspace, cluster, "status", deployment_id=long).outputs["run-id"] == f"argo-{cut}"
    refused = act(runner, workspace, cluster, "terminate", deployment_id=other, run_id=f"argo-{cut}")
    assert "is no run of" in refused.log
    ended = act(runner, workspace, cluster, "terminate", deployment_id=long, run_id=f"argo-{cut}")
    assert fates(ended) == {long: "unchanged"}, ended.log
