"""What is secret by its name, and what stays readable: identifiers, words."""

from __future__ import annotations

import pytest

from deployer.masking import (
    SecretRegistry,
    is_maskable,
    is_secret_name,
    tells_runner,
)
from deployer.masking.rules import is_ordinary, is_random

TOKEN = "ghs_0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0uV1wX"


def masked(text: str, *secrets: str) -> str:
    registry = SecretRegistry()
    registry.add(secrets)
    return registry.mask(text)


@pytest.mark.parametrize(
    "name",
    [
        "DATABASE_URL",
        "SLACK_WEBHOOK_URL",
        "GH_PAT",
        "PGPASSWORD",
        "SENTRY_DSN",
        "GPG_PASSPHRASE",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "CONNECTION_STRING",
        "AZURE_STORAGE_CONNECTION_STRING",
        "TOKEN",
        "GITHUB_TOKEN",
        "MY_SECRET_2",
        "SECRET_SAUCE",
        "api-key",
        "clientSecret",
        "db.password",
        "REDIS_URL",
        "MYSQL_PWD",
        "SMTP_PASS",
        "OPENAI_API_KEY",
        "SSH_PRIVATE_KEY",
        "UV_INDEX_INTERNAL_PASSWORD",
        "AZURE_CREDENTIALS",
        "HTTP_AUTH",
        "METAFLOW_SERVICE_AUTH_KEY",
        "notify_pager_duty_integration_key",
        "APIKEY",
        "TOKEN_2",
        "SESSION_COOKIE",
        "API_KEY_PROD",
        "SNOWFLAKE_TOKEN_STAGING",
        "GCP_SA_KEY_JSON",
        "SIGNING_KEY_BASE64",
        "SSH_PRIVATE_KEY_PEM",
        "DATABASE_URL_PROD_RO",
        "ENCRYPTION_KEY_V2",
        "DOCKER_AUTH_CONFIG",
        "DOCKER_CONFIG_JSON",
        "KUBECONFIG_B64",
        "KUBECONFIG_BASE64_PROD",
        "KUBE_CONFIG_DATA",
        "KUBE_CONFIG_DATA_STAGING",
        "KUBECONFIG_DATA",
        "KUBECONFIG_CONTENT",
        "SA_JSON",
        "GCP_SA_JSON",
        "SERVICE_ACCOUNT_JSON",
        "googleServiceAccountJson",
        "GCP_SA_KEY",
        "GCP_SA_KEY_B64",
        "GOOGLE_CREDENTIALS",
        "GOOGLE_CREDENTIALS_JSON",
        "FIREBASE_JSON",
        "SNOWFLAKE_CREDS",
        "NETRC_TEXT",
        "KEYSTORE_B64",
        "CERTIFICATE_BASE64",
        "VAULT_SECRET_ID",
        "AUTHORIZATION",
        "HTTP_AUTH_HEADER",
        "SESSION_COOKIES",
        "STORAGE_ACCOUNTKEY",
        "privatekey",
        "API_TOKENS",
    ],
)
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "PWD",
        "OLDPWD",
        "PATH",
        "HOME",
        "GPG_KEY",
        "MAX_TOKENS",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "TOKEN_URL",
        "KEYBOARD",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "METAFLOW_KUBERNETES_SECRETS",
        "METAFLOW_SERVICE_URL",
        "AWS_ROLE_ARN",
        "METAFLOW_DEFAULT_SECRETS_BACKEND_TYPE",
        "METAFLOW_AWS_SECRETS_MANAGER_DEFAULT_REGION",
        "SSH_AUTH_SOCK",
        "SSH_PUBLIC_KEY",
        "TOKENIZERS_PARALLELISM",
        "MONKEY",
        "COMPASS",
        "KUBECONFIG",
        "AUTHOR",
        "API_URL",
        "SECRET_NAME",
        "METAFLOW_KUBERNETES_IMAGE_PULL_SECRETS",
        "METAFLOW_ARGO_WORKFLOWS_KUBERNETES_SECRETS",
        "METAFLOW_ARGO_EVENTS_WEBHOOK_URL",
        "METAFLOW_ARGO_EVENTS_INTERNAL_WEBHOOK_URL",
        "METAFLOW_ARGO_EVENTS_WEBHOOK_AUTH",
        "SECRET_NAME_PROD",
        "API_URL_PROD",
        "SSH_PUBLIC_KEY_PEM",
        "KUBE_CONFIG_PATH",
        "DOCKER_CONFIG",
        "APP_CONFIG",
        "CONFIG_DATA",
        "SETTINGS_JSON",
        "PACKAGE_JSON",
        "VISA_JSON",
        "CLOUDSDK_AUTH_CREDENTIAL_FILE",
        "USE_BASE64",
        "SERVICE_ACCOUNT",
        "GOOGLE_CLOUD_PROJECT",
        "SA_NAME",
        "METAFLOW_KUBERNETES_SERVICE_ACCOUNT",
        "SECRET_ID",
        "SSH_PUBLICKEY",
    ],
)
def test_names_of_what_is_no_secret(name: str) -> None:
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    "value",
    [
        *("1", "true", "prod", "production", "123456789012", "arn:aws:s3:::x"),
        *("eu-west-1", "us-gov-east-1a", "ap-southeast-2", "il-central-1", "europe-west4", "us-central1-a"),
    ],
)
def test_trivial_words_and_identifiers_are_not_masked(value: str) -> None:
    assert not is_maskable(value)
    assert masked(f"a {value} b", value) == f"a {value} b"


def test_a_password_of_words_is_masked_though_it_ends_like_a_region() -> None:
    assert masked("it is of-the-registry-9", "of-the-registry-9") == "it is ***"


def test_what_is_random_and_what_reads_like_words() -> None:
    for text in ("producti", "Producti", "20261130", "HelloFlo", "my-flow-", "password", "version2"):
        assert is_ordinary(text), text
    for text in ("3f2a91c0", "IQoJb3Jp", "x8Kd82jD", "a1b2c3d4"):
        assert not is_ordinary(text), text
    assert is_random(TOKEN)
    assert not is_random("production-database-password-one")
    assert not tells_runner("production-ml")
    assert tells_runner(TOKEN)
    assert tells_runner("hunter2-Of-The-Base!")
