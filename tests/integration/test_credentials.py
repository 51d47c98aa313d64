"""Authentication as people have it, through the whole action: a role by GitHub's OIDC token, an EKS cluster, the
service account of a runner in a cluster, exec plug-ins, runs without secrets."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client as kubernetes_client
from kubernetes import config as kubernetes_config

from deployer.credentials.aws import Cluster, cluster_kubeconfig
from deployer.deadline import Cancellation, Deadline
from sandbox.aws.resources import DEPLOY_ROLE_ARN, REGION
from sandbox.github.control import ID_TOKEN_PATH, ID_TOKEN_REQUEST_TOKEN
from sandbox.kubernetes_api.app import TOKEN
from sandbox.kubernetes_api.control import KubernetesControl
from sandbox.kubernetes_api.secure import SecureApi
from sandbox.processes import Servers
from sandbox.runner import ROOT, JobEvent, JobResult, Runner, merged_pull_request, push
from sandbox.world import World

SHA = "7a" * 20
PUSH = JobEvent(name="push", payload=push(before="1" * 40, after=SHA), sha=SHA)
IDENTITY = "arn:aws:sts::123456789012:assumed-role/metaflow-deploy/metaflow-deploy-"
HELD_FLOW = """
import os
import time

from metaflow import FlowSpec, step

assert "ACTIONS_ID_TOKEN_REQUEST_TOKEN" not in os.environ, "a flow may ask GitHub for tokens"


class HeldFlow(FlowSpec):
    @step
    def start(self):
        while not os.path.exists({release!r}):
            time.sleep(0.1)
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    HeldFlow()
"""


@pytest.fixture
def runner(runner: Runner, world: World) -> Iterator[Runner]:
    """A runner whose job has `permissions: id-token: write`; AWS and GitHub as they were afterwards."""
    runner.environment.update(world.github.id_token_variables, AWS_EC2_METADATA_DISABLED="true")
    runner.environment["METAFLOW_KUBERNETES_CONTAINER_IMAGE"] = "registry.example.com/flows:1"
    yield runner
    world.github.set_id_tokens()
    world.aws.set_credential_lifetime(None)


@pytest.fixture
def api(tmp_path: Path) -> Iterator[KubernetesControl]:
    """The Kubernetes API over HTTP."""
    servers = Servers(tmp_path)
    try:
        yield KubernetesControl(servers.start("sandbox.kubernetes_api", host="127.0.0.1"))
    finally:
        servers.stop()


@pytest.fixture
def secure_api(tmp_path: Path) -> Iterator[SecureApi]:
    servers = Servers(tmp_path)
    try:
        yield SecureApi(servers, tmp_path / "tls")
    finally:
        servers.stop()


def run(
    runner: Runner, workspace: Path, event: JobEvent = PUSH, tell: Callable[[str], None] | None = None, **inputs: str
) -> JobResult:
    given = {"flow": "flows/hello.py", "comment": "off", **inputs}
    named = {name.replace("_", "-"): value for name, value in given.items()}
    return runner.run(event, {name: value for name, value in named.items() if value}, workspace=workspace, tell=tell)


def with_role(runner: Runner, workspace: Path, **inputs: Any) -> JobResult:
    role = {"aws_region": REGION, "aws_role_to_assume": DEPLOY_ROLE_ARN}
    return run(runner, workspace, **{"orchestrator": "step-functions", **role, **inputs})


def id_token_requests(world: World) -> list[dict[str, Any]]:
    return [one for one in world.github.requests() if one["path"] == ID_TOKEN_PATH]


def held_run(runner: Runner, workspace: Path, enough: Callable[[], bool], **inputs: Any) -> JobResult:
    """Run a flow whose start step ends once there has been enough."""
    release = workspace / "release"
    (workspace / "flows" / "held.py").write_text(HELD_FLOW.format(release=str(release)))
    stop = threading.Event()

    def watch() -> None:
        deadline, cancellation = Deadline(120), Cancellation()
        while not (stop.is_set() or deadline.passed or enough()):
            cancellation.wait(0.1)
        release.touch()

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        given = {"trigger": "true", "wait": "completed", "poll_interval": "200ms", "wait_timeout": "180s"}
        return with_role(runner, workspace, flow="flows/held.py", **given, **inputs)
    finally:
        stop.set()
        watching.join()


def warnings(result: JobResult) -> list[str]:
    return [line for line in result.log.splitlines() if line.startswith("::warning")]


# a role by GitHub's OIDC token


def test_a_role_is_renewed_for_as_long_as_the_job_waits(runner: Runner, workspace: Path, world: World) -> None:
    # botocore asks anew with each request when less than ten minutes are left, so that an old token is met at once
    world.aws.set_credential_lifetime(300)
    world.github.set_id_tokens(lifetime=3)
    asked, assumed = len(id_token_requests(world)), len(world.aws.assumed())
    result = held_run(runner, workspace, lambda: len(id_token_requests(world)) >= asked + 5)
    assert result.outputs["run-status"] == "succeeded", result.log
    exchanges = world.aws.assumed()[assumed:]
    assert [one["refused"] for one in exchanges if one["refused"]] == [], "an expired token was presented"
    assert len({one["jti"] for one in exchanges}) >= 4, "the file is read anew"
    assert {one["role"] for one in exchanges} == {DEPLOY_ROLE_ARN}
    assert f"AWS: the job acts as {IDENTITY}" in result.log
    assert any("in place of AWS_ACCESS_KEY_ID" in line for line in result.log.splitlines() if "::notice" in line)
    assert warnings(result) == []
    assert runner.left_over() == []


def test_no_token_is_printed(runner: Runner, workspace: Path, world: World) -> None:
    result = with_role(runner, workspace, deployment_name="Silent")
    assert result.exit_code == 0, result.log
    tokens = [line for line in result.log.splitlines() if "eyJ" in line]
    assert tokens, "each token is masked"
    assert all(line.startswith("::add-mask::") for line in tokens)
    assert f"::add-mask::{ID_TOKEN_REQUEST_TOKEN}" in tokens


def test_the_token_endpoint_may_be_down_for_a_while(runner: Runner, workspace: Path, world: World) -> None:
    world.aws.set_credential_lifetime(300)
    world.github.set_id_tokens(lifetime=6)
    asked = len(id_token_requests(world))

    def break_it(line: str) -> None:
        if line.startswith("AWS: the job acts as"):
            world.github.fail_next("GET", ID_TOKEN_PATH, status=503, times=1)

    def enough() -> bool:
        return [one["status"] for one in id_token_requests(world)[asked:]].count(200) >= 3

    result = held_run(runner, workspace, enough, tell=break_it)
    assert result.outputs["run-status"] == "succeeded", result.log
    (warning,) = warnings(result)
    assert "no new OIDC token" in warning
    assert "503" in warning
    assert "GitHub gives OIDC tokens again." in result.log


def test_a_job_without_the_permission_is_told_what_to_write(runner: Runner, workspace: Path, world: World) -> None:
    for name in world.github.id_token_variables:
        del runner.environment[name]
    result = with_role(runner, workspace)
    assert result.outputs["failure-reason"] == "credentials", result.log
    assert "`permissions: id-token: write`" in result.summary
    assert "aws-role-to-assume" in result.log


def test_a_request_token_that_github_refuses_is_told(runner: Runner, workspace: Path) -> None:
    runner.environment["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] = "of-another-job"
    result = with_role(runner, workspace)
    assert result.outputs["failure-reason"] == "credentials", result.log
    assert "GitHub refused the job an OIDC token (status 401)" in result.summary


def test_a_role_that_does_not_trust_the_repository_is_told_with_awss_words(
    runner: Runner, workspace: Path, world: World
) -> None:
    world.github.set_id_tokens(subject="repo:octo-org/other:environment:production")
    result = with_role(runner, workspace)
    assert result.outputs["failure-reason"] == "credentials", result.log
    assert "AWS does not let this job assume the role" in result.summary
    assert "trust policy" in result.summary
    assert "Not authorized to perform sts:AssumeRoleWithWebIdentity" in result.summary


def test_nothing_is_asked_of_github_without_a_role(runner: Runner, workspace: Path, world: World) -> None:
    asked = len(id_token_requests(world))
    assert run(runner, workspace, orchestrator="step-functions", deployment_name="Keys").exit_code == 0
    assert len(id_token_requests(world)) == asked


# an EKS cluster by its name


@pytest.fixture
def eks(secure_api: SecureApi, world: World) -> SecureApi:
    """The API as the EKS cluster `flows-prod`."""
    secure_api.become_eks_cluster("flows-prod", world)
    return secure_api


@pytest.mark.parametrize("requirements", ["", "# nothing beside the image's own"], ids=["image", "overlay"])
def test_an_eks_cluster_is_deployed_to_by_its_name(
    requirements: str, runner: Runner, workspace: Path, eks: SecureApi
) -> None:
    result = with_role(
        runner, workspace, orchestrator="argo-workflows", eks_cluster="flows-prod", requirements=requirements
    )
    assert result.exit_code == 0, result.log
    assert eks.control.get("workflowtemplates", "helloflow") is not None
    seen = eks.control.eks_tokens()
    assert [one["rejected"] for one in seen if one["rejected"]] == []
    assert all(one["identity"].startswith(IDENTITY) for one in seen)
    assert len({one["token"] for one in seen}) >= 2, "Metaflow's processes make tokens of their own"
    assert "k8s-aws-v1" not in result.log


def test_keys_are_enough_for_an_eks_cluster(runner: Runner, workspace: Path, eks: SecureApi) -> None:
    result = run(runner, workspace, eks_cluster="flows-prod", aws_region=REGION)
    assert result.exit_code == 0, result.log
    assert {one["identity"] for one in eks.control.eks_tokens()} == {"arn:aws:sts::123456789012:user/moto"}


def test_a_misspelt_eks_cluster_is_told_the_nearest(runner: Runner, workspace: Path, eks: SecureApi) -> None:
    result = run(runner, workspace, eks_cluster="flow-prod", aws_region=REGION)
    assert result.outputs["failure-reason"] == "input", result.log
    assert "no EKS cluster" in result.summary
    assert "Write <code>flows-prod</code>" in result.summary or "Write `flows-prod`" in result.summary


def test_an_eks_cluster_that_is_being_created_is_told(
    runner: Runner, workspace: Path, eks: SecureApi, world: World
) -> None:
    world.aws.put_cluster("flows-new", endpoint=eks.url, status="CREATING")
    result = run(runner, workspace, eks_cluster="flows-new", aws_region=REGION)
    assert result.outputs["failure-reason"] == "orchestrator-unreachable", result.log
    assert "CREATING" in result.summary


def test_a_token_for_another_cluster_is_refused(runner: Runner, workspace: Path, eks: SecureApi, world: World) -> None:
    """The sandbox is held to what EKS does: the cluster's name is signed."""
    world.aws.put_cluster("flows-other", endpoint=eks.url, certificate_authority=eks.authority)
    eks.control.become_eks_cluster("flows-third", "http://127.0.0.1:9")
    result = run(runner, workspace, eks_cluster="flows-other", aws_region=REGION)
    assert result.outputs["failure-reason"] == "credentials", result.log


@pytest.mark.parametrize(("lifetime", "made"), [(60, 4), (14 * 60, 1)], ids=["about to end", "fresh"])
def test_the_kubernetes_client_makes_a_token_anew_before_its_end(
    lifetime: int, made: int, eks: SecureApi, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in world.environment.items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    document = cluster_kubeconfig(
        Cluster(name="flows-prod", region=REGION, endpoint=eks.url, certificate_authority=eks.authority)
    )
    plugin = document["users"][0]["user"]["exec"]
    counting, count = tmp_path / "counting", tmp_path / "count"
    counting.write_text(f'#!/bin/sh\necho made >> {count}\nexec {plugin["command"]} "$@"\n')
    counting.chmod(0o700)
    plugin["command"] = str(counting)
    plugin["args"] += ["--lifetime", str(lifetime)]
    configuration = kubernetes_client.Configuration()
    kubernetes_config.load_kube_config_from_dict(document, client_configuration=configuration)
    objects = kubernetes_client.CustomObjectsApi(kubernetes_client.ApiClient(configuration))
    for _ in range(3):
        objects.list_namespaced_custom_object("argoproj.io", "v1alpha1", "default", "workflows")
    assert len(count.read_text().splitlines()) == made
    assert [one["rejected"] for one in eks.control.eks_tokens()] == [None] * 3


SHORT_TOKENS = """
import sys

sys.path.insert(0, {root!r})
import deployer.credentials.open as places

made = places.cluster_kubeconfig


def with_short_tokens(cluster):
    document = made(cluster)
    document["users"][0]["user"]["exec"]["args"] += ["--lifetime", "304"]
    return document


places.cluster_kubeconfig = with_short_tokens
"""
"""A sitecustomize by which tokens say that they end in 304 s; Kubernetes' client asks anew 300 s before that."""


def test_the_actions_wait_outlives_the_tokens_of_an_eks_cluster(
    runner: Runner, workspace: Path, secure_api: SecureApi, world: World, tmp_path: Path
) -> None:
    secure_api.become_eks_cluster("flows-prod", world, seconds=15)
    (tmp_path / "short").mkdir()
    (tmp_path / "short" / "sitecustomize.py").write_text(SHORT_TOKENS.format(root=str(ROOT)))
    runner.environment["PYTHONPATH"] = str(tmp_path / "short")
    api, since = secure_api.control, {"wait": 0}

    def play(line: str) -> None:
        """The controller's part: the run starts once it is seen, and ends when its first token is long over."""
        (workflow,) = api.workflows() or [None]
        if workflow is None or since["wait"]:
            return
        since["wait"] = len(api.eks_tokens())
        ending.start()

    def end() -> None:
        deadline, cancellation = Deadline(120), Cancellation()
        name = api.workflows()[0]["metadata"]["name"]
        api.set_status(name, phase="Running", startedAt="2026-11-23T08:00:00Z")
        while not deadline.passed and len({one["token"] for one in api.eks_tokens()[since["wait"] :]}) < 6:
            cancellation.wait(0.2)
        times = {"startedAt": "2026-11-23T08:00:00Z", "finishedAt": "2026-11-23T08:01:00Z"}
        api.set_status(name, phase="Succeeded", **times)

    ending = threading.Thread(target=end)
    follow = {"trigger": "true", "wait": "completed", "poll_interval": "500ms", "wait_timeout": "180s"}
    result = run(runner, workspace, eks_cluster="flows-prod", aws_region=REGION, tell=play, **follow)
    assert since["wait"], result.log
    ending.join()
    assert result.outputs["run-status"] == "succeeded", result.log
    waited = api.eks_tokens()[since["wait"] :]
    assert {one["rejected"] for one in waited} == {None}
    assert len({one["token"] for one in waited}) >= 6, "five lifetimes of a token, and one is taken for less than four"
    assert warnings(result) == []


# a runner in the cluster


def as_pod(runner: Runner, api: SecureApi, folder: Path, *, token: str | None = TOKEN) -> None:
    """Have the job's processes find the service account of a pod: its variables, and its files in another folder, since
    /var/run/secrets is root's."""
    host, port = api.url.removeprefix("https://").split(":")
    runner.environment.update(KUBERNETES_SERVICE_HOST=host, KUBERNETES_SERVICE_PORT=port, PYTHONPATH=str(folder))
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        "import kubernetes.config.incluster_config as places\n"
        f"places.SERVICE_TOKEN_FILENAME = {str(folder / 'token')!r}\n"
        f"places.SERVICE_CERT_FILENAME = {str(api.certificate)!r}\n"
    )
    if token is not None:
        (folder / "token").write_text(token)


def test_a_runner_in_the_cluster_needs_no_kubeconfig(
    runner: Runner, workspace: Path, secure_api: SecureApi, tmp_path: Path
) -> None:
    as_pod(runner, secure_api, tmp_path / "pod")
    result = run(runner, workspace)
    assert result.exit_code == 0, result.log
    assert secure_api.control.get("workflowtemplates", "helloflow") is not None


def test_a_kubeconfig_comes_before_the_service_account(
    runner: Runner, workspace: Path, secure_api: SecureApi, api: KubernetesControl, tmp_path: Path
) -> None:
    as_pod(runner, secure_api, tmp_path / "pod")
    assert run(runner, workspace, kubeconfig=api.kubeconfig()).exit_code == 0
    assert api.get("workflowtemplates", "helloflow") is not None
    assert secure_api.control.get("workflowtemplates", "helloflow") is None


def test_a_container_without_the_pods_files_is_told(
    runner: Runner, workspace: Path, secure_api: SecureApi, tmp_path: Path
) -> None:
    as_pod(runner, secure_api, tmp_path / "pod", token=None)
    result = run(runner, workspace)
    assert result.outputs["failure-reason"] == "credentials", result.log
    assert "no service account" in result.summary
    assert "authentication.md" in result.summary


# kubeconfigs


def test_a_kubeconfig_in_base64_is_as_good(runner: Runner, workspace: Path, api: KubernetesControl) -> None:
    text = base64.encodebytes(api.kubeconfig().encode()).decode()
    result = run(runner, workspace, kubeconfig=text)
    assert result.exit_code == 0, result.log
    shown = [line for line in result.log.splitlines() if TOKEN in line or text.splitlines()[0] in line]
    assert shown
    assert all(line.startswith("::add-mask::") for line in shown)


GUARDED = """
import os
import stat

from metaflow import FlowSpec, step

file = os.environ["KUBECONFIG"]
assert stat.S_IMODE(os.stat(file).st_mode) == 0o600, oct(os.stat(file).st_mode)
assert stat.S_IMODE(os.stat(os.path.dirname(file)).st_mode) == 0o700, "others may look into its folder"
with open({told!r}, "a") as told:
    told.write(file + "\\n")


class GuardedFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    GuardedFlow()
"""


@pytest.mark.parametrize("ends", ["well", "badly"])
def test_the_kubeconfigs_file_is_the_jobs_alone_and_gone_after_it(
    ends: str, runner: Runner, workspace: Path, api: KubernetesControl, tmp_path: Path
) -> None:
    told = tmp_path / "told"
    (workspace / "flows" / "guarded.py").write_text(GUARDED.format(told=str(told)))
    if ends == "badly":
        api.configure(denied=[("create", "workflowtemplates")])
    result = run(runner, workspace, flow="flows/guarded.py", kubeconfig=api.kubeconfig())
    assert result.exit_code == (0 if ends == "well" else 1), result.log
    files = {Path(line) for line in told.read_text().splitlines()}
    assert files
    assert [file for file in files if file.exists() or file.parent.exists()] == []


def exec_kubeconfig(api: KubernetesControl, command: str, *arguments: str) -> str:
    document = json.loads(api.kubeconfig())
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": command, "args": list(arguments)}
    document["users"][0]["user"] = {"exec": plugin}
    return json.dumps(document)


@pytest.mark.parametrize("given", ["input", "KUBECONFIG"])
def test_a_program_that_the_image_lacks_is_named_with_the_way_out(
    given: str, runner: Runner, workspace: Path, api: KubernetesControl, tmp_path: Path
) -> None:
    text = exec_kubeconfig(api, "/nowhere/aws-iam-authenticator", "token", "-i", "prod")
    if given == "KUBECONFIG":
        (tmp_path / "kubeconfig").write_text(text)
        runner.environment["KUBECONFIG"] = str(tmp_path / "kubeconfig")
    result = run(runner, workspace, kubeconfig=text if given == "input" else "")
    assert result.outputs["failure-reason"] == "credentials", result.log
    assert "aws-iam-authenticator" in result.summary
    assert "eks-cluster" in result.summary


def test_a_program_that_gives_nothing_is_told_with_its_words(
    runner: Runner, workspace: Path, api: KubernetesControl
) -> None:
    text = exec_kubeconfig(api, "python3", "-c", "raise SystemExit('the vault is sealed')")
    result = run(runner, workspace, kubeconfig=text)
    assert result.outputs["failure-reason"] == "credentials", result.log
    assert "the vault is sealed" in result.summary


def test_a_program_that_gives_a_token_is_as_good(runner: Runner, workspace: Path, api: KubernetesControl) -> None:
    credential = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": TOKEN}}
    text = exec_kubeconfig(api, "python3", "-c", f"print({json.dumps(credential)!r})")
    assert run(runner, workspace, kubeconfig=text).exit_code == 0


# runs without secrets


def of_a_fork(number: int) -> JobEvent:
    payload = merged_pull_request(number, "A change", sha=SHA, head="mona/flows")
    return JobEvent(name="pull_request", payload=payload, sha=SHA, ref=f"refs/pull/{number}/merge")


DEPENDABOT = JobEvent(name="push", payload=push(before="1" * 40, after=SHA), sha=SHA, actor="dependabot[bot]")


@pytest.mark.parametrize(
    ("event", "cause", "todo"),
    [(of_a_fork(901), "comes from a fork", "`push`"), (DEPENDABOT, "Dependabot is the actor", "Dependabot")],
    ids=["fork", "Dependabot"],
)
@pytest.mark.parametrize("lacking", ["kubeconfig", "AWS keys", "OIDC token"])
def test_a_run_without_secrets_says_so_as_the_cause(
    lacking: str, event: JobEvent, cause: str, todo: str, runner: Runner, workspace: Path, world: World
) -> None:
    for name in [*world.github.id_token_variables, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]:
        del runner.environment[name]
    inputs = {"orchestrator": "step-functions"}
    if lacking == "kubeconfig":
        inputs = {"orchestrator": "argo-workflows"}
    elif lacking == "OIDC token":
        inputs |= {"aws_role_to_assume": DEPLOY_ROLE_ARN}
    result = run(runner, workspace, event, **inputs)
    assert result.outputs["failure-reason"] == "credentials", result.log
    (error,) = [line for line in result.log.splitlines() if line.startswith("::error")]
    assert cause in error
    assert todo in error
    assert warnings(result) == [], "told once"


def test_a_fork_with_all_that_it_needs_is_only_warned(runner: Runner, workspace: Path) -> None:
    result = run(runner, workspace, of_a_fork(902), orchestrator="step-functions", deployment_name="Fork")
    assert result.exit_code == 0, result.log
    assert any("comes from a fork" in line for line in warnings(result))
