"""What in the inputs must never be printed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from deployer.console import SECRET_VARIABLE
from deployer.inputs.read import raw_input
from deployer.kubeconfig import decoded
from deployer.yaml_mapping import parse_mapping

SHORTEST_SECRET = 8
"""Characters; to mask something shorter would blank ordinary words."""
KUBECONFIG_SECRET = re.compile(r"(?:token|password|secret|key-data)$", re.IGNORECASE)
UNREADABLE_SECRET = re.compile(r"(?:token|password|secret|key-data)[\"']?\s*:\s*[\"']?([^\s\"',}]+)", re.IGNORECASE)
OPTION_SECRET = re.compile(r"(?:webhook_url|api_key|integration_key|password|secret)$")
"""Options of `create` that notify (`notify_slack_webhook_url`): who has them may write there."""


def secret_inputs(environ: Mapping[str, str]) -> tuple[str, ...]:
    """What to mask before the first line is printed, whether or not the inputs can be read.

    The tokens, Airflow's password, and what is secret in a kubeconfig, in a Metaflow configuration and in the options
    of `create`: not the whole of them, since a runner drops every output that holds a masked value, and a region or a
    role is in most.
    `authorize` is left out: a production token is derived from the deployment's name, guards against accidents, and
    stands in the namespace that the report tells (Metaflow: `production:<token>`).

    Args:
        environ: the job's environment.
    """
    found = [
        raw_input(environ, "github-token").strip(),
        *_in_kubeconfig(raw_input(environ, "kubeconfig")),
        *_in_metaflow_config(raw_input(environ, "metaflow-config")),
        *_in_options(raw_input(environ, "create-options")),
    ]
    # these are secrets and nothing else, so that they are masked whatever their length
    airflow = [raw_input(environ, name).strip() for name in ("airflow-token", "airflow-password")]
    return tuple(dict.fromkeys([*filter(None, airflow), *(one for one in found if len(one) >= SHORTEST_SECRET)]))


def _in_kubeconfig(text: str) -> Iterator[str]:
    plain = decoded(text)
    if plain is not None:
        # who has the base64 has the file: in one piece, and as its lines were broken
        yield from ("".join(text.split()), text.strip())
        text = plain
    config = _read(text)
    if config is None:
        yield from UNREADABLE_SECRET.findall(text)
        return
    for key, value, around in _leaves(config):
        # an exec plug-in's environment: {name: AWS_SECRET_ACCESS_KEY, value: …}
        if KUBECONFIG_SECRET.search(key) or (key == "value" and SECRET_VARIABLE.search(str(around.get("name", "")))):
            yield value


def _in_metaflow_config(text: str) -> Iterator[str]:
    config = _read(text) or {}
    for key, value in config.items():
        if SECRET_VARIABLE.search(key) and isinstance(value, str):
            yield value
        elif key == "METAFLOW_SERVICE_HEADERS":
            headers = _read(value) if isinstance(value, str) else value
            yield from (header for _, header, _ in _leaves(headers))


def _in_options(text: str) -> Iterator[str]:
    for key, value in (_read(text) or {}).items():
        if OPTION_SECRET.search(key.replace("-", "_")) and isinstance(value, str):
            yield value


def _read(text: str) -> dict[str, Any] | None:
    try:
        return parse_mapping(text)
    except ValueError:
        pass
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _leaves(
    value: Any, key: str = "", around: Mapping[str, Any] | None = None
) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Every text with its key and the mapping that it stands in."""
    if isinstance(value, str):
        yield key, value, around or {}
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, str(name), value)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, key, around)
