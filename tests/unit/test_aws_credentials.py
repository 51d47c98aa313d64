"""AWS's refusals of a role, and EKS clusters: what each means, and what is made of it."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from deployer.credentials import ask_aws
from deployer.credentials.aws import Cluster, cluster_kubeconfig, session_name
from deployer.inputs import read_inputs
from deployer.orchestrators.clients.aws_errors import role_refusal
from deployer.orchestrators.diagnosis import classify_output
from deployer.outcome import DeployError, FailureReason


def test_a_session_is_named_as_aws_takes_it() -> None:
    assert session_name("octo-org/flows", "123", 2) == "octo-org.flows@123-2"
    for odd in ("a/b c:d", "", "9" * 100, "ä/ö"):
        for run in ("123", "", "1:2", "9" * 100):
            assert re.fullmatch(r"[A-Za-z0-9_+=,.@-]{2,64}", session_name(odd, run, 1)), (odd, run)


def test_a_sessions_name_keeps_the_run_where_the_repositorys_is_long() -> None:
    name = session_name(f"{'o' * 39}/{'r' * 100}", "12345678901", 12)
    assert len(name) == 64
    assert name.startswith("o" * 39 + ".r")
    assert name.endswith("@12345678901-12")


@pytest.mark.parametrize(
    ("code", "told", "todo"),
    [
        ("AccessDenied", "does not let this job assume", "trust policy"),
        ("InvalidIdentityToken", "does not take GitHub's OIDC tokens", "identity provider"),
        ("ExpiredTokenException", "had expired", "Run the job again"),
        ("ValidationError", "(ValidationError)", "below"),
    ],
)
@pytest.mark.parametrize("retried", ["", " (reached max retries: 4)"])
def test_each_refusal_of_a_role_says_what_to_do(code: str, told: str, todo: str, retried: str) -> None:
    said = f"An error occurred ({code}) when calling the AssumeRoleWithWebIdentity operation{retried}: Because of that"
    failure = role_refusal(f"Traceback …\nbotocore.exceptions.ClientError: {said}\nmore")
    assert failure is not None
    assert failure.reason is FailureReason.CREDENTIALS
    assert told in failure.message
    assert todo in failure.advice
    assert "Because of that" in failure.evidence
    assert classify_output(f"    S3 access failed:\n    S3 operation failed.\n    Error: {said}\n") == replace(
        failure, evidence=""
    )


def test_other_errors_are_no_refusal_of_a_role() -> None:
    assert role_refusal("An error occurred (AccessDenied) when calling the ListBuckets operation: no") is None


def eks() -> tuple[Any, Stubber]:
    client = boto3.client("eks", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")
    return client, Stubber(client)


def described(status: str) -> dict[str, Any]:
    cluster = {"name": "prod", "status": status, "endpoint": "https://a", "certificateAuthority": {"data": "Q0E="}}
    return {"cluster": cluster}


@pytest.mark.parametrize("status", ["ACTIVE", "UPDATING"])
def test_a_cluster_that_serves_is_taken(status: str) -> None:
    client, stub = eks()
    stub.add_response("describe_cluster", described(status), {"name": "prod"})
    with stub:
        found = ask_aws.describe(client, "prod")
    assert found == Cluster(name="prod", region="eu-west-1", endpoint="https://a", certificate_authority="Q0E=")


@pytest.mark.parametrize("status", ["CREATING", "DELETING", "FAILED", "PENDING"])
def test_a_cluster_that_does_not_serve_is_told(status: str) -> None:
    client, stub = eks()
    stub.add_response("describe_cluster", described(status), {"name": "prod"})
    with stub, pytest.raises(DeployError, match=status) as raised:
        ask_aws.describe(client, "prod")
    assert raised.value.failure.input == "eks-cluster"


@pytest.mark.parametrize(
    ("names", "advice"),
    [
        (["prod-ml", "staging"], "Write `prod-ml`, which is the nearest."),
        (["xyz"], "That region has `xyz`; check `aws-region` too."),
        ([], "Write the name that `aws eks list-clusters` shows, and check `aws-region`."),
        (None, "Write the name that `aws eks list-clusters` shows, and check `aws-region`."),
    ],
)
def test_a_cluster_that_is_not_there_is_told_the_nearest(names: list[str] | None, advice: str) -> None:
    client, stub = eks()
    stub.add_client_error("describe_cluster", "ResourceNotFoundException", "No cluster found for name: prod-mll.")
    if names is None:
        stub.add_client_error("list_clusters", "AccessDeniedException", "not authorized")
    else:
        stub.add_response("list_clusters", {"clusters": names})
    with stub, pytest.raises(DeployError) as raised:
        ask_aws.describe(client, "prod-mll")
    failure = raised.value.failure
    assert (failure.reason, failure.input, failure.advice) == (FailureReason.INPUT, "eks-cluster", advice)
    assert "in eu-west-1" in failure.message


def test_a_right_that_is_missing_at_eks_is_named() -> None:
    client, stub = eks()
    said = "User: arn:aws:sts::1:assumed-role/ci/x is not authorized to perform: eks:DescribeCluster on resource: r"
    stub.add_client_error("describe_cluster", "AccessDeniedException", said)
    with stub, pytest.raises(DeployError) as raised:
        ask_aws.describe(client, "prod")
    assert raised.value.failure.reason is FailureReason.PERMISSION
    assert "eks:DescribeCluster" in raised.value.failure.message


def test_the_kubeconfig_of_a_cluster_is_one_that_the_input_takes() -> None:
    cluster = Cluster(name="prod", region="eu-west-1", endpoint="https://a", certificate_authority="Q0E=")
    text = json.dumps(cluster_kubeconfig(cluster))
    assert read_inputs({"INPUT_FLOW": "a.py", "INPUT_KUBECONFIG": text}).kubeconfig == text
    plugin = cluster_kubeconfig(cluster)["users"][0]["user"]["exec"]
    assert Path(plugin["command"]).is_absolute(), "a flow's PATH may have another Python first"
    assert Path(plugin["args"][1]).is_file()


def test_the_tokens_program_says_why_it_gives_none(tmp_path: Path) -> None:
    cluster = Cluster(name="prod", region="eu-west-1", endpoint="https://a", certificate_authority="Q0E=")
    plugin = cluster_kubeconfig(cluster)["users"][0]["user"]["exec"]
    environment = {"HOME": str(tmp_path), "AWS_EC2_METADATA_DISABLED": "true"}
    done = subprocess.run(
        [plugin["command"], *plugin["args"]], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "NoCredentialsError: Unable to locate credentials\n"
