"""What a job's environment holds that is secret: variables, and the files with credentials that they lead to."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deployer.kubeconfig import decoded
from deployer.masking.documents import (
    HEADERS,
    document_secrets,
    kubeconfig_key_files,
    kubeconfig_secrets,
    leaves,
    mapping_secrets,
    nested_secrets,
    read_mapping,
    url_credentials,
    value_secrets,
)
from deployer.masking.names import is_secret_name
from deployer.masking.rules import SHORTEST, is_maskable, is_name

DECLARED = "METAFLOW_DEPLOY_SECRET_VARIABLES"
"""Names, divided by spaces, of variables that came out of a secret: deploy.yml's `ENV`."""
SERVICE_ACCOUNT_TOKEN = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
LARGEST_FILE = 1 << 20
"""Bytes of a file that is looked through; a file of credentials has some thousands."""
AWS_SECRET = re.compile(
    r"^\s*(?:aws_access_key_id|aws_secret_access_key|aws_session_token)\s*=\s*(\S+)\s*$", re.MULTILINE
)
NETRC_SECRET = re.compile(r"\bpassword\s+(\S+)")


@dataclass(frozen=True, kw_only=True)
class Found:
    """Secrets, and what is to be said of those that are none to mask."""

    values: tuple[str, ...] = ()
    quiet: tuple[str, ...] = ()
    """Secrets that read like a name (a namespace, a bucket), kept among secrets: they are not reported to the runner,
    since it would drop the outputs that hold the name."""
    too_short: tuple[str, ...] = ()
    """The variables with a secret that is too short to be masked."""


def environment_secrets(environ: Mapping[str, str]) -> Found:
    """The secrets of a job's variables.

    Values of variables whose names look secret, in any variable user info of URLs and documents of credentials (a
    kubeconfig, a service account's key), and all that deploy.yml's secret `ENV` holds. INPUT_* are left to the inputs.

    Args:
        environ: the job's environment.
    """
    declared = frozenset(environ.get(DECLARED, "").split())
    values: list[str] = []
    quiet: list[str] = []
    short: list[str] = []
    for name, value in environ.items():
        if name.startswith(("INPUT_", "METAFLOW_DEPLOY_")) or not value.strip():
            continue
        if name == HEADERS:
            values += [header for _, header, _ in leaves(read_mapping(value) or {})]
        elif is_secret_name(name):
            values += [] if _is_file(value) else value_secrets(name, value)
            short += [name] if _is_short(value) else []
        else:
            values += url_credentials(value) if "://" in value else ()
            values += document_secrets(value)
            if name in declared:
                (quiet if is_name(value.strip()) else values).append(value)
    return Found(values=_long(values), quiet=_long(quiet), too_short=tuple(sorted(short)))


def file_secrets(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The secrets of the files that clients of Kubernetes, AWS, Google and Metaflow take their credentials from.

    A file that is renewed while the job runs (a ServiceAccount's token) is worth reading again.
    """
    home = Path(environ.get("HOME") or "/")
    found: list[str] = []
    named = environ.get("KUBECONFIG", "")
    # the file's content in place of its path, as a secret is put into a variable: the client finds nothing there
    is_content = "\n" in named.strip() or (not named.startswith("/") and decoded(named) is not None)
    found += kubeconfig_secrets(named) if is_content else []
    found += mapping_secrets(environ.get("GOOGLE_APPLICATION_CREDENTIALS", ""))
    for path in kubeconfig_files(environ):
        text = _read(path)
        found += kubeconfig_secrets(text)
        found += [_read(path.parent / name).strip() for name in kubeconfig_key_files(text)]
    tokens = [
        SERVICE_ACCOUNT_TOKEN,
        *_named(environ, "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
    ]
    found += [_read(path).strip() for path in tokens]
    for path in _named(environ, "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE") or [home / ".aws" / "credentials"]:
        found += AWS_SECRET.findall(_read(path))
    metaflow = Path(environ.get("METAFLOW_HOME") or home / ".metaflowconfig")
    for path in (*_named(environ, "GOOGLE_APPLICATION_CREDENTIALS"), *sorted(metaflow.glob("config*.json"))):
        found += mapping_secrets(_read(path))
    for path in _named(environ, "NETRC") or [home / ".netrc"]:
        found += NETRC_SECRET.findall(_read(path))
    return _long(found)


def kubeconfig_files(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """The kubeconfig files that a Kubernetes client merges: KUBECONFIG's, else the one of the home folder."""
    named = environ.get("KUBECONFIG", "")
    if named:
        return tuple(Path(one) for one in named.split(os.pathsep) if one)
    return (Path(environ.get("HOME") or "/") / ".kube" / "config",)


def parameter_secrets(parameters: Mapping[str, Any], *, hide_all: bool) -> tuple[str, ...]:
    """The values of Parameters that are secret.

    Args:
        parameters: as the input gives them.
        hide_all: whether all of them are.
    """
    found = list(nested_secrets(parameters))
    for name, value in parameters.items():
        if not hide_all and not is_secret_name(name):
            continue
        if isinstance(value, dict | list):
            found += [json.dumps(value), *(leaf for _, leaf, _ in leaves(value))]
        elif not isinstance(value, bool | None):
            found.append(str(value))
    return _long(found)


def _named(environ: Mapping[str, str], *names: str) -> list[Path]:
    return [Path(environ[name]) for name in names if environ.get(name)]


def _read(path: Path) -> str:
    """A file's text; none where it is not there, is not ours to read, or is no text of credentials."""
    try:
        if not path.is_file() or path.stat().st_size > LARGEST_FILE:
            return ""
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):  # whoever needs the file says what is wrong with it
        return ""


def _is_file(value: str) -> bool:
    """Whether a variable names its secret's file."""
    if not value.startswith(("/", "./", "~")):
        return False
    try:
        return Path(value).is_file()
    except (OSError, ValueError):  # too long for a path, or a null byte
        return False


def _is_short(value: str) -> bool:
    return 0 < len(value.strip()) < SHORTEST and value.strip().lower() not in (
        "true",
        "false",
        "none",
        "null",
        "0",
        "1",
    )


def _long(values: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in _stripped(values) if is_maskable(value)))


def _stripped(values: list[str]) -> Iterator[str]:
    yield from (value.strip() for value in values)
