"""Authentication at a Kubernetes cluster as people have it, through the whole action: an EKS cluster by its name, the
service account of a runner in the cluster, kubeconfigs and their exec plug-ins."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client as kubernetes_client
from kubernetes import config as kubernetes_config

from deployer.credentials.aws import Cluster, cluster_kubeconfig
from deployer.deadline import Cancellation, Deadline
from sandbox.aws.resources import DEPLOY_ROLE_ARN, REGION
from sandbox.interpreter import changed_interpreter
from sandbox.job import Job
from sandbox.kubernetes_api.app import TOKEN
from sandbox.kubernetes_api.control import KubernetesControl
from sandbox.kubernetes_api.secure import SecureApi
from sandbox.processes import Servers
from sandbox.runner import ROOT, JobResult, Runner
from sandbox.world import World

IDENTITY = "arn:aws:sts::123456789012:assumed-role/metaflow-deploy/octo-org.flows@"


@pytest.fixture
def runner(runner: Runner, world: World) -> Runner:
    """A runner whose job has `permissions: id-token: write`."""
    runner.environment.update(world.github.id_token_variables, AWS_EC2_METADATA_DISABLED="true")
    runner.environment["METAFLOW_KUBERNETES_CONTAINER_IMAGE"] = "registry.example.com/flows:1"
    return runner


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


def run(runner: Runner, workspace: Path, flow: str = "hello", **inputs: Any) -> JobResult:
    """Run the action on a push; the inputs in snake_case."""
    return Job(runner, workspace)(flow, **inputs)


def with_role(runner: Runner, workspace: Path, **inputs: Any) -> JobResult:
    return run(runner, workspace, aws_region=REGION, aws_role_to_assume=DEPLOY_ROLE_ARN, **inputs)


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
    runner.python = changed_interpreter(tmp_path / "short", SHORT_TOKENS.format(root=str(ROOT)))
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
    assert "::warning" not in result.log


# a runner in the cluster


def as_pod(runner: Runner, api: SecureApi, folder: Path, *, token: str | None = TOKEN) -> None:
    """Have the job's processes find the service account of a pod: its variables, and its files in another folder, since
    /var/run/secrets is root's."""
    host, port = api.url.removeprefix("https://").split(":")
    runner.environment.update(KUBERNETES_SERVICE_HOST=host, KUBERNETES_SERVICE_PORT=port)
    runner.python = changed_interpreter(
        folder,
        "import kubernetes.config.incluster_config as places\n"
        f"places.SERVICE_TOKEN_FILENAME = {str(folder / 'token')!r}\n"
        f"places.SERVICE_CERT_FILENAME = {str(api.certificate)!r}\n",
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
    result = run(runner, workspace, flow="guarded", kubeconfig=api.kubeconfig())
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
