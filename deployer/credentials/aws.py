"""AWS: the role that a job assumes, and what the action asks AWS before any flow does.

botocore exchanges GitHub's OIDC token for the role's credentials by itself (AssumeRoleWithWebIdentity), and again
before they expire, in every process that has AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN: the action only keeps the
file fresh. It asks AWS from a process with the very environment that a flow's process has, so that what works there
works in the flow.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from deployer.deadline import Cancellation, Deadline
from deployer.outcome import DeployError, Failure, FailureReason
from deployer.processes import finish, own_module

AUDIENCE = "sts.amazonaws.com"
SUPERSEDED = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN")
"""What botocore would take before the role (`botocore.credentials.create_credential_resolver`)."""
PROFILE = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE")
ASK_LIMIT = 60.0
"""Seconds for all that is asked; the clients in there give up earlier."""
SESSION_NAME_LIMIT = 64
"""Characters of a RoleSessionName (STS API reference, AssumeRoleWithWebIdentity)."""


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What to ask AWS."""

    identity: bool = False
    """Whether to ask who the job is."""
    cluster: str | None = None
    """The EKS cluster to describe."""


class Cluster(msgspec.Struct, frozen=True, kw_only=True):
    """An EKS cluster, as DescribeCluster tells it."""

    name: str
    region: str
    endpoint: str
    certificate_authority: str
    """PEM in base64."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What AWS said."""

    identity: str | None = None
    """The ARN that the job acts as."""
    cluster: Cluster | None = None
    failure: Failure | None = None


def region_variables(region: str | None) -> dict[str, str]:
    """Both names: AWS_REGION is what most SDKs read, AWS_DEFAULT_REGION what boto3 reads."""
    return {"AWS_REGION": region, "AWS_DEFAULT_REGION": region} if region is not None else {}


def role_variables(role: str, token_file: Path, session_name: str) -> dict[str, str]:
    """What has botocore assume a role by the token in a file."""
    return {
        "AWS_ROLE_ARN": role,
        "AWS_ROLE_SESSION_NAME": session_name,
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(token_file),
    }


def session_name(repository: str, run_id: str, attempt: int) -> str:
    """The name of the role's session, which CloudTrail and the role's ARN show: the repository and the workflow run.

    Args:
        repository: OWNER/NAME; cut where the name would become too long, since the run's id alone is unique.
        run_id: the workflow run's id.
        attempt: which attempt of the run it is.

    Returns:
        `owner.name@run-attempt`, of the characters and the length that STS takes.
    """
    run = _session_characters(f"@{run_id or 'run'}-{attempt}")[-SESSION_NAME_LIMIT:]
    return _session_characters(repository.replace("/", "."))[: SESSION_NAME_LIMIT - len(run)] + run


def ask(question: Question, *, environment: Mapping[str, str], cancellation: Cancellation) -> Answer:
    """Ask AWS, from a process with the environment that the flows' processes have.

    Args:
        question: what to ask.
        environment: the whole environment of the process.
        cancellation: ends it.

    Raises:
        DeployError: AWS refused, or did not answer.
    """
    deadline = Deadline(ASK_LIMIT)
    with subprocess.Popen(
        own_module(sys.executable, "deployer.credentials.ask_aws"),
        env=dict(environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    ) as process:
        output, errors = finish(process, msgspec.json.encode(question).decode(), deadline, cancellation)
    if cancellation.cancelled or deadline.passed:
        raise DeployError(_given_up(cancelled=cancellation.cancelled))
    try:
        answer: Answer = msgspec.json.decode(output, type=Answer)
    except msgspec.DecodeError as error:
        raise DeployError(_unknown(errors)) from error
    if answer.failure is not None:
        raise DeployError(answer.failure)
    return answer


def cluster_kubeconfig(cluster: Cluster) -> dict[str, Any]:
    """A kubeconfig for an EKS cluster, whose exec plug-in is the action's own.

    The plug-in runs in the action's interpreter, whatever interpreter its caller is: a flow's may be an overlay that
    pins another boto3.
    """
    plugin = str(Path(__file__).resolve().with_name("eks_token.py"))
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": cluster.name,
                "cluster": {
                    "server": cluster.endpoint,
                    "certificate-authority-data": cluster.certificate_authority,
                },
            }
        ],
        "users": [
            {
                "name": "metaflow-deploy",
                "user": {
                    "exec": {
                        "apiVersion": "client.authentication.k8s.io/v1",
                        "command": sys.executable,
                        "args": ["-I", plugin, "--cluster", cluster.name, "--region", cluster.region],
                        "interactiveMode": "Never",
                    }
                },
            }
        ],
        "contexts": [{"name": cluster.name, "context": {"cluster": cluster.name, "user": "metaflow-deploy"}}],
        "current-context": cluster.name,
    }


def _session_characters(text: str) -> str:
    return re.sub(r"[^\w+=,.@-]", "-", text, flags=re.ASCII)


def _given_up(*, cancelled: bool) -> Failure:
    if cancelled:
        return Failure(
            reason=FailureReason.CANCELLED,
            message="The job was cancelled while AWS was asked for its credentials.",
            advice="Run it again when you are ready; nothing was deployed.",
        )
    return Failure(
        reason=FailureReason.ORCHESTRATOR_UNREACHABLE,
        message=f"AWS did not answer within {ASK_LIMIT:.0f} s.",
        advice="Check `aws-region`, and that the runner may reach AWS.",
    )


def _unknown(errors: str) -> Failure:
    return Failure(
        reason=FailureReason.INTERNAL,
        message="The process that asks AWS ended without an answer.",
        advice="Please report it with what it printed.",
        evidence="\n".join(errors.splitlines()[-25:]),
    )
