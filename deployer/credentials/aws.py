"""AWS: the role that a job assumes, and what the action asks AWS before any flow does.

The action exchanges GitHub's OIDC token for the role's credentials (AssumeRoleWithWebIdentity), once for all processes
of the job and again before they expire, so that it knows, and masks, all that AWS gives. A profile of its own has
botocore, and every other SDK, read them from a file when it needs them (`credential_process`). The action asks AWS from
a process with the very environment that a flow's process has, so that what works there works in the flow.
"""

from __future__ import annotations

import configparser
import contextlib
import io
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from deployer.credentials.files import write_secret
from deployer.deadline import Cancellation, Deadline
from deployer.outcome import DeployError, Failure, FailureReason
from deployer.processes import finish, own_module

AUDIENCE = "sts.amazonaws.com"
SUPERSEDED = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN")
"""What botocore would take before the role (`botocore.credentials.create_credential_resolver`)."""
OTHER_ROLE = ("AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME", "AWS_WEB_IDENTITY_TOKEN_FILE")
"""The role that another step, or the pod of a runner, has botocore assume: before a profile's `credential_process`."""
PROFILE = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE")
OWN_PROFILE = "metaflow-deploy"
CREDENTIAL_SETTINGS = ("aws_", "role_", "source_profile", "credential_", "web_identity_", "sso_", "mfa_", "login_")
"""How the names of a profile's settings begin that say where credentials come from."""
ASK_LIMIT = 60.0
"""Seconds for all that is asked; the clients in there give up earlier."""
SESSION_NAME_LIMIT = 64
"""Characters of a RoleSessionName (STS API reference, AssumeRoleWithWebIdentity)."""


class Role(msgspec.Struct, frozen=True, kw_only=True):
    """A role to assume by an OIDC token."""

    arn: str
    session: str
    token: str


class Keys(msgspec.Struct, frozen=True, kw_only=True):
    """A role's credentials, as AssumeRoleWithWebIdentity answers them."""

    access_key_id: str
    secret_access_key: str
    session_token: str
    expiration: str
    """ISO 8601, UTC."""
    lifetime: float
    """Seconds from the answer on."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be shown."""
        return (self.access_key_id, self.secret_access_key, self.session_token)

    def document(self) -> str:
        """What a `credential_process` prints
        (https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html)."""
        return json.dumps(
            {
                "Version": 1,
                "AccessKeyId": self.access_key_id,
                "SecretAccessKey": self.secret_access_key,
                "SessionToken": self.session_token,
                "Expiration": self.expiration,
            }
        )


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What to ask AWS."""

    role: Role | None = None
    """The role to assume, before anything else is asked and without any other credentials."""
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
    keys: Keys | None = None
    failure: Failure | None = None


def region_variables(region: str | None) -> dict[str, str]:
    """Both names: AWS_REGION is what most SDKs read, AWS_DEFAULT_REGION what boto3 reads."""
    return {"AWS_REGION": region, "AWS_DEFAULT_REGION": region} if region is not None else {}


def role_variables(keys_file: Path, folder: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """What has every SDK of AWS take a role's credentials from a file, and again before they expire.

    The job's own configuration stays as it is: its profiles are copied, and what it says of the default one or of the
    one that it chose, credentials excepted, holds for the role too.

    Args:
        keys_file: holds `Keys.document`, renewed.
        folder: where the configuration is written.
        environ: the job's environment.
    """
    config = configparser.RawConfigParser(default_section="", strict=False)
    path = environ.get("AWS_CONFIG_FILE") or str(Path(environ.get("HOME") or "/", ".aws", "config"))
    with contextlib.suppress(configparser.Error, UnicodeDecodeError):  # botocore refuses such a file by itself
        config.read(path, encoding="utf-8")
    chosen = next((environ[name] for name in reversed(PROFILE) if environ.get(name)), "default")
    section = "default" if chosen == "default" else f"profile {chosen}"
    kept = dict(config.items(section)) if config.has_section(section) else {}
    own = f"profile {OWN_PROFILE}"
    config.remove_section(own)
    config.add_section(own)
    for name, value in kept.items():
        if not name.startswith(CREDENTIAL_SETTINGS):
            config.set(own, name, value)
    config.set(own, "credential_process", f"{shutil.which('cat') or '/bin/cat'} {shlex.quote(str(keys_file))}")
    written = io.StringIO()
    config.write(written)
    write_secret(folder / "aws-config", written.getvalue())
    return {"AWS_CONFIG_FILE": str(folder / "aws-config"), "AWS_PROFILE": OWN_PROFILE}


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
