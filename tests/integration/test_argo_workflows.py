"""Argo Workflows through the whole action, on the stand-in of the Kubernetes API: real Metaflow deploys to it.

The stand-in runs nothing, so a run's states are set by the test; that steps run in pods is for a real cluster to show.
"""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client as kubernetes_client

from deployer.orchestrators.argo_workflows.driver import ArgoWorkflows
from deployer.orchestrators.driver import MetaflowSettings
from deployer.outcome import DeployError, Deployment, Provenance, RunStatus
from sandbox.kubernetes_api.app import TOKEN
from sandbox.kubernetes_api.control import KubernetesControl
from sandbox.runner import JobEvent, JobResult, Runner, push
from sandbox.world import World

SHA = "e" * 40
PUSH = JobEvent(name="push", payload=push(before="1" * 40, after=SHA), sha=SHA)
SCHEDULED = (
    "from metaflow import FlowSpec, project, schedule, step\n\n\n"
    '@project(name="recsys")\n@schedule(cron="0 6 * * ? *", timezone="Europe/Berlin")\nclass DailyFlow(FlowSpec):\n'
    "    @step\n    def start(self):\n        self.next(self.end)\n\n    @step\n    def end(self):\n        pass\n\n\n"
    'if __name__ == "__main__":\n    DailyFlow()\n'
)


@pytest.fixture
def argo(cluster: KubernetesControl) -> ArgoWorkflows:
    configuration = kubernetes_client.Configuration(host=cluster.url)
    configuration.api_key["authorization"] = f"Bearer {TOKEN}"
    client = kubernetes_client.ApiClient(configuration)
    api, core = kubernetes_client.CustomObjectsApi(client), kubernetes_client.CoreV1Api(client)
    return ArgoWorkflows(lambda: (api, core), MetaflowSettings(user="me", argo_ui_url="https://argo.example.com/"))


@pytest.fixture
def runner(runner: Runner, world: World) -> Runner:
    runner.environment.update(
        METAFLOW_KUBERNETES_CONTAINER_IMAGE="registry.example.com/flows:1",
        METAFLOW_ARGO_WORKFLOWS_UI_URL="https://argo.example.com",
    )
    return runner


def run(runner: Runner, workspace: Path, cluster: KubernetesControl, **inputs: str) -> JobResult:
    given = {"flow": "flows/hello.py", "kubeconfig": cluster.kubeconfig(), "comment": "off", **inputs}
    named = {name.replace("_", "-"): value for name, value in given.items()}
    return runner.run(PUSH, {name: value for name, value in named.items() if value}, workspace=workspace)


def test_a_flow_is_deployed_read_back_and_stamped(runner: Runner, workspace: Path, cluster: KubernetesControl) -> None:
    result = run(runner, workspace, cluster)
    assert result.exit_code == 0, result.log
    (one,) = result.deployments
    assert (one["deployment_id"], one["namespace"]) == ("helloflow", "default")
    assert one["deployment_url"] == "https://argo.example.com/workflow-templates/default/helloflow"
    assert one["metaflow_namespace"].startswith("production:helloflow-")
    template = cluster.get("workflowtemplates", "helloflow")
    assert template is not None
    stamp = json.loads(template["metadata"]["annotations"]["metaflow-deploy/provenance"])
    assert (stamp["repository"], stamp["flow"], stamp["commit"]) == ("octo-org/flows", "flows/hello.py", SHA)
    assert f"commit:{SHA}" in template["metadata"]["annotations"]["metaflow/tags"]
    assert "namespace `default`" in result.summary or "<code>default</code>" in result.summary


def test_a_schedule_is_told_and_goes_with_its_decorator(
    runner: Runner, workspace: Path, cluster: KubernetesControl
) -> None:
    (workspace / "flows" / "daily.py").write_text(SCHEDULED)
    (one,) = run(runner, workspace, cluster, flow="flows/daily.py").deployments
    assert (one["deployment_id"], one["production"], one["project_branch"]) == ("recsys.prod.dailyflow", True, "prod")
    assert (one["schedule"], one["timezone"]) == ("0 6 * * ?", "Europe/Berlin")
    unscheduled = SCHEDULED.replace('@schedule(cron="0 6 * * ? *", timezone="Europe/Berlin")\n', "")
    (workspace / "flows" / "daily.py").write_text(unscheduled)
    (one,) = run(runner, workspace, cluster, flow="flows/daily.py").deployments
    assert one["schedule"] is None
    cron = cluster.get("cronworkflows", "recsys.prod.dailyflow")
    assert cron is not None
    assert cron["spec"]["suspend"] is True


@pytest.mark.parametrize(
    ("phase", "status", "reason"), [("Succeeded", "success", ""), ("Failed", "failure", "run-failed")]
)
def test_a_run_is_followed_to_the_end_that_the_orchestrator_tells(
    phase: str, status: str, reason: str, runner: Runner, workspace: Path, cluster: KubernetesControl
) -> None:
    before = {workflow["metadata"]["name"] for workflow in cluster.workflows()}

    def play(line: str) -> None:
        # the controller's part, played once the run was seen to be pending
        if ": pending" in line:
            (name,) = {workflow["metadata"]["name"] for workflow in cluster.workflows()} - before
            times = {"startedAt": "2026-11-23T08:00:00Z", "finishedAt": "2026-11-23T08:01:00Z"}
            cluster.set_status(name, phase=phase, message="pod failed", **times)

    inputs = {"flow": "flows/hello.py", "kubeconfig": cluster.kubeconfig(), "comment": "off"}
    inputs |= {"trigger": "true", "wait": "completed", "poll-interval": "100ms", "wait-timeout": "60s"}
    result = runner.run(PUSH, inputs, workspace=workspace, tell=play)
    assert result.outputs["status"] == status, result.log
    assert result.outputs["failure-reason"] == reason
    assert result.outputs["run-url"].startswith("https://argo.example.com/workflows/default/helloflow-")
    assert result.deployments[0]["run_seconds"] == 60


def test_a_run_that_never_starts_is_told_and_terminated(
    runner: Runner, workspace: Path, cluster: KubernetesControl
) -> None:
    inputs = {"trigger": "true", "wait_timeout": "1s", "poll_interval": "200ms", "on_timeout": "terminate"}
    result = run(runner, workspace, cluster, **inputs)
    assert result.outputs["failure-reason"] == "start-timeout", result.log
    name = result.outputs["run-id"].removeprefix("argo-")
    workflow = cluster.get("workflows", name)
    assert workflow is not None
    assert workflow["spec"]["shutdown"] == "Terminate"
    assert "terminated after 1s" in result.summary


def test_what_is_deployed_is_triggered_by_its_identifier_alone(
    runner: Runner, workspace: Path, cluster: KubernetesControl
) -> None:
    assert run(runner, workspace, cluster).exit_code == 0
    result = run(runner, workspace, cluster, flow="", operation="trigger", deployment_id="helloflow", wait="none")
    assert result.exit_code == 0, result.log
    assert result.outputs["run-pathspec"].startswith("HelloFlow/argo-helloflow-")


def test_another_users_deployment_is_guarded(runner: Runner, workspace: Path, cluster: KubernetesControl) -> None:
    inputs = {"deployment_name": "guarded"}
    assert run(runner, workspace, cluster, metaflow_user="somebody", **inputs).exit_code == 0
    result = run(runner, workspace, cluster, **inputs)
    assert result.outputs["failure-reason"] == "token", result.log
    assert "somebody" in result.summary


def test_each_missing_right_is_named(runner: Runner, workspace: Path, cluster: KubernetesControl) -> None:
    cluster.configure(denied=[("create", "workflowtemplates")])
    result = run(runner, workspace, cluster, deployment_name="denied")
    assert result.outputs["failure-reason"] == "permission", result.log
    assert "system:serviceaccount:flows:deployer" in result.summary
    assert "create" in result.summary
    assert "workflowtemplates" in result.summary
    cluster.configure(denied=[("get", "workflowtemplates")])
    assert run(runner, workspace, cluster, deployment_name="denied").outputs["failure-reason"] == "permission"


def test_no_wrong_and_unreachable_kubeconfigs_are_told_apart(
    runner: Runner, workspace: Path, cluster: KubernetesControl
) -> None:
    def reason(kubeconfig: str) -> str:
        return run(runner, workspace, cluster, kubeconfig=kubeconfig).outputs["failure-reason"]

    assert reason("") == "credentials"
    assert reason("no: kubeconfig") == "input", "it holds no cluster: told before anything is asked"
    assert reason(cluster.kubeconfig(token="wrong-token-0000")) == "credentials"
    assert reason(cluster.kubeconfig(server="http://127.0.0.1:9")) == "orchestrator-unreachable"


def test_a_cluster_without_argo_is_told(runner: Runner, workspace: Path, cluster: KubernetesControl) -> None:
    cluster.configure(missing=["workflowtemplates", "cronworkflows"])
    result = run(runner, workspace, cluster)
    assert result.outputs["failure-reason"] == "deploy"
    assert "Argo Workflows is not installed" in result.summary


def test_a_half_made_deployment_is_put_back(runner: Runner, workspace: Path, cluster: KubernetesControl) -> None:
    (workspace / "flows" / "daily.py").write_text(SCHEDULED)
    inputs = {"flow": "flows/daily.py", "project_branch": "half"}
    name = "recsys.test.half.dailyflow"
    cluster.configure(invalid={"cronworkflows": "spec.timezone: Invalid value"})
    result = run(runner, workspace, cluster, **inputs)
    assert result.outputs["failure-reason"] == "deploy", result.log
    assert "removed again" in result.summary
    assert cluster.get("workflowtemplates", name) is None, "nothing stood before, nothing stands now"

    cluster.configure()
    assert run(runner, workspace, cluster, **inputs).exit_code == 0
    before = cluster.get("workflowtemplates", name)
    cluster.configure(invalid={"cronworkflows": "spec.timezone: Invalid value"})
    result = run(runner, workspace, cluster, **inputs)
    assert result.outputs["failure-reason"] == "deploy", result.log
    assert "put back to what stood before" in result.summary
    assert "as before" in result.summary
    after = cluster.get("workflowtemplates", name)
    assert before is not None
    assert after is not None
    assert (after["spec"], after["metadata"]["annotations"]) == (before["spec"], before["metadata"]["annotations"])


def test_what_cannot_be_put_back_is_told_part_by_part(
    runner: Runner, workspace: Path, cluster: KubernetesControl
) -> None:
    (workspace / "flows" / "daily.py").write_text(SCHEDULED)
    cluster.configure(
        invalid={"cronworkflows": "spec.timezone: Invalid value"}, denied=[("delete", "workflowtemplates")]
    )
    result = run(runner, workspace, cluster, flow="flows/daily.py", project_branch="stuck")
    assert result.outputs["failure-reason"] == "half-deployed", result.log
    assert "the WorkflowTemplate is new" in result.summary
    assert "lacks the verb" in result.summary


@pytest.mark.parametrize(
    ("known", "spelling"),
    [(["schedule"], "schedule"), (["schedule", "schedules"], "schedules"), (["schedules"], "schedules")],
)
def test_a_schedule_is_spelled_as_the_installed_crd_knows_it(
    known: list[str], spelling: str, runner: Runner, workspace: Path, cluster: KubernetesControl
) -> None:
    (workspace / "flows" / "daily.py").write_text(SCHEDULED)
    cluster.configure(cron_fields=known)
    (one,) = run(
        runner, workspace, cluster, flow="flows/daily.py", project_branch=f"s{len(known)}{spelling}"
    ).deployments
    assert one["schedule"] == "0 6 * * ?"
    cron = cluster.get("cronworkflows", one["deployment_id"])
    assert cron is not None
    assert set(cron["spec"]) & {"schedule", "schedules"} == {spelling}


def test_a_command_has_the_environment_of_its_own_that_deployer_was_given(
    runner: Runner, workspace: Path, cluster: KubernetesControl
) -> None:
    options = "env: {METAFLOW_KUBERNETES_CONTAINER_IMAGE: 'registry.example.com/flows:2'}"
    result = run(runner, workspace, cluster, deployment_name="imaged", deployer_options=options)
    assert result.exit_code == 0, result.log
    template = cluster.get("workflowtemplates", "imaged")
    assert template is not None
    images = {one["container"]["image"] for one in template["spec"]["templates"] if "container" in one}
    assert images == {"registry.example.com/flows:2"}


def test_what_keeps_a_run_from_starting_is_told_from_its_pods(
    runner: Runner, workspace: Path, cluster: KubernetesControl
) -> None:
    def play(line: str) -> None:
        if ": pending" in line:
            (workflow,) = [one for one in cluster.workflows() if one["metadata"]["name"].startswith("kept-")]
            name = workflow["metadata"]["name"]
            labels = {"workflows.argoproj.io/workflow": name}
            condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes."}
            pod = {
                "metadata": {"name": f"{name}-1", "labels": labels, "annotations": {"metaflow/step_name": "start"}},
                "spec": {"containers": []},
                "status": {"phase": "Pending", "conditions": [condition]},
            }
            cluster.configure(pods=[pod])
            node = {"id": "n", "type": "Pod", "phase": "Pending", "templateName": "start", "displayName": "start"}
            cluster.set_status(name, phase="Running", nodes={"n": node})

    inputs = {"flow": "flows/hello.py", "kubeconfig": cluster.kubeconfig(), "comment": "off", "trigger": "true"}
    inputs |= {"deployment-name": "kept", "poll-interval": "200ms", "wait-timeout": "4s"}
    result = runner.run(PUSH, inputs, workspace=workspace, tell=play)
    assert result.outputs["failure-reason"] == "start-timeout", result.log
    assert "Step start: pod unschedulable: 0/1 nodes." in result.summary
    assert sum("step start: pod unschedulable" in line for line in result.log.splitlines()) == 1, "it is told once"
    for workflow in cluster.workflows():
        if workflow["metadata"]["name"].startswith("kept-"):
            cluster.set_status(workflow["metadata"]["name"], phase="Succeeded")


def deployed(runner: Runner, workspace: Path, cluster: KubernetesControl, name: str) -> None:
    assert run(runner, workspace, cluster, deployment_name=name).exit_code == 0


def standing(argo: ArgoWorkflows, name: str) -> Deployment:
    deployment = argo.read(name)
    assert deployment is not None
    return deployment


def test_pods_that_the_job_may_not_read_are_told_while_it_waits_and_with_the_failure(
    argo: ArgoWorkflows, runner: Runner, workspace: Path, cluster: KubernetesControl
) -> None:
    deployed(runner, workspace, cluster, "unseen")
    deployment = standing(argo, "unseen")
    run_id = argo.trigger(deployment, {}, key="unseen")
    name = run_id.removeprefix("argo-")
    cluster.configure(denied=[("list", "pods")])

    def node(phase: str, message: str) -> dict[str, Any]:
        one = {"id": "n", "type": "Pod", "phase": phase, "templateName": "start", "message": message}
        return {"phase": "Running" if phase == "Pending" else phase, "nodes": {"n": one}}

    cluster.set_status(name, **node("Pending", "Unschedulable: 0/1 nodes."))
    state = argo.run_state(deployment, run_id)
    assert state is not None
    words, lacks = state.waiting
    assert "pod unschedulable: 0/1 nodes." in words
    assert "lacks the verb `list` on `pods`" in lacks
    assert "docs/rbac.yaml" in lacks

    spec = cluster.get("workflowtemplates", "unseen")["spec"]  # type: ignore[index]
    cluster.set_status(name, storedWorkflowTemplateSpec=spec, **node("Failed", "main: OOMKilled (exit code 137)"))
    state = argo.run_state(deployment, run_id, diagnose=True)
    assert state is not None
    (trouble,) = state.troubles
    assert "lacks the verb `list` on `pods`" in trouble.advice


def test_a_sensor_that_is_gone_is_told(runner: Runner, workspace: Path, cluster: KubernetesControl) -> None:
    runner.environment |= {
        "METAFLOW_ARGO_EVENTS_EVENT": "event",
        "METAFLOW_ARGO_EVENTS_EVENT_SOURCE": "source",
        "METAFLOW_ARGO_EVENTS_SERVICE_ACCOUNT": "account",
    }
    text = SCHEDULED.replace("project, schedule, step", "step, trigger").replace('@project(name="recsys")\n', "")
    text = text.replace('@schedule(cron="0 6 * * ? *", timezone="Europe/Berlin")', '@trigger(event="data")')
    (workspace / "flows" / "sensed.py").write_text(text)

    inputs = {"flow": "flows/sensed.py", "kubeconfig": cluster.kubeconfig(), "comment": "off"}
    result = runner.run(PUSH, inputs, workspace=workspace)
    assert result.deployments[0]["triggers"] == ["on event data"], result.log
    cluster.configure(vanishing=["sensors"])
    result = runner.run(PUSH, inputs, workspace=workspace)
    assert result.outputs["failure-reason"] == "half-deployed", result.log
    assert "there is no Sensor dailyflow in default" in result.summary


def test_a_spelling_that_somebody_chose_stays(runner: Runner, workspace: Path, cluster: KubernetesControl) -> None:
    (workspace / "flows" / "daily.py").write_text(SCHEDULED)
    cluster.configure(cron_fields=["schedules"])
    runner.environment["METAFLOW_ARGO_WORKFLOWS_USE_SCHEDULES"] = "false"
    result = run(runner, workspace, cluster, flow="flows/daily.py", project_branch="chosen")
    assert result.outputs["failure-reason"] == "deploy", result.log
    assert "METAFLOW\\_ARGO\\_WORKFLOWS\\_USE\\_SCHEDULES" in result.summary


def test_the_kubeconfig_is_never_printed(runner: Runner, workspace: Path, cluster: KubernetesControl) -> None:
    result = run(runner, workspace, cluster)
    shown = [line for line in result.log.splitlines() if TOKEN in line]
    assert shown == [f"::add-mask::{TOKEN}"]


PROVENANCE = Provenance(repository="octo/flows", flow="a.py", commit=SHA, pull_request=7, environment="prod — é")


def test_provenance_goes_round(
    runner: Runner, workspace: Path, cluster: KubernetesControl, argo: ArgoWorkflows
) -> None:
    deployed(runner, workspace, cluster, "stamped")
    before = standing(argo, "stamped")
    argo.stamp("stamped", PROVENANCE)
    after = standing(argo, "stamped")
    assert after.provenance == PROVENANCE
    assert after.version == before.version, "our own stamp is no new version"


def test_a_snapshot_puts_everything_back(
    runner: Runner, workspace: Path, cluster: KubernetesControl, argo: ArgoWorkflows
) -> None:
    deployed(runner, workspace, cluster, "restored")
    before = argo.snapshot("restored")
    argo.stamp("restored", PROVENANCE)
    spec = {"schedule": "0 0 * * *", "workflowSpec": {}}
    body: dict[str, Any] = {"kind": "CronWorkflow", "metadata": {"name": "restored"}, "spec": spec}
    argo._objects.create("CronWorkflow", body, "default")
    argo.restore(before)
    assert argo.snapshot("restored") == before
    assert cluster.get("cronworkflows", "restored") is None
    nothing = argo.snapshot("never-there")
    deployed(runner, workspace, cluster, "never-there")
    argo.restore(nothing)
    assert argo.read("never-there") is None


def test_a_sensor_that_cannot_exist_is_none(argo: ArgoWorkflows, cluster: KubernetesControl) -> None:
    cluster.configure(missing=["sensors"])
    assert argo.snapshot("whatever").objects["Sensor"] is None


def test_the_same_key_never_starts_a_second_run(
    runner: Runner, workspace: Path, cluster: KubernetesControl, argo: ArgoWorkflows
) -> None:
    deployed(runner, workspace, cluster, "keyed")
    deployment = standing(argo, "keyed")
    results: list[str] = []
    asking = [
        threading.Thread(target=lambda: results.append(argo.trigger(deployment, {"a": "1"}, key="job-1")))
        for _ in range(4)
    ]
    for one in asking:
        one.start()
    for one in asking:
        one.join()
    assert len(results) == 4
    assert len(set(results)) == 1
    assert argo.trigger(deployment, {}, key="job-2") not in results
    state = argo.run_state(deployment, results[0])
    assert state is not None
    assert state.status is RunStatus.PENDING
    assert argo.run_state(deployment, "argo-gone") is None


def test_what_metaflow_did_not_make_is_left_alone(argo: ArgoWorkflows, cluster: KubernetesControl) -> None:
    argo._objects.create(
        "WorkflowTemplate", {"kind": "WorkflowTemplate", "metadata": {"name": "foreign"}, "spec": {}}, "default"
    )
    with pytest.raises(DeployError, match="Metaflow did not make it"):
        argo.read("foreign")
