"""What boto3 raises, as failures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from deployer.outcome import DeployError, Failure, FailureReason

CREDENTIAL_CODES = {
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
PERMISSION_CODES = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "Forbidden"}
NO_CREDENTIALS = (
    "Give the job credentials: an OIDC role by aws-actions/configure-aws-credentials in a step before, or AWS_* in its "
    "`env`. A pull request from a fork, and Dependabot, have no secrets: deploy on `push` instead."
)


@contextmanager
def failures(doing: str) -> Iterator[None]:
    """Turn what boto3 raises into a DeployError.

    Args:
        doing: what was asked, as it goes into the sentence: `reading the state machine x`.
    """
    from botocore import exceptions

    try:
        yield
    except exceptions.ClientError as error:
        raise DeployError(_refused(doing, error)) from error
    except (
        exceptions.NoCredentialsError,
        exceptions.PartialCredentialsError,
        exceptions.CredentialRetrievalError,
    ) as error:
        raise DeployError(
            Failure(
                reason=FailureReason.CREDENTIALS,
                message=f"There are no AWS credentials for {doing}.",
                advice=NO_CREDENTIALS,
                evidence=str(error),
            )
        ) from error
    except exceptions.NoRegionError as error:
        raise DeployError(
            Failure(
                reason=FailureReason.CREDENTIALS,
                message="No AWS region is set.",
                advice="Set AWS_DEFAULT_REGION in the job's `env`.",
                evidence=str(error),
            )
        ) from error
    except (exceptions.HTTPClientError, exceptions.ConnectionError) as error:
        raise DeployError(
            Failure(
                reason=FailureReason.ORCHESTRATOR_UNREACHABLE,
                message=f"AWS did not answer while {doing}.",
                advice="Check AWS_DEFAULT_REGION and AWS_ENDPOINT_URL, and that the runner may reach AWS.",
                evidence=str(error),
            )
        ) from error
    except exceptions.BotoCoreError as error:
        raise DeployError(
            Failure(
                reason=FailureReason.DEPLOY,
                message=f"boto3 refused {doing}: {error}",
                advice="Correct the setting that it names.",
                evidence=str(error),
            )
        ) from error


def code(error: object) -> str:
    """The error code of a ClientError."""
    response = getattr(error, "response", {})
    return str(response.get("Error", {}).get("Code", ""))


def _refused(doing: str, error: Exception) -> Failure:
    said, found = str(error), code(error)
    if found in CREDENTIAL_CODES:
        return Failure(
            reason=FailureReason.CREDENTIALS,
            message=f"AWS refused the credentials while {doing} ({found}).",
            advice="Renew them: those of an OIDC role last an hour unless `role-duration-seconds` says more.",
            evidence=said,
        )
    if found in PERMISSION_CODES:
        action = re.search(r"perform: (\S+)", said)
        resource = re.search(r"on resource: (\S+)", said)
        needed = f" It lacks {action[1]}" + (f" on {resource[1]}." if resource else ".") if action else ""
        return Failure(
            reason=FailureReason.PERMISSION,
            message=f"The job's AWS identity may not do that: {doing}.{needed}",
            advice="Allow the action in the role's policy." if action else "Look at the role's policy.",
            evidence=said,
        )
    return Failure(
        reason=FailureReason.DEPLOY,
        message=f"AWS refused {doing}: {found or 'no code'}.",
        advice="What it said is below.",
        evidence=said,
    )
