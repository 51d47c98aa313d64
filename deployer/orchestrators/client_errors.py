"""What the clients below Metaflow say (AWS, Kubernetes, the datastore, the metadata service), as failures."""

from __future__ import annotations

from dataclasses import replace

from deployer.orchestrators.argo_workflows.objects import KNOWS_SCHEDULES, USE_SCHEDULES
from deployer.orchestrators.clients.aws_errors import NO_CREDENTIALS, RENEW, SET_REGION, role_refusal
from deployer.orchestrators.clients.kubernetes_errors import ADD_TO_ROLE, missing_right
from deployer.orchestrators.error_patterns import ErrorPattern, first_match
from deployer.outcome import Failure, FailureReason

# The first that is found decides; those above are the more telling ones.
CLIENT_ERRORS = (
    ErrorPattern(
        r"is not authorized to perform: (\S+)(?: on resource: (\S+))?",
        FailureReason.PERMISSION,
        "The job's AWS identity lacks {0}.",
        "Allow the action in the role's policy.",
    ),
    ErrorPattern(
        r"Invalid type for parameter (?:jobQueue|containerProperties\.jobRoleArn)",
        FailureReason.DEPLOY,
        "Metaflow's configuration for AWS Batch is incomplete.",
        "Set METAFLOW_BATCH_JOB_QUEUE and METAFLOW_ECS_S3_ACCESS_IAM_ROLE in `metaflow-config` or in the job's `env`.",
        "metaflow-config",
    ),
    ErrorPattern(
        r"You must specify a region|NoRegionError",
        FailureReason.CREDENTIALS,
        "No AWS region is set.",
        SET_REGION,
    ),
    ErrorPattern(
        r"Unable to locate credentials|NoCredentialsError|Partial credentials found",
        FailureReason.CREDENTIALS,
        "There are no AWS credentials.",
        NO_CREDENTIALS,
    ),
    ErrorPattern(
        r"InvalidClientTokenId|ExpiredToken\w*|UnrecognizedClientException|SignatureDoesNotMatch|InvalidAccessKeyId",
        FailureReason.CREDENTIALS,
        "AWS refused the credentials.",
        RENEW,
    ),
    ErrorPattern(
        r"\(401\)\s*Reason: Unauthorized|HTTP response body:.*\"code\":401|Argo Client error: Unauthorized",
        FailureReason.CREDENTIALS,
        "The cluster refused the credentials.",
        "Renew the token in `kubeconfig`.",
        "kubeconfig",
    ),
    ErrorPattern(
        r"Invalid kube-?config|No configuration found|Could not load Kubernetes configuration|ConfigException",
        FailureReason.CREDENTIALS,
        "There is no kubeconfig that works.",
        "Give its content as the input `kubeconfig`, or run in the cluster with a service account.",
        "kubeconfig",
    ),
    ErrorPattern(
        r"(?:NoSuchBucket|The specified bucket does not exist|S3 object not found:)",
        FailureReason.DATASTORE,
        "The datastore's bucket, or what Metaflow just wrote to it, does not exist.",
        "Correct METAFLOW_DATASTORE_SYSROOT_S3.",
    ),
    ErrorPattern(
        r"(?:S3 datastore|S3 operation failed|S3 access (?:failed|denied)|MetaflowS3\w+"
        r"|datastore.*(?:AccessDenied|403))",
        FailureReason.DATASTORE,
        "The datastore in S3 refused or did not answer.",
        "Check METAFLOW_DATASTORE_SYSROOT_S3, the region and the job's rights to read and write there.",
    ),
    ErrorPattern(
        r"Metaflow service \[(\S+)\] unreachable|Metadata request .* failed(?! \(code)|with url: /ping",
        FailureReason.ORCHESTRATOR_UNREACHABLE,
        "The metadata service cannot be reached.",
        "Check METAFLOW_SERVICE_URL and that the runner may reach it.",
    ),
    ErrorPattern(
        r"Metadata request \((\S+)\) failed \(code (40[13])\)",
        FailureReason.CREDENTIALS,
        "The metadata service refused the job with code {1}.",
        "Set METAFLOW_SERVICE_AUTH_KEY or METAFLOW_SERVICE_HEADERS in `metaflow-config`, as your team's own "
        "configuration has it.",
        "metaflow-config",
    ),
    ErrorPattern(
        r"Metadata request \((\S+)\) failed \(code (\d+)\)",
        FailureReason.ORCHESTRATOR_UNREACHABLE,
        "The metadata service answered with code {1}.",
        "Check METAFLOW_SERVICE_URL, and the service's own log.",
    ),
    ErrorPattern(
        r"Could not connect to the endpoint URL: \"?([^\"\s]+)\"?|EndpointConnectionError",
        FailureReason.ORCHESTRATOR_UNREACHABLE,
        "AWS cannot be reached.",
        "Check AWS_DEFAULT_REGION and AWS_ENDPOINT_URL, and that the runner may reach AWS.",
    ),
    ErrorPattern(
        r"Max retries exceeded|Connection (?:refused|aborted|reset)|NewConnectionError|RemoteDisconnected"
        r"|Name or service not known|getaddrinfo failed",
        FailureReason.ORCHESTRATOR_UNREACHABLE,
        "The orchestrator cannot be reached.",
        "Check the server's address in `kubeconfig`, and that the runner may reach it.",
    ),
    ErrorPattern(
        r"(spec\.schedules: Required value)",
        FailureReason.DEPLOY,
        "The cluster's Argo takes a schedule only as `schedules`, and Metaflow wrote `schedule`.",
        f"Metaflow before {KNOWS_SCHEDULES.split()[1]} can write no other: pin a newer one in `requirements`. Or take "
        f"{USE_SCHEDULES} out of the job's settings, so that the spelling is chosen for the cluster.",
    ),
)


def client_failure(text: str) -> Failure | None:
    """What a client's error means; None where it is not known.

    Args:
        text: the error, folded, its type's name before it.
    """
    refused = role_refusal(text)
    if refused is not None:
        return replace(refused, evidence="")
    lacks = missing_right(text)
    if lacks is not None:
        message = f"The job lacks a right in the cluster: {lacks}"
        return Failure(reason=FailureReason.PERMISSION, message=message, advice=ADD_TO_ROLE)
    return first_match(CLIENT_ERRORS, text)
