"""The sandbox's STS, and its stand-in of GitHub's OIDC endpoint: what they refuse, as AWS and GitHub do."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import boto3
import jwt
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from sandbox.aws.resources import ACCOUNT, BUCKET, DEPLOY_ROLE_ARN, REGION
from sandbox.world import World

SUBJECT = "repo:octo-org/flows:environment:production"


@pytest.fixture(autouse=True)
def _as_it_was(world: World) -> Iterator[None]:
    yield
    world.github.set_id_tokens()
    world.aws.set_credential_lifetime(None)


def id_token(world: World, audience: str = "sts.amazonaws.com", bearer: str | None = None) -> str:
    """A token, asked for as GitHub's documentation asks for it with curl."""
    variables = world.github.id_token_variables
    request = urllib.request.Request(f"{variables['ACTIONS_ID_TOKEN_REQUEST_URL']}&audience={audience}")
    request.add_header("Authorization", f"bearer {bearer or variables['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}")
    with urllib.request.urlopen(request, timeout=10) as answer:
        return str(json.load(answer)["value"])


def assume(world: World, token: str, role: str = DEPLOY_ROLE_ARN) -> dict[str, str]:
    config = Config(signature_version=UNSIGNED)
    client = boto3.client("sts", endpoint_url=world.aws_url, region_name=REGION, config=config)
    answer = client.assume_role_with_web_identity(RoleArn=role, RoleSessionName="test", WebIdentityToken=token)
    credentials = answer["Credentials"]
    return {
        "aws_access_key_id": credentials["AccessKeyId"],
        "aws_secret_access_key": credentials["SecretAccessKey"],
        "aws_session_token": credentials["SessionToken"],
    }


def client(world: World, service: Any, credentials: dict[str, str]) -> Any:
    return boto3.client(service, endpoint_url=world.aws_url, region_name=REGION, **credentials)


def test_a_token_tells_what_githubs_documentation_tells(world: World) -> None:
    claims = jwt.decode(id_token(world), options={"verify_signature": False})
    assert (claims["sub"], claims["aud"]) == (SUBJECT, "sts.amazonaws.com")
    assert claims["iss"] == "https://token.actions.githubusercontent.com"
    assert claims["exp"] - claims["iat"] == 300
    assert id_token(world) != id_token(world), "each is one of its own"


def test_the_endpoint_takes_the_jobs_request_token_alone(world: World) -> None:
    with pytest.raises(urllib.error.HTTPError) as raised:
        id_token(world, bearer="of-another-job")
    assert raised.value.code == 401


def test_a_role_is_given_to_whom_it_trusts(world: World) -> None:
    identity = client(world, "sts", assume(world, id_token(world))).get_caller_identity()
    assert identity["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/metaflow-deploy/test"


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("expired", "ExpiredTokenException"),
        ("audience", "InvalidIdentityToken"),
        ("subject", "AccessDenied"),
        ("role", "AccessDenied"),
        ("issuer", "InvalidIdentityToken"),
        ("garbage", "InvalidIdentityToken"),
    ],
)
def test_what_aws_refuses_is_refused(fault: str, code: str, world: World) -> None:
    if fault == "expired":
        world.github.set_id_tokens(lifetime=-1)
    if fault == "subject":
        world.github.set_id_tokens(subject="repo:octo-org/flows:ref:refs/heads/main")
    token = id_token(world, audience="somebody-else" if fault == "audience" else "sts.amazonaws.com")
    if fault == "issuer":
        token = jwt.encode({"iss": "https://example.com", "sub": SUBJECT, "aud": "sts.amazonaws.com"}, "k" * 32)
    if fault == "garbage":
        token = "no.json.web-token"
    role = f"arn:aws:iam::{ACCOUNT}:role/other" if fault == "role" else DEPLOY_ROLE_ARN
    with pytest.raises(ClientError) as raised:
        assume(world, token, role)
    assert raised.value.response["Error"]["Code"] == code
    assert world.aws.assumed()[-1]["refused"] == code


@pytest.mark.parametrize(
    ("service", "call", "code"),
    [
        ("sts", lambda sts: sts.get_caller_identity(), "ExpiredToken"),
        ("stepfunctions", lambda sfn: sfn.list_state_machines(), "ExpiredTokenException"),
        ("eks", lambda eks: eks.list_clusters(), "ExpiredTokenException"),
        ("s3", lambda s3: s3.list_objects_v2(Bucket=BUCKET), "ExpiredToken"),
    ],
)
def test_what_is_signed_with_credentials_that_have_ended_is_refused(
    service: str, call: Any, code: str, world: World
) -> None:
    call(client(world, service, assume(world, id_token(world))))
    world.aws.set_credential_lifetime(0)
    with pytest.raises(ClientError) as raised:
        call(client(world, service, assume(world, id_token(world))))
    assert raised.value.response["Error"]["Code"] == code


def test_a_signed_url_speaks_for_whom_it_names(world: World) -> None:
    """moto takes every signed URL for one of S3, and nobody in particular."""
    sts = client(world, "sts", assume(world, id_token(world)))
    url = sts.generate_presigned_url("get_caller_identity", HttpMethod="GET")
    with urllib.request.urlopen(url, timeout=10) as answer:
        assert "assumed-role/metaflow-deploy/test" in answer.read().decode()
