"""`operation: doctor` in AWS: who the job is, and whether Step Functions, EventBridge and Batch can be read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from deployer.check import bad, clock, expiry, ok, warning
from deployer.orchestrators.airflow.settings import AirflowSettings
from deployer.orchestrators.checks import Setting
from deployer.orchestrators.clients.aws_errors import RENEW, SET_REGION, code, failures
from deployer.outcome import Check, FailureReason

CONNECT_SECONDS = 5
READ_SECONDS = 10
ATTEMPTS = 2
RENEWED = "assume-role-with-web-identity"
"""What botocore calls credentials that it renews itself, by the OIDC token that the action keeps fresh."""
# What Metaflow needs to be told, by what it is for.
STEP_FUNCTIONS_SETTINGS = {
    "SFN_IAM_ROLE": "the role of the state machine",
    "EVENTS_SFN_ACCESS_IAM_ROLE": "the role with which EventBridge starts runs; wanted even without a schedule",
    "ECS_S3_ACCESS_IAM_ROLE": "the role of the tasks",
    "BATCH_JOB_QUEUE": "the queue of the tasks",
}


def examine(area: str, setting: Setting, airflow: AirflowSettings | None = None) -> tuple[Check, ...]:
    """Look at AWS; see `deployer.orchestrators.checks`.

    Raises:
        DeployError: AWS refuses or does not answer.
    """
    if area == "aws" and not is_used(setting, airflow):
        return (ok("AWS credentials", "not needed: neither datastore nor orchestrator is AWS's"),)
    import boto3
    from botocore.config import Config

    config = Config(
        connect_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS, retries={"total_max_attempts": ATTEMPTS}
    )
    session: Any = boto3.session.Session()

    def client(service: str) -> Any:
        with failures("opening a client"):
            return session.client(service, config=config)

    looks: dict[str, Callable[[], tuple[Check, ...]]] = {
        "aws": lambda: _identity(session, client("sts")),
        "step-functions": lambda: _step_functions(client, setting),
        "eventbridge": lambda: _eventbridge(client("events")),
        "batch": lambda: _batch(client("batch"), setting("BATCH_JOB_QUEUE")),
    }
    return looks[area]()


def is_used(setting: Setting, airflow: AirflowSettings | None) -> bool:
    """Whether the job needs AWS: for the datastore, for Step Functions, or for Airflow's bucket or Amazon MWAA."""
    places = (airflow.dags_folder, airflow.url) if airflow is not None else ()
    of_airflow = any((place or "").startswith(("s3://", "mwaa://")) for place in places)
    return setting("DEFAULT_DATASTORE") == "s3" or bool(setting("SFN_IAM_ROLE")) or of_airflow


def _identity(session: Any, sts: Any) -> tuple[Check, ...]:
    """Who the job is, how long it stays that, and AWS's clock."""
    name, now = "AWS credentials", datetime.now(UTC)
    with failures("asking who the job is"):
        answer = sts.get_caller_identity()
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    # botocore knows no public way to ask; None for keys that last
    credentials = session.get_credentials()
    renewed = getattr(credentials, "method", None) == RENEWED
    ends = getattr(credentials, "_expiry_time", None) if not renewed else None
    told = expiry(name, "The AWS credentials", ends, now, RENEW) if isinstance(ends, datetime) else None
    until = f", until {ends.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if isinstance(ends, datetime) else ""
    until = ", renewed for as long as the job waits" if renewed else until
    region = session.region_name
    who = ok(name, f"`{answer['Arn']}`{until}")
    lines = [told or who, clock("AWS's", headers.get("date"), now)]
    if region is None:
        lines.append(bad("AWS region", "None is set.", SET_REGION, FailureReason.INPUT))
    else:
        lines.append(ok("AWS region", f"`{region}`"))
    return tuple(lines)


def _step_functions(client: Callable[[str], Any], setting: Setting) -> tuple[Check, ...]:
    with failures("listing the state machines"):
        client("stepfunctions").list_state_machines(maxResults=1)
    lines = [ok("AWS Step Functions", "state machines can be listed")]
    for name, what in STEP_FUNCTIONS_SETTINGS.items():
        if setting(name) is None:
            message, advice = f"METAFLOW_{name} is not set: {what}.", f"Set METAFLOW_{name}."
            lines.append(bad(f"METAFLOW_{name}", message, advice, FailureReason.INPUT))
        else:
            lines.append(ok(f"METAFLOW_{name}", f"`{setting(name)}`"))
    return (*lines, _table(client, setting("SFN_DYNAMO_DB_TABLE")))


def _table(client: Callable[[str], Any], table: str | None) -> Check:
    """The table that foreach steps count their tasks in. The tasks use it, the job need not see it."""
    name = "METAFLOW_SFN_DYNAMO_DB_TABLE"
    if table is None:
        advice = f"Set {name} to a table with the partition key `pathspec`."
        return warning(name, "It is not set: flows with a foreach cannot be deployed.", advice)
    from botocore.exceptions import ClientError

    with failures(f"reading the table {table}"):
        try:
            found = client("dynamodb").describe_table(TableName=table)["Table"]
        except ClientError as error:
            if code(error) == "ResourceNotFoundException":
                advice = "Make it, with the partition key `pathspec`, or correct the name."
                return warning(name, f"There is no table `{table}`: flows with a foreach fail.", advice)
            return ok(name, f"`{table}`, which the job may not look at ({code(error)}); only the tasks need to")
    return ok(name, f"`{table}`, {str(found.get('TableStatus', '')).lower()}")


def _eventbridge(events: Any) -> tuple[Check, ...]:
    with failures("listing the rules"):
        events.list_rules(Limit=1)
    return (ok("EventBridge", "rules can be listed"),)


def _batch(batch: Any, queue: str | None) -> tuple[Check, ...]:
    """The queue of the tasks: there, enabled, valid."""
    if queue is None:
        return ()  # told as a setting that lacks
    with failures(f"reading the job queue {queue}"):
        found = batch.describe_job_queues(jobQueues=[queue])["jobQueues"]
    if not found:
        advice = "Correct METAFLOW_BATCH_JOB_QUEUE, or the region."
        return (bad("AWS Batch", f"There is no job queue `{queue}`.", advice, FailureReason.DEPLOY),)
    state, status = str(found[0].get("state")), str(found[0].get("status"))
    if state != "ENABLED" or status not in ("VALID", "UPDATING"):
        told = f"The job queue `{queue}` is {state} and {status}: tasks would wait there."
        return (warning("AWS Batch", told, "Enable it, and look at its compute environments."),)
    return (ok("AWS Batch", f"job queue `{queue}`, enabled"),)
