"""Authentication as people have it through the reusable workflow, whose job has no steps of the caller's: a role by
GitHub's OIDC token, an EKS cluster by its name, a kubeconfig in base64, a fork. act runs it, with this tree's image."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.aws.resources import DEPLOY_ROLE_ARN, REGION
from sandbox.docker.act import ActResult
from sandbox.docker.caller import Caller
from sandbox.docker.repositories import example_workflow
from sandbox.kubernetes_api.app import TOKEN
from sandbox.kubernetes_api.secure import SecureApi
from sandbox.processes import Servers
from sandbox.world import World

NO_KEYS = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
ROLE = f"aws-region: {REGION}\naws-role-to-assume: {DEPLOY_ROLE_ARN}"
IDENTITY = "arn:aws:sts::123456789012:assumed-role/metaflow-deploy/octo-org.flows@"
MAY_ASK = "      pull-requests: write # to comment\n"
THREE = "        flows/prepare.py\n        flows/train.py\n        flows/score.py\n"
CLOSED = {"  push:\n    branches: [main]\n    paths: [flows/**]\n": "  pull_request:\n    types: [closed]\n"}
CONFIG = json.dumps({"METAFLOW_KUBERNETES_CONTAINER_IMAGE": "registry.example.com/flows:1"})


@pytest.fixture
def api(tmp_path: Path) -> Iterator[SecureApi]:
    """The Kubernetes API over TLS; nothing runs there."""
    servers = Servers(tmp_path)
    try:
        yield SecureApi(servers, tmp_path / "tls")
    finally:
        servers.stop()


def many_flows(given: str, *flows: str) -> str:
    """The example that calls the reusable workflow, for these flows, with the permission to ask for an OIDC token."""
    listed = "".join(f"        flows/{flow}.py\n" for flow in flows)
    replaced = {THREE: listed, MAY_ASK: f"{MAY_ASK}      id-token: write # to assume the role\n"}
    return example_workflow("many-flows.yml", given=given, replaced=replaced)


def deployed(result: ActResult) -> list[str]:
    """The deployment identifiers, in order."""
    assert result.outputs()["status"] == "success", result.log
    return [one["deployment_id"] for one in json.loads(result.outputs()["deployments"])]


def test_the_reusable_workflow_assumes_a_role_and_renews_it_while_it_waits(caller: Caller, world: World) -> None:
    # renewed at half of their life, well within the runs
    world.aws.set_credential_lifetime(30)
    world.github.set_id_tokens(lifetime=4)
    waits = "orchestrator: step-functions\npoll-interval: 500ms\ntrigger: true\nwait: completed"
    result = caller.push(many_flows(f"{waits}\n{ROLE}", "prepare", "train"), environment=NO_KEYS)
    assert deployed(result) == ["examples.prod.PrepareFlow", "TrainFlow"]
    assert f"the job acts as {IDENTITY}" in result.printed
    runs = [one["run_status"] for one in json.loads(result.outputs()["deployments"])]
    assert runs == ["succeeded", "succeeded"]
    exchanges = world.aws.assumed()
    assert {one["refused"] for one in exchanges} == {None}
    assert {one["role"] for one in exchanges} == {DEPLOY_ROLE_ARN}
    assert len({one["jti"] for one in exchanges}) >= 2, "the token is asked for anew while the runs are waited for"


def test_the_reusable_workflow_deploys_to_an_eks_cluster_by_its_name(
    caller: Caller, world: World, api: SecureApi
) -> None:
    api.become_eks_cluster("flows-prod", world)
    text = many_flows(f"eks-cluster: flows-prod\n{ROLE}", "hello", "train")
    result = caller.push(text, environment=NO_KEYS, secrets={"METAFLOW_CONFIG": CONFIG})
    for name in deployed(result):
        assert api.control.get("workflowtemplates", name) is not None
    seen = api.control.eks_tokens()
    assert {one["rejected"] for one in seen} == {None}
    assert all(one["identity"].startswith(IDENTITY) for one in seen)
    assert len({one["token"] for one in seen}) >= 2, "Metaflow's processes make tokens of their own"
    assert "k8s-aws-v1" not in result.log


def test_the_image_makes_an_eks_clusters_tokens_in_a_step_too(caller: Caller, world: World, api: SecureApi) -> None:
    api.become_eks_cluster("flows-prod", world)
    config = {"METAFLOW_CONFIG": CONFIG}
    given = f"eks-cluster: flows-prod\n{ROLE}"
    kubeconfig = "          kubeconfig: ${{ secrets.KUBECONFIG }}\n"
    text = example_workflow("quick-start.yml", given=given, replaced={kubeconfig: ""})
    result = caller.push(text, environment=NO_KEYS, secrets=config)
    (name,) = deployed(result)
    assert api.control.get("workflowtemplates", name) is not None
    assert {one["rejected"] for one in api.control.eks_tokens()} == {None}


def test_a_kubeconfig_in_base64_is_as_good_for_the_reusable_workflow(caller: Caller, api: SecureApi) -> None:
    document = json.loads(api.control.kubeconfig())
    document["clusters"][0]["cluster"]["certificate-authority-data"] = api.authority
    text = base64.b64encode(json.dumps(document).encode()).decode()
    result = caller.push(many_flows("", "hello"), secrets={"METAFLOW_CONFIG": CONFIG, "KUBECONFIG": text})
    (name,) = deployed(result)
    assert api.control.get("workflowtemplates", name) is not None
    assert TOKEN not in result.log
    assert text not in result.log


def test_a_fork_is_told_as_the_cause_by_the_reusable_workflow(caller: Caller) -> None:
    text = example_workflow("many-flows.yml", replaced=CLOSED)
    result = caller.close(text, merged=True, head="mona/flows")
    assert result.outputs()["status"] == "failure", result.log
    assert result.outputs()["failure-reason"] == "credentials"
    (error,) = [one for one in result.annotations("error") if "comes from a fork" in one]
    assert "Deploy on `push`" in error
