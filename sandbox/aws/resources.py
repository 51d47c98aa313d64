"""What Metaflow needs to stand in an AWS account before a flow can be deployed to Step Functions."""

from __future__ import annotations

import json
from typing import Any

import boto3

REGION = "us-east-1"
ACCOUNT = "123456789012"
BUCKET = "metaflow"
TABLE = "metaflow-steps"
QUEUE = "metaflow-queue"
COMPUTE = "metaflow-compute"
TASK_ROLE = "metaflow-task"
STATE_MACHINE_ROLE = "metaflow-step-functions"
EVENTS_ROLE = "metaflow-events"
BATCH_ROLE = "metaflow-batch"
DEPLOY_ROLE = "metaflow-deploy"
DEPLOY_ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/{DEPLOY_ROLE}"
ISSUER = "token.actions.githubusercontent.com"
SUBJECTS = (
    "repo:octo-org/flows:environment:production",
    "repo:octo-org@583231/flows@1296269:environment:production",
)
"""The job's subject as repositories have it that are older than July 2026, and as those have it that are not."""
AUDIENCE = "sts.amazonaws.com"
CLAIMS = {
    "ref": "refs/heads/main",
    "job_workflow_ref": "OWNER/metaflow-deploy/.github/workflows/deploy.yml@refs/tags/v1",
}
"""What a stricter trust policy asks of the token besides."""
STRICT_ROLE = "metaflow-deploy-strict"
STRICT_ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/{STRICT_ROLE}"


def create(aws_url: str) -> None:
    """Create bucket, table, roles, compute environment and job queue."""
    session = boto3.session.Session(aws_access_key_id="sandbox", aws_secret_access_key="sandbox", region_name=REGION)

    def client(service: Any) -> Any:
        return session.client(service, endpoint_url=aws_url)

    iam = client("iam")
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    for role in (TASK_ROLE, STATE_MACHINE_ROLE, EVENTS_ROLE, BATCH_ROLE):
        iam.create_role(RoleName=role, AssumeRolePolicyDocument=policy)
    iam.create_open_id_connect_provider(Url=f"https://{ISSUER}", ClientIDList=[AUDIENCE], ThumbprintList=["0" * 40])
    trust = trust_policy(*SUBJECTS)
    iam.create_role(RoleName=DEPLOY_ROLE, AssumeRolePolicyDocument=json.dumps(trust))
    strict = trust_policy(*SUBJECTS, **CLAIMS)
    iam.create_role(RoleName=STRICT_ROLE, AssumeRolePolicyDocument=json.dumps(strict))
    iam.create_instance_profile(InstanceProfileName=COMPUTE)
    iam.add_role_to_instance_profile(InstanceProfileName=COMPUTE, RoleName=TASK_ROLE)
    client("s3").create_bucket(Bucket=BUCKET)
    client("dynamodb").create_table(
        TableName=TABLE,
        AttributeDefinitions=[{"AttributeName": "pathspec", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pathspec", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    _batch(client)


def _batch(client: Any) -> None:
    ec2, batch = client("ec2"), client("batch")
    environment = batch.create_compute_environment(
        computeEnvironmentName=COMPUTE,
        type="MANAGED",
        state="ENABLED",
        computeResources={
            "type": "EC2",
            "minvCpus": 0,
            "maxvCpus": 16,
            "instanceTypes": ["m5.large"],
            "instanceRole": f"arn:aws:iam::{ACCOUNT}:instance-profile/{COMPUTE}",
            "subnets": [ec2.describe_subnets()["Subnets"][0]["SubnetId"]],
            "securityGroupIds": [ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]],
        },
        serviceRole=f"arn:aws:iam::{ACCOUNT}:role/{BATCH_ROLE}",
    )
    batch.create_job_queue(
        jobQueueName=QUEUE,
        state="ENABLED",
        priority=1,
        computeEnvironmentOrder=[{"order": 1, "computeEnvironment": environment["computeEnvironmentArn"]}],
    )


def trust_policy(*subjects: str, **claims: str) -> dict[str, Any]:
    """The trust policy of a role that jobs of GitHub assume; docs/authentication.md shows it.

    Args:
        subjects: the subjects that may assume it.
        claims: what further claims of the token have to be.
    """
    equals: dict[str, Any] = {f"{ISSUER}:aud": AUDIENCE, f"{ISSUER}:sub": list(subjects)}
    equals |= {f"{ISSUER}:{claim}": wanted for claim, wanted in claims.items()}
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {"StringEquals": equals},
            }
        ],
    }


def environment(aws_url: str) -> dict[str, str]:
    """What a process needs to deploy to these resources: credentials, and Metaflow's configuration."""
    return {
        "AWS_ACCESS_KEY_ID": "sandbox",
        "AWS_SECRET_ACCESS_KEY": "sandbox",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": aws_url,
        "METAFLOW_DEFAULT_DATASTORE": "s3",
        "METAFLOW_DATASTORE_SYSROOT_S3": f"s3://{BUCKET}/metaflow",
        "METAFLOW_S3_ENDPOINT_URL": aws_url,
        "METAFLOW_BATCH_JOB_QUEUE": QUEUE,
        "METAFLOW_ECS_S3_ACCESS_IAM_ROLE": f"arn:aws:iam::{ACCOUNT}:role/{TASK_ROLE}",
        "METAFLOW_SFN_IAM_ROLE": f"arn:aws:iam::{ACCOUNT}:role/{STATE_MACHINE_ROLE}",
        "METAFLOW_EVENTS_SFN_ACCESS_IAM_ROLE": f"arn:aws:iam::{ACCOUNT}:role/{EVENTS_ROLE}",
        "METAFLOW_SFN_DYNAMO_DB_TABLE": TABLE,
    }
