"""GitHub's OIDC token of the job: how it is asked for.

A job with `permissions: id-token: write` has ACTIONS_ID_TOKEN_REQUEST_URL and ACTIONS_ID_TOKEN_REQUEST_TOKEN in its
environment, that of a container action included (actions/runner, ContainerActionHandler). A GET of the URL with
`audience` added, and the token as its bearer, answers `{"value": "<JWT>"}`; see
https://docs.github.com/en/actions/reference/security/oidc. Such a token lives minutes, and can be asked for again for
as long as the job lasts.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from deployer.outcome import DeployError, Failure, FailureReason
from deployer.text import shortened

if TYPE_CHECKING:
    from requests import PreparedRequest

URL = "ACTIONS_ID_TOKEN_REQUEST_URL"
TOKEN = "ACTIONS_ID_TOKEN_REQUEST_TOKEN"  # noqa: S105  # the variable's name
REQUEST_SECONDS = (5.0, 10.0)
"""To connect, and to be answered."""
TOO_MANY = 429
SERVER_FAULT = 500
LONGEST_SAID = 500
"""Characters of an answer that are shown."""
ISSUER_CLAIMS = ("sub", "aud", "iss")
"""What every trust policy is about: the subject, the audience and the identity provider."""
CONDITION_CLAIMS = (
    *("job_workflow_ref", "ref", "environment", "repository", "repository_id"),
    *("workflow", "actor", "actor_id", "enterprise_id"),
)
"""What else of GitHub's tokens AWS compares with the conditions of a trust policy, since January 2026
(https://aws.amazon.com/about-aws/whats-new/2026/01/aws-sts-supports-validation-identity-provider-claims/)."""


class Unanswered(Exception):
    """The endpoint gave no token, and may give one when it is asked again."""


@dataclass(frozen=True, kw_only=True)
class IdToken:
    """A token, as it was answered."""

    text: str = field(repr=False)
    lifetime: float
    """Seconds that it is valid for, by its own words (`exp` less `iat`): the runner's clock may be wrong."""
    claims: Mapping[str, str] = field(default_factory=dict)
    """Those that a trust policy may name, in the order in which they are shown. They say who the job is, and are no
    secret, unlike the token."""


class IdTokenSource:
    """The endpoint of one job, for one audience."""

    def __init__(self, environ: Mapping[str, str], audience: str) -> None:
        """Args:
        environ: the job's environment.
        audience: who the token is for (`aud`).

        Raises:
            DeployError: the job has no right to such a token.
        """
        self._url, self._token = environ.get(URL), environ.get(TOKEN)
        self._audience = audience
        if not self._url or not self._token:
            raise DeployError(
                Failure(
                    reason=FailureReason.CREDENTIALS,
                    input="aws-role-to-assume",
                    message="The job may not ask GitHub for an OIDC token, with which the role is assumed.",
                    advice="Give the job `permissions: id-token: write`, beside `contents: read` and "
                    "`pull-requests: write`; a job that calls the reusable workflow grants it there.",
                )
            )

    def ask(self) -> IdToken:
        """Ask for a token.

        Raises:
            Unanswered: the endpoint did not answer, or failed.
            DeployError: it refused.
        """
        from requests import RequestException, Session

        with Session() as session:
            session.auth = self._sign  # a ~/.netrc would take its place otherwise
            try:
                answer = session.get(
                    str(self._url), params={"audience": self._audience}, timeout=REQUEST_SECONDS, allow_redirects=False
                )
            except RequestException as error:
                raise Unanswered(f"{type(error).__name__}: {error}") from error
        said = shortened(answer.text, LONGEST_SAID)
        if answer.status_code == TOO_MANY or answer.status_code >= SERVER_FAULT:
            raise Unanswered(f"status {answer.status_code}: {said}")
        if not answer.ok:
            raise DeployError(_refused(answer.status_code, said))
        try:
            return _read(str(answer.json()["value"]))
        except (ValueError, KeyError, TypeError) as error:
            raise Unanswered(f"an answer that holds no token: {type(error).__name__}") from error

    def _sign(self, request: PreparedRequest) -> PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _read(text: str) -> IdToken:
    """Read a token's lifetime and claims; its signature is for AWS to check.

    Raises:
        ValueError: it is no JWT.
        KeyError: it tells no `exp`.
    """
    import jwt

    try:
        claims = jwt.decode(text, options={"verify_signature": False})
    except jwt.PyJWTError as error:
        raise ValueError(str(error)) from error
    shown = {name: _line(claims[name]) for name in (*ISSUER_CLAIMS, *CONDITION_CLAIMS) if claims.get(name)}
    lifetime = float(claims["exp"]) - float(claims.get("iat") or time.time())
    return IdToken(text=text, lifetime=lifetime, claims=shown)


def _line(value: object) -> str:
    """A claim as a part of one line: names of workflows and environments are free text."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in str(value))


def _refused(status: int, said: str) -> Failure:
    return Failure(
        reason=FailureReason.CREDENTIALS,
        input="aws-role-to-assume",
        message=f"GitHub refused the job an OIDC token (status {status}).",
        advice="Check that the job has `permissions: id-token: write`, and that it still runs under the token it "
        "began with.",
        evidence=said,
    )
