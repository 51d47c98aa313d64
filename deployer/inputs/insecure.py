"""Connections on which credentials can be read, or the other end can be somebody else: a warning for each.

They are not refused: inside a cluster's network or behind a proxy they may be meant. `allow-insecure: true` says so.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from deployer.inputs.airflow import ORCHESTRATOR as AIRFLOW
from deployer.inputs.model import Inputs
from deployer.kubeconfig import current_cluster
from deployer.yaml_mapping import MOST_CHARACTERS, parse_mapping

ALLOW = "or set `allow-insecure: true` where that is meant."


def insecure_connections(inputs: Inputs, environ: Mapping[str, str]) -> tuple[str, ...]:
    """The warnings.

    What stays on the machine (`localhost`) is left out.

    Args:
        inputs: the job's inputs.
        environ: the job's environment, which may name a kubeconfig and Metaflow's service.
    """
    if inputs.allow_insecure:
        return ()
    found = [*_metaflow_service(inputs, environ)]
    if inputs.orchestrator == AIRFLOW:
        found += _airflow(inputs)
    elif inputs.orchestrator == "argo-workflows" and not inputs.eks_cluster:
        for name, text in _kubeconfigs(inputs, environ):
            found += _kubeconfig(name, text)
    return tuple(dict.fromkeys(found))


def _airflow(inputs: Inputs) -> Iterator[str]:
    if not _is_plain(inputs.airflow_url):
        return
    for name in ("airflow-token", "airflow-password"):
        if getattr(inputs, name.replace("-", "_")):
            yield (
                f"`airflow-url` is `http://`, so that `{name}` can be read on its way to {_host(inputs.airflow_url)}. "
                f"Write `https://`, {ALLOW}"
            )


def _metaflow_service(inputs: Inputs, environ: Mapping[str, str]) -> Iterator[str]:
    settings = {**(inputs.metaflow_config or {}), **environ}
    url = settings.get("METAFLOW_SERVICE_URL")
    if _is_plain(url) and settings.get("METAFLOW_SERVICE_AUTH_KEY"):
        yield (
            "METAFLOW_SERVICE_URL is `http://`, so that METAFLOW_SERVICE_AUTH_KEY can be read on its way to "
            f"{_host(url)}. Write `https://`, {ALLOW}"
        )


def _kubeconfigs(inputs: Inputs, environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Every kubeconfig that may be used, with what messages call it."""
    if inputs.kubeconfig is not None:
        yield "`kubeconfig`", inputs.kubeconfig
        return
    if environ.get("KUBERNETES_SERVICE_HOST") and not environ.get("KUBECONFIG"):
        return  # a pod's service account comes first
    named = [Path(one) for one in environ.get("KUBECONFIG", "").split(os.pathsep) if one]
    for path in named or [Path(environ.get("HOME", "/"), ".kube", "config")]:
        try:
            if path.is_file() and path.stat().st_size <= MOST_CHARACTERS:
                yield f"The kubeconfig {path}", path.read_text(encoding="utf-8")
        except (OSError, ValueError):  # whoever uses it says why it cannot be read
            continue


def _kubeconfig(name: str, text: str) -> Iterator[str]:
    try:
        cluster = current_cluster(parse_mapping(text))
    except ValueError:
        return
    server, proxy = cluster.get("server"), cluster.get("proxy-url")
    if _is_local(server):
        return
    if cluster.get("insecure-skip-tls-verify") is True:
        yield (
            f"{name} has `insecure-skip-tls-verify`, so that any server can pass for {_host(server)} and gets its "
            f"credentials. Give `certificate-authority-data`, {ALLOW}"
        )
    if _is_plain(server):
        yield (
            f"{name} has an `http://` server, so that its credentials can be read on their way to {_host(server)}. "
            f"Write `https://`, {ALLOW}"
        )
    if proxy and not _is_local(proxy):
        yield (
            f"{name} has `proxy-url`, so that whatever is sent to {_host(server)} goes through {_host(proxy)}. "
            f"Leave it out, {ALLOW}"
        )


def _is_plain(url: Any) -> bool:
    return isinstance(url, str) and url.lower().startswith("http://") and not _is_local(url)


def _is_local(url: Any) -> bool:
    host = _hostname(url)
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _host(url: Any) -> str:
    """What messages call the other end: its name alone, since the rest may hold a password."""
    return f"`{_hostname(url)[:100]}`" if _hostname(url) else "the server"


def _hostname(url: Any) -> str:
    try:
        return urlsplit(str(url)).hostname or ""
    except ValueError:
        return ""
