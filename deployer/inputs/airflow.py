"""The inputs `airflow-…`: what each takes, and what they need of one another."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from deployer.inputs.mistake import Mistake, shown
from deployer.inputs.model import WITHOUT_FLOW, OperationName, input_failure
from deployer.outcome import Failure

ORCHESTRATOR = "airflow"
STORES = ("s3", "gs")
ASKING = frozenset({OperationName.TRIGGER, OperationName.TERMINATE, OperationName.SUSPEND, OperationName.UNSUSPEND})
"""Operations that Airflow itself has to be asked for."""


def clean_dags_folder(text: str) -> str | None:
    """`s3://bucket/prefix`, `gs://bucket/prefix`, or a folder."""
    if not text:
        return None
    if "\n" in text:
        raise Mistake(f"is {shown(text)}, which has several lines", "Write one place.")
    scheme, separator, rest = text.partition("://")
    if not separator:
        return str(PurePosixPath(text))
    if scheme not in STORES:
        raise Mistake(f"is {shown(text)}", "Write `s3://bucket/prefix`, `gs://bucket/prefix`, or a folder.")
    bucket, _, prefix = rest.partition("/")
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{1,221}", bucket) or "?" in prefix or "#" in prefix:
        raise Mistake(f"is {shown(text)}, which names no bucket", f"Write `{scheme}://bucket/prefix`.")
    return f"{scheme}://{bucket}/{prefix.strip('/')}".rstrip("/")


def clean_url(text: str) -> str | None:
    """Airflow's address, or `mwaa://ENVIRONMENT`."""
    if not text:
        return None
    parts = urlsplit(text) if not re.search(r"\s", text) else None
    if parts is None or parts.scheme not in ("http", "https", "mwaa") or not parts.netloc:
        raise Mistake(f"is {shown(text)}", "Write `https://airflow.example.com`, or `mwaa://ENVIRONMENT` for MWAA.")
    if "@" in parts.netloc:
        # nothing of it is repeated: a password stands in it
        raise Mistake("holds a user's name or password", "Write them as `airflow-username` and `airflow-password`.")
    plain = f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/")
    if parts.query or parts.fragment or re.search(r"/(?:api(?:/v\d)?|home|login|dags)$", plain):
        root = re.sub(r"/(?:api(?:/v\d)?|home|login|dags)$", "", plain)
        raise Mistake(f"is {shown(text)}, the address of a page", f"Write `{root}`.")
    return plain


def across(values: Mapping[str, Any]) -> list[Failure]:
    """What is missing for the orchestrator Airflow, and what contradicts itself."""
    if values.get("orchestrator") != ORCHESTRATOR:
        return []
    return [*_missing(values), *_credentials(values)]


def _missing(values: Mapping[str, Any]) -> list[Failure]:
    operation = values.get("operation")
    failures = []
    deploys = operation in (OperationName.AUTO, OperationName.DEPLOY)
    if deploys and values.get("airflow_dags_folder", "unread") is None:
        advice = "Write where Airflow looks for DAG files: `s3://bucket/prefix`, `gs://bucket/prefix`, or a folder."
        failures.append(input_failure("airflow-dags-folder", "was not given, which Airflow needs", advice))
    asks = operation in ASKING or (deploys and values.get("trigger") is True)
    if asks and values.get("airflow_url", "unread") is None:
        advice = "Write the address of Airflow's web server; a run can only be asked for there."
        failures.append(input_failure("airflow-url", "was not given, which a run on Airflow needs", advice))
    elif operation in WITHOUT_FLOW and not values.get("airflow_url") and not values.get("airflow_dags_folder"):
        advice = "Write the address of Airflow's web server, or `airflow-dags-folder`."
        failures.append(input_failure("airflow-url", "was not given, so that nothing can be looked at", advice))
    return failures


def _credentials(values: Mapping[str, Any]) -> list[Failure]:
    token, username, password = (values.get(f"airflow_{name}") for name in ("token", "username", "password"))
    if token and username:
        advice = "Leave one of the two out: a token says by itself whose it is."
        return [input_failure("airflow-token", "was given, and `airflow-username` too", advice)]
    if password and not username:
        advice = "Write whose it is as `airflow-username`."
        return [input_failure("airflow-password", "was given without a user's name", advice)]
    return []
