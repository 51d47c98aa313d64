"""AssumeRoleWithWebIdentity, and the credentials that it gives, as AWS has them.

moto gives anybody any role for any token, for ever. AWS looks at the token's issuer, audience and expiry, and at the
role's trust policy, and refuses what is signed with credentials that have expired
(https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html). What is not checked here: the
token's signature.
"""

from __future__ import annotations

import datetime
import fnmatch
import json
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape

import jwt
from moto.core.utils import utcnow
from moto.iam.models import iam_backends
from moto.sts.exceptions import STSClientError
from moto.sts.models import sts_backends
from moto.sts.responses import TokenResponse
from werkzeug.wrappers import Request, Response

ACTION = "sts:AssumeRoleWithWebIdentity"
REFUSED = f"Not authorized to perform {ACTION}"
CREDENTIAL = re.compile(r"Credential=(?P<key>[^/,\s]+)/\d+/[^/]*/(?P<service>[^/]+)/aws4_request")
CONDITION_KEYS = {
    *("sub", "aud", "job_workflow_ref", "ref", "environment", "repository", "repository_id"),
    *("workflow", "actor", "actor_id", "enterprise_id"),
}
"""The claims of GitHub's tokens that AWS compares with a trust policy's conditions, all but the first two since January
2026 (https://aws.amazon.com/about-aws/whats-new/2026/01/aws-sts-supports-validation-identity-provider-claims/); of any
other claim a condition never holds."""
QUERY_SERVICES = ("sts", "iam")
EXPIRED = "The security token included in the request is expired"


@dataclass
class WebIdentities:
    """What was asked, and how long credentials are given for."""

    credential_seconds: float | None = None
    """Instead of what is asked for; AWS itself gives 15 minutes at least."""
    assumed: list[dict[str, Any]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def record(self, **entry: Any) -> None:
        """Remember one exchange."""
        with self.lock:
            self.assumed.append(entry)


def check_web_identities(identities: WebIdentities) -> None:
    """Refuse what AWS refuses."""
    assume = TokenResponse.assume_role_with_web_identity

    def assume_role_with_web_identity(self: Any) -> Any:
        text, arn = str(self._get_param("WebIdentityToken")), str(self._get_param("RoleArn"))
        entry = {"role": arn, "session": self._get_param("RoleSessionName")}
        try:
            claims = _claims(text)
            entry |= {"jti": claims.get("jti"), "subject": claims.get("sub")}
            _check(claims, arn, iam_backends[self.current_account][self.partition])
        except STSClientError as error:
            identities.record(**entry, refused=error.code)
            raise
        identities.record(**entry, refused=None)
        result = assume(self)
        if identities.credential_seconds is not None:
            _shorten(result.result["Credentials"], identities.credential_seconds)
        return result

    TokenResponse.assume_role_with_web_identity = assume_role_with_web_identity


def _claims(text: str) -> dict[str, Any]:
    try:
        return dict(jwt.decode(text, options={"verify_signature": False}))
    except jwt.PyJWTError as error:
        raise STSClientError("InvalidIdentityToken", f"The ID Token provided is not a valid JWT. ({error})") from error


def _check(claims: Mapping[str, Any], arn: str, iam: Any) -> None:
    issuer = str(claims.get("iss", ""))
    providers = {provider.url: provider for provider in iam.open_id_providers.values()}
    provider = providers.get(issuer.removeprefix("https://"))
    if provider is None:
        raise STSClientError("InvalidIdentityToken", f"No OpenIDConnect provider found in your account for {issuer}")
    if claims.get("aud") not in provider.client_id_list:
        raise STSClientError("InvalidIdentityToken", "Incorrect token audience")
    now, end = int(time.time()), int(claims.get("exp", 0))
    if now >= end:
        said = f"Token expired: current date/time {now} must be before the expiration date/time {end}"
        raise STSClientError("ExpiredTokenException", said)
    role = next((one for one in iam.roles.values() if one.arn == arn), None)
    if role is None or not _trusts(json.loads(role.assume_role_policy_document), provider, claims):
        raise STSClientError("AccessDenied", REFUSED)


def _trusts(policy: Mapping[str, Any], provider: Any, claims: Mapping[str, Any]) -> bool:
    """Whether a trust policy lets the token's bearer in; the parts of IAM's language that such policies are made of."""
    for statement in _several(policy.get("Statement", ())):
        principal = statement.get("Principal", {})
        federated = _several(principal.get("Federated", ())) if isinstance(principal, dict) else ()
        if (
            statement.get("Effect") == "Allow"
            and ACTION in _several(statement.get("Action", ()))
            and provider.arn in federated
            and all(
                _holds(operator, key.removeprefix(f"{provider.url}:"), _several(wanted), claims)
                for operator, pairs in statement.get("Condition", {}).items()
                for key, wanted in pairs.items()
            )
        ):
            return True
    return False


def _holds(operator: str, claim: str, wanted: Iterable[str], claims: Mapping[str, Any]) -> bool:
    if claim not in CONDITION_KEYS or claim not in claims:
        return False
    value = str(claims[claim])
    if operator == "StringEquals":
        return value in wanted
    if operator == "StringLike":
        return any(fnmatch.fnmatchcase(value, pattern) for pattern in wanted)
    raise AssertionError(f"the sandbox does not know the condition operator {operator}")


def _several(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def _shorten(role: Any, seconds: float) -> None:
    role.expiration = utcnow() + datetime.timedelta(seconds=seconds)


class RefuseExpired:
    """Around moto: what is signed with a role's credentials after their end is refused, in each protocol's own form."""

    def __init__(self, application: Callable[..., Iterable[bytes]]) -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        request = Request(environ)
        _name_service(environ, request)
        signed = request.headers.get("Authorization", "") or f"Credential={request.args.get('X-Amz-Credential', '')}"
        found = CREDENTIAL.search(signed)
        if found is not None and _has_expired(found["key"]):
            return _expired(found["service"])(environ, start_response)
        return self._application(environ, start_response)


def _name_service(environ: dict[str, Any], request: Request) -> None:
    """moto looks for the service, and for whose request it is, in the Authorization header alone, and takes a signed
    URL for one of S3; a signature names its service wherever it stands."""
    credential = request.args.get("X-Amz-Credential", "")
    if "Authorization" not in request.headers and credential and not credential.endswith("/s3/aws4_request"):
        environ["HTTP_AUTHORIZATION"] = f"{request.args.get('X-Amz-Algorithm')} Credential={credential}"


def _has_expired(key: str) -> bool:
    for partitions in sts_backends.values():
        for backend in partitions.values():
            role = backend.get_assumed_role_from_access_key(key)
            if role is not None:
                return bool(role.expiration <= utcnow())
    return False


def _expired(service: str) -> Response:
    if service == "s3":
        text = "<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>"
        return Response(text, 400, content_type="application/xml")
    if service in QUERY_SERVICES:
        error = f"<Type>Sender</Type><Code>ExpiredToken</Code><Message>{escape(EXPIRED)}</Message>"
        return Response(f"<ErrorResponse><Error>{error}</Error></ErrorResponse>", 403, content_type="text/xml")
    answer = Response(json.dumps({"__type": "ExpiredTokenException", "message": EXPIRED}), 400)
    answer.content_type = "application/x-amz-json-1.0"
    answer.headers["x-amzn-ErrorType"] = "ExpiredTokenException"
    return answer
