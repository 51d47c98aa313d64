"""`operation: doctor` asks a real API server, with RBAC and Argo's real CRDs, as the account of docs/rbac.yaml."""

from __future__ import annotations

import pytest

from deployer.orchestrators.clients.kubernetes_rights import RIGHTS
from sandbox.job import Job
from sandbox.kubernetes.accounts import make_account
from sandbox.kubernetes.argo import Crds
from sandbox.kubernetes.cluster import Cluster
from sandbox.runner import JobResult

LASTING = 3600
"""Seconds that a token holds which is not told as one that ends soon."""


def line(result: JobResult, name: str) -> str:
    """The line of the log on something that was looked at: its state, its name, what was found."""
    (found,) = [one for one in result.log.splitlines() if one[8:].startswith(f"{name}: ")]
    return found


def test_the_account_of_the_documentation_is_well(cluster: Cluster, job: Job, namespace: str) -> None:
    account = make_account(cluster.api(), namespace, seconds=LASTING)
    result = job(operation="doctor", kubeconfig=account.kubeconfig)
    assert result.exit_code == 0, result.log
    for right in RIGHTS:
        assert line(result, f"Rights on {right.resource}").startswith("ok"), result.log
    server = line(result, "API server")
    assert f"`system:serviceaccount:{namespace}:metaflow-deploy`" in server
    assert "Kubernetes v1." in server
    credentials = line(result, "Cluster credentials")
    assert credentials.startswith("ok")
    assert "a token from KUBECONFIG" in credentials
    assert ", until " in credentials, "the end of the token is told"
    assert account.token not in result.summary


def test_a_token_that_ends_soon_is_worth_a_look(cluster: Cluster, job: Job, namespace: str) -> None:
    result = job(operation="doctor", kubeconfig=make_account(cluster.api(), namespace, seconds=600).kubeconfig)
    assert result.exit_code == 0
    assert "The token of the kubeconfig expires at" in line(result, "Cluster credentials")


@pytest.mark.parametrize(
    ("resource", "verb", "state"), [("workflowtemplates", "create", "bad"), ("workflows", "patch", "warning")]
)
def test_a_right_that_lacks_is_named(
    resource: str, verb: str, state: str, cluster: Cluster, job: Job, namespace: str
) -> None:
    account = make_account(cluster.api(), namespace, without=(resource, verb), seconds=LASTING)
    result = job(operation="doctor", kubeconfig=account.kubeconfig)
    found = line(result, f"Rights on {resource}")
    assert found.startswith(state)
    assert f"`{verb}`" in found
    assert (result.exit_code, result.outputs["failure-reason"]) == ((1, "permission") if state == "bad" else (0, ""))


def test_a_client_certificate_and_its_end(cluster: Cluster, job: Job) -> None:
    result = job(operation="doctor")
    if not cluster.own:
        pytest.skip("KUBECONFIG may authenticate otherwise")
    assert "a client certificate from KUBECONFIG" in line(result, "Cluster credentials"), result.log
    assert ", until " in line(result, "Cluster credentials")


def test_the_controller_is_seen_once_a_run_was_there(job: Job) -> None:
    assert line(job(operation="doctor"), "Workflow controller").startswith("unknown")
    ran = job("tiny", trigger="true", wait="started", wait_timeout="3m", poll_interval="1s")
    assert ran.exit_code == 0, ran.log
    assert line(job(operation="doctor"), "Workflow controller").startswith("ok")


@pytest.mark.parametrize(
    ("crds", "told"),
    [
        ("minimal", "takes any spelling"),
        ("full", "written as `schedules`, which the CRD has"),
        ("v4", "written as `schedules`, which the CRD has"),
    ],
    indirect=["crds"],
)
def test_the_spelling_of_schedules_follows_the_crds(crds: Crds, told: str, job: Job) -> None:
    found = line(job(operation="doctor"), "Schedules")
    assert found.startswith("ok"), (crds, found)
    assert told in found
