"""`operation: doctor` on the sandbox: a world that is well, and each fault of it, which its own line tells alone."""

from __future__ import annotations

import base64
import json
import re
import socket
import time
from pathlib import Path

import pytest

from sandbox.airflow.stand_in import Api, served
from sandbox.kubernetes_api.app import TOKEN
from sandbox.kubernetes_api.control import KubernetesControl
from sandbox.runner import JobEvent, JobResult, Runner, merged_pull_request
from sandbox.world import World

SHA = "d" * 40
MERGED = JobEvent(name="pull_request", payload=merged_pull_request(7, "Look", sha=SHA), sha=SHA)
LINE = re.compile(r"^(?P<state>ok|warning|bad|unknown) +(?P<name>[^:]+): (?P<found>.*)$", re.MULTILINE)
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def on_argo(runner: Runner) -> Runner:
    runner.environment["METAFLOW_KUBERNETES_CONTAINER_IMAGE"] = "python:3.13"
    return runner


def look(runner: Runner, workspace: Path, **inputs: str) -> JobResult:
    given = {"operation": "doctor", **inputs}
    return runner.run(MERGED, {name.replace("_", "-"): value for name, value in given.items()}, workspace=workspace)


def on_step_functions(runner: Runner, workspace: Path, **inputs: str) -> JobResult:
    return look(runner, workspace, orchestrator="step-functions", **inputs)


def lines(result: JobResult) -> dict[str, tuple[str, str]]:
    """What the log tells: a line's state and text by its name; of several with one name the worst."""
    worst = ("ok", "unknown", "warning", "bad")
    found: dict[str, tuple[str, str]] = {}
    for line in LINE.finditer(result.log):
        name, state = line["name"], line["state"]
        if name not in found or worst.index(state) >= worst.index(found[name][0]):
            found[name] = (state, line["found"])
    return found


def ill(result: JobResult) -> set[str]:
    """The names of what is not well."""
    return {name for name, (state, _) in lines(result).items() if state in ("bad", "warning")}


def assert_bad(result: JobResult, name: str, reason: str, *told: str) -> None:
    """That this line alone is bad, that it says this, and that the job fails for it."""
    found = lines(result)
    assert {each for each, (state, _) in found.items() if state == "bad"} == {name}, result.log
    for text in told:
        assert text in found[name][1], found[name]
    assert " -> " in found[name][1], "it says what to do"
    assert (result.exit_code, result.outputs["status"], result.outputs["failure-reason"]) == (1, "failure", reason)
    assert f"| ❌ | {name.replace(' ', '&nbsp;')} |" in result.summary.replace("\\", "")


def test_a_world_that_is_well(runner: Runner, workspace: Path, world: World) -> None:
    result = on_step_functions(runner, workspace)
    assert (result.exit_code, result.outputs["status"], result.outputs["operation"]) == (0, "success", "doctor")
    found = lines(result)
    assert {state for state, _ in found.values()} == {"ok"}, result.log
    looked_at = {"Disk", "GitHub token", "Metaflow", "Extensions", "User", "Task image", "AWS credentials", "Clock"}
    looked_at |= {"Datastore", "Metadata service", "AWS Step Functions", "EventBridge", "AWS Batch", "AWS region"}
    assert looked_at <= set(found)
    assert "Everything that deploying needs is well" in result.summary
    assert world.github.comments(7) == [], "no pull request is told"


def test_nothing_is_left_behind(runner: Runner, workspace: Path, world: World) -> None:
    import boto3

    before = len(world.github.requests())
    on_step_functions(runner, workspace)
    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x", "region_name": "us-east-1"}
    s3 = boto3.client("s3", endpoint_url=world.aws_url, **keys)
    assert [
        one["Key"] for one in s3.list_objects_v2(Bucket="metaflow").get("Contents", ()) if "doctor" in one["Key"]
    ] == []
    assert {one["method"] for one in world.github.requests()[before:] if one["path"].startswith("/repos")} == {"GET"}
    assert runner.left_over() == []


def test_a_cluster_that_is_well(on_argo: Runner, workspace: Path, cluster: KubernetesControl) -> None:
    result = look(on_argo, workspace, kubeconfig=cluster.kubeconfig())
    assert result.exit_code == 0
    assert ill(result) == set(), result.log
    found = lines(result)
    assert "system:serviceaccount:flows:deployer" in found["API server"][1]
    for plural in ("workflowtemplates", "cronworkflows", "sensors", "workflows"):
        assert found[f"Rights on {plural}"][0] == "ok"
    assert "`argoproj.io/v1alpha1` with workflowtemplates, cronworkflows, workflows" in found["Argo Workflows"][1]
    assert found["Workflow controller"][0] == "unknown", "no Workflow tells of it"
    assert TOKEN not in result.log.replace(f"::add-mask::{TOKEN}", "") + result.summary


def test_an_airflow_that_is_well_and_what_is_not(on_argo: Runner, workspace: Path) -> None:
    with served(Api()) as url:
        airflow = {"orchestrator": "airflow", "airflow_dags_folder": "dags", "airflow_url": url}
        result = look(on_argo, workspace, **airflow)
        found = lines(result)
        assert {state for state, _ in found.values()} == {"ok"}, result.log
        told = {"Task image", "Datastore", "DAGs folder", "Airflow", "Airflow user", "Airflow scheduler"}
        assert told <= set(found)
        assert "Orchestrator" not in found, "it is no extension"
        assert not (workspace / "dags").exists(), "nothing is made"
        on_argo.environment["METAFLOW_DEFAULT_DATASTORE"] = "local"
        assert_bad(look(on_argo, workspace, **airflow), "Datastore", "datastore", "tasks elsewhere cannot read")
    on_argo.environment["METAFLOW_DEFAULT_DATASTORE"] = "s3"
    result = look(on_argo, workspace, **{**airflow, "airflow_url": NOWHERE})
    assert_bad(result, "Airflow", "orchestrator-unreachable", "cannot be reached")


def test_a_flow_is_read_but_needs_not_be_there(runner: Runner, workspace: Path) -> None:
    assert lines(on_step_functions(runner, workspace, flow="flows/hello.py"))["Flow flows/hello.py"][0] == "ok"
    (workspace / "bad.py").write_text("class Bad(\n")
    assert_bad(on_step_functions(runner, workspace, flow="bad.py"), "Flow bad.py", "flow-invalid", "syntax error")
    result = on_step_functions(runner, workspace, flow="nosuch.py")
    assert_bad(result, "Input flow", "input", "nosuch.py")
    assert lines(result)["AWS Batch"][0] == "ok", "the rest is looked at all the same"


def test_inputs_that_belong_to_another_operation_are_no_matter(runner: Runner, workspace: Path) -> None:
    result = on_step_functions(runner, workspace, flow="flows/hello.py", trigger="true", wait="completed", tags="a")
    assert result.exit_code == 0, result.log
    assert "::warning::" not in result.log


def test_a_right_that_deploying_needs(on_argo: Runner, workspace: Path, cluster: KubernetesControl) -> None:
    cluster.configure(denied=[("create", "workflowtemplates"), ("list", "workflowtemplates")])
    result = look(on_argo, workspace, kubeconfig=cluster.kubeconfig())
    told = ("`create`, `list`", "`workflowtemplates.argoproj.io`", "`default`", "docs/rbac.yaml")
    assert_bad(result, "Rights on workflowtemplates", "permission", *told)


def test_a_right_that_only_another_operation_needs(
    on_argo: Runner, workspace: Path, cluster: KubernetesControl
) -> None:
    cluster.configure(denied=[("patch", "workflows")])
    result = look(on_argo, workspace, kubeconfig=cluster.kubeconfig())
    assert result.exit_code == 0
    assert ill(result) == {"Rights on workflows"}
    assert "without `patch` runs cannot be suspended or terminated" in lines(result)["Rights on workflows"][1]


def test_a_cluster_without_argo(on_argo: Runner, workspace: Path, cluster: KubernetesControl) -> None:
    cluster.configure(missing=["workflowtemplates", "cronworkflows"])
    result = look(on_argo, workspace, kubeconfig=cluster.kubeconfig())
    assert_bad(result, "Argo Workflows", "deploy", "`workflowtemplates.argoproj.io`", "`cronworkflows.argoproj.io`")


def test_a_schedule_that_the_cluster_has_no_word_for(
    on_argo: Runner, workspace: Path, cluster: KubernetesControl
) -> None:
    cluster.configure(cron_fields=["schedule"])
    assert lines(look(on_argo, workspace, kubeconfig=cluster.kubeconfig()))["Schedules"][0] == "ok"
    on_argo.environment["METAFLOW_ARGO_WORKFLOWS_USE_SCHEDULES"] = "true"
    result = look(on_argo, workspace, kubeconfig=cluster.kubeconfig())
    assert_bad(result, "Schedules", "half-deployed", "METAFLOW_ARGO_WORKFLOWS_USE_SCHEDULES")
    assert cluster.get("cronworkflows", "metaflow-deploy") is None, "it is only tried"


def test_a_cluster_that_refuses_and_one_that_is_not_there(
    on_argo: Runner, workspace: Path, cluster: KubernetesControl
) -> None:
    result = look(on_argo, workspace, kubeconfig=cluster.kubeconfig(token="wrong-token-0000"))
    assert_bad(result, "API server", "credentials", "refused the credentials")
    result = look(on_argo, workspace, kubeconfig=cluster.kubeconfig(server=NOWHERE))
    assert_bad(result, "API server", "orchestrator-unreachable", "did not answer")
    assert lines(result)["Rights in the cluster"] == ("unknown", "not looked at, since API server is not well")
    assert lines(result)["Datastore"][0] == "ok"


def test_a_token_that_has_expired_says_when(on_argo: Runner, workspace: Path, cluster: KubernetesControl) -> None:
    claims = base64.urlsafe_b64encode(json.dumps({"exp": 1_700_000_000}).encode()).decode().rstrip("=")
    result = look(on_argo, workspace, kubeconfig=cluster.kubeconfig(token=f"header.{claims}.signature"))
    state, told = lines(result)["Cluster credentials"]
    assert (state, "2023-11-14 22:13 UTC" in told) == ("bad", True), told
    assert claims not in result.log.replace(f"::add-mask::header.{claims}.signature", "") + result.summary
    assert result.outputs["failure-reason"] == "credentials"


def test_no_kubeconfig_at_all(on_argo: Runner, workspace: Path) -> None:
    assert_bad(look(on_argo, workspace), "API server", "credentials", "There is no kubeconfig")


def test_no_credentials(runner: Runner, workspace: Path) -> None:
    del runner.environment["AWS_ACCESS_KEY_ID"]
    runner.environment["AWS_EC2_METADATA_DISABLED"] = "true"
    result = on_step_functions(runner, workspace)
    assert_bad(result, "AWS credentials", "credentials", "no AWS credentials")
    for name in ("Datastore", "AWS Step Functions", "EventBridge", "AWS Batch"):
        assert lines(result)[name][0] == "unknown", name
    assert lines(result)["Metadata service"][0] == "ok"


@pytest.mark.parametrize(
    ("variable", "value", "name", "reason", "told"),
    [
        ("METAFLOW_SFN_IAM_ROLE", "", "METAFLOW_SFN_IAM_ROLE", "input", "the role of the state machine"),
        ("METAFLOW_BATCH_JOB_QUEUE", "nosuch", "AWS Batch", "deploy", "no job queue `nosuch`"),
        ("METAFLOW_DATASTORE_SYSROOT_S3", "s3://nosuch/x", "Datastore", "datastore", "NoSuchBucket"),
        ("METAFLOW_DATASTORE_SYSROOT_S3", "", "Datastore", "datastore", "no place is configured"),
        ("METAFLOW_DEFAULT_DATASTORE", "local", "Datastore", "datastore", "tasks elsewhere cannot read"),
        ("METAFLOW_SERVICE_URL", NOWHERE, "Metadata service", "orchestrator-unreachable", "cannot be reached"),
        ("METAFLOW_USER", "root", "User", "input", "does not know who deploys"),
        ("AWS_ENDPOINT_URL_SFN", NOWHERE, "AWS Step Functions", "orchestrator-unreachable", "did not answer"),
        ("AWS_ENDPOINT_URL_EVENTBRIDGE", NOWHERE, "EventBridge", "orchestrator-unreachable", "did not answer"),
    ],
)
def test_each_fault_is_told_by_its_own_line(
    runner: Runner, workspace: Path, variable: str, value: str, name: str, reason: str, told: str
) -> None:
    runner.environment[variable] = value
    assert_bad(on_step_functions(runner, workspace), name, reason, told)


@pytest.mark.parametrize(
    ("variable", "name", "told"),
    [
        ("METAFLOW_BATCH_CONTAINER_IMAGE", "Task image", "the Python that deploys"),
        ("METAFLOW_DEFAULT_METADATA", "Metadata service", "cannot be seen"),
        ("METAFLOW_SFN_DYNAMO_DB_TABLE", "METAFLOW_SFN_DYNAMO_DB_TABLE", "foreach"),
    ],
)
def test_what_is_worth_a_look_fails_nothing(
    runner: Runner, workspace: Path, variable: str, name: str, told: str
) -> None:
    del runner.environment[variable]
    result = on_step_functions(runner, workspace)
    assert result.exit_code == 0, result.log
    assert ill(result) == {name}
    assert told in lines(result)[name][1]
    assert "Deploying would work; 1 thing is worth a look" in result.summary


def test_a_service_that_never_answers_stops_no_other_look(runner: Runner, workspace: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        runner.environment["METAFLOW_SERVICE_URL"] = f"http://127.0.0.1:{silent.getsockname()[1]}"
        started = time.monotonic()
        result = on_step_functions(runner, workspace)
    assert time.monotonic() - started < 40
    assert_bad(result, "Metadata service", "orchestrator-unreachable", "Timeout")
    assert lines(result)["AWS Batch"][0] == "ok"


def test_requirements_that_cannot_be_installed(runner: Runner, workspace: Path) -> None:
    result = on_step_functions(runner, workspace, requirements="no-such-package-of-ours==1.0")
    assert_bad(result, "Input requirements", "input", "uv cannot install")
    assert lines(result)["AWS Batch"][0] == "ok", "the rest is looked at without them"


def test_an_orchestrator_that_is_not_installed(runner: Runner, workspace: Path) -> None:
    result = look(runner, workspace, orchestrator="nowhere")
    assert_bad(result, "Input orchestrator", "input", "`argo-workflows`, `step-functions`")


def test_a_token_that_cannot_comment_is_worth_a_look(runner: Runner, workspace: Path, world: World) -> None:
    world.github.fail_next("GET", "/issues/comments", status=403)
    result = on_step_functions(runner, workspace)
    assert result.exit_code == 0
    assert ill(result) == {"GitHub token"}
    assert "pull-requests: write" in lines(result)["GitHub token"][1]
    result = on_step_functions(runner, workspace, github_token=" ")
    assert "no pull request gets a comment" in lines(result)["GitHub token"][1]
