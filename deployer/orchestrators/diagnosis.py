"""What Metaflow printed when a command failed, as a failure: its exit code alone says nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from deployer.orchestrators.argo_documents import KNOWS_SCHEDULES, USE_SCHEDULES
from deployer.orchestrators.aws_errors import NO_CREDENTIALS, RENEW, SET_REGION, role_refusal
from deployer.orchestrators.kubernetes_errors import ADD_TO_ROLE, missing_right
from deployer.outcome import Failure, FailureReason


@dataclass(frozen=True)
class Symptom:
    """A text that Metaflow or a client below it prints, and what it means. Groups of the pattern fill the message."""

    pattern: str
    reason: FailureReason
    message: str
    advice: str
    input: str | None = None


# The first that is found decides; those above are the more telling ones.
SYMPTOMS = (
    Symptom(
        r"Incorrect production token"
        r"|There is an existing version of .{1,200}? which was deployed by the user (\S+?)\.\s",
        FailureReason.TOKEN,
        "Somebody else ({0}) deployed this before, and Metaflow's production token guards it.",
        "If it is yours, give the production token as `authorize`, or deploy as the same user: `metaflow-user`. If it "
        "is not, give another `deployment-name` or `project-branch`.",
        "authorize",
    ),
    Symptom(
        r"An Argo Event(?: (Source))? (?:name|service account) hasn't been configured",
        FailureReason.DEPLOY,
        "The flow has @trigger or @trigger_on_finish, and Metaflow does not know the cluster's Argo Events.",
        "Set METAFLOW_ARGO_EVENTS_EVENT, METAFLOW_ARGO_EVENTS_EVENT_SOURCE and METAFLOW_ARGO_EVENTS_SERVICE_ACCOUNT, "
        "which the platform's Argo Events are set up with.",
    ),
    Symptom(
        r"is not authorized to perform: (\S+)(?: on resource: (\S+))?",
        FailureReason.PERMISSION,
        "The job's AWS identity lacks {0}.",
        "Allow the action in the role's policy.",
    ),
    Symptom(
        r"No IAM role found for AWS Events Bridge",
        FailureReason.DEPLOY,
        "Metaflow has no IAM role for EventBridge.",
        "Set METAFLOW_EVENTS_SFN_ACCESS_IAM_ROLE; Metaflow wants it even for a flow without a schedule.",
    ),
    Symptom(
        r"No IAM role found for AWS Step Functions|in _partition\s+return SFN_IAM_ROLE",
        FailureReason.DEPLOY,
        "Metaflow has no IAM role for Step Functions.",
        "Set METAFLOW_SFN_IAM_ROLE.",
    ),
    Symptom(
        r"Invalid type for parameter (?:jobQueue|containerProperties\.jobRoleArn)",
        FailureReason.DEPLOY,
        "Metaflow's configuration for AWS Batch is incomplete.",
        "Set METAFLOW_BATCH_JOB_QUEUE and METAFLOW_ECS_S3_ACCESS_IAM_ROLE.",
    ),
    Symptom(
        r"You must specify a region|NoRegionError",
        FailureReason.CREDENTIALS,
        "No AWS region is set.",
        SET_REGION,
    ),
    Symptom(
        r"Unable to locate credentials|NoCredentialsError|Partial credentials found",
        FailureReason.CREDENTIALS,
        "There are no AWS credentials.",
        NO_CREDENTIALS,
    ),
    Symptom(
        r"InvalidClientTokenId|ExpiredToken\w*|UnrecognizedClientException|SignatureDoesNotMatch|InvalidAccessKeyId",
        FailureReason.CREDENTIALS,
        "AWS refused the credentials.",
        RENEW,
    ),
    Symptom(
        r"\(401\)\s*Reason: Unauthorized|HTTP response body:.*\"code\":401",
        FailureReason.CREDENTIALS,
        "The cluster refused the credentials.",
        "Renew the token in `kubeconfig`.",
        "kubeconfig",
    ),
    Symptom(
        r"Invalid kube-?config|No configuration found|Could not load Kubernetes configuration|ConfigException",
        FailureReason.CREDENTIALS,
        "There is no kubeconfig that works.",
        "Give its content as the input `kubeconfig`, or run in the cluster with a service account.",
        "kubeconfig",
    ),
    Symptom(
        r"(?:NoSuchBucket|The specified bucket does not exist|S3 object not found:)",
        FailureReason.DATASTORE,
        "The datastore's bucket, or what Metaflow just wrote to it, does not exist.",
        "Correct METAFLOW_DATASTORE_SYSROOT_S3.",
    ),
    Symptom(
        r"(?:S3 datastore|S3 operation failed|MetaflowS3\w+|datastore.*(?:AccessDenied|403))",
        FailureReason.DATASTORE,
        "The datastore in S3 refused or did not answer.",
        "Check METAFLOW_DATASTORE_SYSROOT_S3, the region and the job's rights to read and write there.",
    ),
    Symptom(
        r"Metaflow service \[(\S+)\] unreachable|Metadata request .* failed|with url: /ping",
        FailureReason.ORCHESTRATOR_UNREACHABLE,
        "The metadata service cannot be reached.",
        "Check METAFLOW_SERVICE_URL and that the runner may reach it.",
    ),
    Symptom(
        r"Could not connect to the endpoint URL: \"?([^\"\s]+)\"?|EndpointConnectionError",
        FailureReason.ORCHESTRATOR_UNREACHABLE,
        "AWS cannot be reached.",
        "Check AWS_DEFAULT_REGION and AWS_ENDPOINT_URL, and that the runner may reach AWS.",
    ),
    Symptom(
        r"Max retries exceeded|Connection refused|NewConnectionError|Name or service not known|getaddrinfo failed",
        FailureReason.ORCHESTRATOR_UNREACHABLE,
        "The orchestrator cannot be reached.",
        "Check the server's address in `kubeconfig`, and that the runner may reach it.",
    ),
    Symptom(
        r"(@trigger\S* decorator\S* to AWS Step Functions is not supported)",
        FailureReason.FLOW_INVALID,
        "The flow has @trigger or @trigger_on_finish, which AWS Step Functions does not have.",
        "Deploy it to Argo Workflows, or take the decorator out.",
    ),
    Symptom(
        r"(?:is longer than \d+ characters|invalid characters)",
        FailureReason.INPUT,
        "The deployment's name is not one that the orchestrator takes.",
        "Give a shorter `deployment-name` of lower-case letters, digits, `-` and `.`.",
        "deployment-name",
    ),
    Symptom(
        r"Validity checker found an issue|The graph (?:looks|is) (?!good)",
        FailureReason.FLOW_INVALID,
        "Metaflow's own check refused the flow's graph.",
        "Correct the step that it names.",
    ),
    Symptom(
        r"(spec\.schedules: Required value)",
        FailureReason.DEPLOY,
        "The cluster's Argo takes a schedule only as `schedules`, and Metaflow wrote `schedule`.",
        f"Metaflow before {KNOWS_SCHEDULES.split()[1]} can write no other: pin a newer one in `requirements`. Or take "
        f"{USE_SCHEDULES} out of the job's settings, so that the spelling is chosen for the cluster.",
    ),
)


def classify_output(output: str) -> Failure | None:
    """Why a command of Metaflow failed, from what it printed.

    Args:
        output: the command's output and errors.

    Returns:
        The failure, without evidence; None where nothing known is found.
    """
    folded = re.sub(r"\s+", " ", output)
    refused = role_refusal(folded)
    if refused is not None:
        return replace(refused, evidence="")
    lacks = missing_right(folded)
    if lacks is not None:
        message = f"The job lacks a right in the cluster: {lacks}"
        return Failure(reason=FailureReason.PERMISSION, message=message, advice=ADD_TO_ROLE)
    for symptom in SYMPTOMS:
        found = re.search(symptom.pattern, output, re.IGNORECASE) or re.search(symptom.pattern, folded, re.IGNORECASE)
        if found:
            message = symptom.message.format(*(group or "" for group in found.groups()), *[""] * 4)
            return Failure(reason=symptom.reason, message=message, advice=symptom.advice, input=symptom.input)
    return None
