"""`python -m deployer.credentials.ask_aws`: a `Question` on the standard input, an `Answer` on the standard output."""

from __future__ import annotations

import datetime
import difflib
import sys
from typing import Any

import msgspec

from deployer.credentials.aws import Answer, Cluster, Keys, Question, Role
from deployer.orchestrators.clients.aws_errors import code, failures
from deployer.outcome import DeployError, Failure, FailureReason

CONNECT_SECONDS = 5
READ_SECONDS = 10
ATTEMPTS = 3
SERVING = ("ACTIVE", "UPDATING")
"""States of a cluster whose API server answers (EKS API reference, Cluster.status)."""
MOST_LISTED = 10


def answer(question: Question) -> Answer:
    """Ask; a failure is an answer."""
    import boto3
    from botocore.config import Config

    limits = Config(
        connect_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS, retries={"total_max_attempts": ATTEMPTS}
    )
    try:
        if question.role is not None:
            return assume(question.role, limits)
        with failures("opening a client"):
            session = boto3.session.Session()
            sts: Any = session.client("sts", config=limits) if question.identity else None
            eks: Any = session.client("eks", config=limits) if question.cluster is not None else None
        identity = None
        if sts is not None:
            with failures("asking STS who the job is"):
                identity = str(sts.get_caller_identity()["Arn"])
        cluster = describe(eks, question.cluster) if question.cluster is not None else None
    except DeployError as error:
        return Answer(failure=error.failure)
    return Answer(identity=identity, cluster=cluster)


def assume(role: Role, limits: Any) -> Answer:
    """Exchange GitHub's OIDC token for a role's credentials.

    The request is not signed: the token is all that it takes.

    Args:
        role: which one, and the token.
        limits: botocore's configuration of the client.

    Raises:
        DeployError: AWS refuses.
    """
    import boto3
    from botocore import UNSIGNED
    from botocore.config import Config

    with failures("assuming the role"):
        sts: Any = boto3.session.Session().client("sts", config=limits.merge(Config(signature_version=UNSIGNED)))
        found = sts.assume_role_with_web_identity(
            RoleArn=role.arn, RoleSessionName=role.session, WebIdentityToken=role.token
        )
    keys, end = found["Credentials"], found["Credentials"]["Expiration"]
    return Answer(
        keys=Keys(
            access_key_id=str(keys["AccessKeyId"]),
            secret_access_key=str(keys["SecretAccessKey"]),
            session_token=str(keys["SessionToken"]),
            expiration=end.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            lifetime=(end - datetime.datetime.now(datetime.UTC)).total_seconds(),
        )
    )


def describe(eks: Any, name: str) -> Cluster:
    """An EKS cluster that serves.

    Args:
        eks: boto3's client of `eks`.
        name: the cluster's name.

    Raises:
        DeployError: there is none of that name, it does not serve, or the job may not ask.
    """
    region = str(eks.meta.region_name)
    with failures(f"reading the EKS cluster {name}"):
        try:
            found = eks.describe_cluster(name=name)["cluster"]
        except eks.exceptions.ResourceNotFoundException as error:
            raise DeployError(_no_such_cluster(name, region, _names(eks), str(error))) from error
    if found["status"] not in SERVING:
        raise DeployError(_not_serving(name, str(found["status"])))
    return Cluster(
        name=name,
        region=region,
        endpoint=str(found["endpoint"]),
        certificate_authority=str(found["certificateAuthority"]["data"]),
    )


def _names(eks: Any) -> list[str]:
    """The clusters of the region; none where the job may not list them, which is no fault."""
    from botocore.exceptions import ClientError

    try:
        pages = eks.get_paginator("list_clusters").paginate()
        return [str(name) for page in pages for name in page["clusters"]]
    except ClientError as error:
        if code(error) in ("AccessDeniedException", "AccessDenied"):
            return []
        raise


def _no_such_cluster(name: str, region: str, names: list[str], said: str) -> Failure:
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
    advice = "Write the name that `aws eks list-clusters` shows, and check `aws-region`."
    if near:
        advice = f"Write `{near[0]}`, which is the nearest."
    elif names:
        advice = f"That region has {', '.join(f'`{one}`' for one in names[:MOST_LISTED])}; check `aws-region` too."
    return Failure(
        reason=FailureReason.INPUT,
        input="eks-cluster",
        message=f"There is no EKS cluster `{name}` in {region}.",
        advice=advice,
        evidence=said,
    )


def _not_serving(name: str, status: str) -> Failure:
    return Failure(
        reason=FailureReason.ORCHESTRATOR_UNREACHABLE,
        input="eks-cluster",
        message=f"The EKS cluster `{name}` is {status}, so that its API server does not answer.",
        advice="Run the job again once it is ACTIVE."
        if status in ("CREATING", "PENDING")
        else "Name another cluster, or fix this one.",
    )


if __name__ == "__main__":
    asked: Question = msgspec.json.decode(sys.stdin.buffer.read(), type=Question)
    sys.stdout.buffer.write(msgspec.json.encode(answer(asked)))
