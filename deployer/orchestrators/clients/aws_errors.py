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
    "Give the job credentials: a role by GitHub's OIDC token as `aws-role-to-assume`, or AWS_* in its `env`; "
    "docs/authentication.md has both."
)
RENEW = (
    "Renew them. Those that a step before has put into the job's `env` last an hour; those of `aws-role-to-assume` are "
    "renewed by themselves."
)
ASSUMING = "AssumeRoleWithWebIdentity"
ROLE_ERROR = re.compile(
    rf"\((\w+)\) when calling the {ASSUMING} operation(?: \(reached max retries: \d+\))?: *([^\n]*)"
)
TRUST = (
    "Let the role's trust policy name GitHub's OIDC provider, the action sts:AssumeRoleWithWebIdentity, the audience "
    "sts.amazonaws.com, and the job's subject (`sub`) letter by letter as the log shows it; docs/authentication.md has "
    "one for each form of it."
)
PROVIDER = (
    "Add https://token.actions.githubusercontent.com as an identity provider in IAM, with the audience "
    "sts.amazonaws.com; docs/authentication.md has the command."
)
LATE = "GitHub gave no new one in time; the warnings in the log say why. Run the job again."
ROLE_REFUSALS = {
    "AccessDenied": ("AWS does not let this job assume the role of `aws-role-to-assume`.", TRUST),
    "InvalidIdentityToken": ("The AWS account of the role does not take GitHub's OIDC tokens.", PROVIDER),
    "ExpiredTokenException": ("GitHub's OIDC token had expired when AWS was asked for the role's credentials.", LATE),
}
"""By the code of the error (STS API reference, AssumeRoleWithWebIdentity): what is wrong, and what to do."""
SET_REGION = "Give it as `aws-region`, or as AWS_DEFAULT_REGION in the job's `env`."


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
                advice=SET_REGION,
                evidence=str(error),
            )
        ) from error
    except (exceptions.HTTPClientError, exceptions.ConnectionError) as error:
        raise DeployError(
            Failure(
                reason=FailureReason.ORCHESTRATOR_UNREACHABLE,
                message=f"AWS did not answer while {doing}.",
                advice="Check `aws-region` and AWS_ENDPOINT_URL, and that the runner may reach AWS.",
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


def role_refusal(said: str) -> Failure | None:
    """Why AWS did not give a role's credentials for GitHub's OIDC token, from what botocore says of it.

    botocore asks for them when a client first needs them, and again before they expire: any call may say it.

    Args:
        said: an error's text, or a process's output.

    Returns:
        The failure; None where nothing is said of that.
    """
    found = ROLE_ERROR.search(said)
    if found is None:
        return None
    message, advice = ROLE_REFUSALS.get(
        found[1],
        (f"AWS gave no credentials for the role of `aws-role-to-assume` ({found[1]}).", "What it said is below."),
    )
    return Failure(
        reason=FailureReason.CREDENTIALS,
        input="aws-role-to-assume",
        message=message,
        advice=advice,
        evidence=f"{ASSUMING}: {found[1]}: {found[2]}".strip(),
    )


def code(error: object) -> str:
    """The error code of a ClientError."""
    response = getattr(error, "response", {})
    return str(response.get("Error", {}).get("Code", ""))


def _refused(doing: str, error: Exception) -> Failure:
    said, found = str(error), code(error)
    role = role_refusal(said)
    if role is not None:
        return role
    if found in CREDENTIAL_CODES:
        return Failure(
            reason=FailureReason.CREDENTIALS,
            message=f"AWS refused the credentials while {doing} ({found}).",
            advice=RENEW,
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
