"""What in the inputs must never be shown."""

from __future__ import annotations

import re
from collections.abc import Mapping

from deployer.inputs.read import raw_input
from deployer.masking.collect import LARGEST_FILE, parameter_secrets
from deployer.masking.documents import kubeconfig_secrets, mapping_secrets, read_mapping, url_credentials
from deployer.masking.rules import SHORTEST

MAPPINGS = ("metaflow-config", "create-options", "deployer-options", "config")
"""Inputs that are mappings: what is secret in them is known by its key (`notify_slack_webhook_url`)."""
WITH_URLS = ("airflow-url", "requirements", "create-options", "deployer-options", "config")
"""Inputs in which a URL may have user info, such as that of a package index."""


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
        *kubeconfig_secrets(raw_input(environ, "kubeconfig")),
        *(one for name in MAPPINGS for one in mapping_secrets(raw_input(environ, name))),
        *_variables_of_steps(raw_input(environ, "with")),
        *(one for name in WITH_URLS for one in url_credentials(raw_input(environ, name)[:LARGEST_FILE])),
    ]
    # these are secrets and nothing else, so that they are masked however short they are
    airflow = [raw_input(environ, name).strip() for name in ("airflow-token", "airflow-password")]
    return tuple(dict.fromkeys([*filter(None, airflow), *(one for one in found if len(one) >= SHORTEST)]))


def _variables_of_steps(decorators: str) -> tuple[str, ...]:
    """What is secret in the variables that `with` gives the steps: `environment:vars={"API_TOKEN": "…"}`."""
    found = (re.search(r"\{.*\}", line) for line in decorators.splitlines())
    return tuple(secret for one in found if one is not None for secret in mapping_secrets(one[0]))


def secret_parameters(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The values of `parameters` that are not shown: those whose names look secret, or all under `mask-parameters`.

    Args:
        environ: the job's environment.
    """
    return parameter_secrets(read_mapping(raw_input(environ, "parameters")) or {}, hide_all=masks_parameters(environ))


def masks_parameters(environ: Mapping[str, str]) -> bool:
    """Whether no value of a Parameter may be shown: also where the input cannot be read, for safety's sake."""
    return raw_input(environ, "mask-parameters").strip().lower() not in ("", "false")
