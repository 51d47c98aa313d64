"""A kubeconfig as text: decoded where it is base64, and what it needs that the action's container may lack."""

from __future__ import annotations

import base64
import binascii
import shutil
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from deployer.outcome import Failure, FailureReason

SHORTEST_BASE64 = 16
"""Characters; a shorter word of base64's alphabet is a word."""
GUIDE = "docs/authentication.md"

# What people's kubeconfigs run for their credentials, and the way out of each.
AWS = "Leave `kubeconfig` out and give the cluster's name as `eks-cluster`: the action makes EKS's tokens itself."
GCLOUD = (
    "Give a kubeconfig with a short-lived token instead: google-github-actions/get-gke-credentials writes one "
    f"({GUIDE} has the steps)."
)
AZURE = (
    "Give a kubeconfig with a short-lived token instead: `kubelogin get-token` in a step before makes one "
    f"({GUIDE} has the steps)."
)
SERVICE_ACCOUNT = "Give a kubeconfig that holds a service account's token: `kubectl create token` makes one"
PLUGINS: Mapping[str, str] = {
    "aws": AWS,
    "aws-iam-authenticator": AWS,
    "gke-gcloud-auth-plugin": GCLOUD,
    "gcloud": GCLOUD,
    "kubelogin": AZURE,
    "az": AZURE,
    # `kubectl oidc-login`, and whatever else is a plug-in of kubectl
    "kubectl": f"{SERVICE_ACCOUNT} ({GUIDE}).",
}


def decoded(text: str) -> str | None:
    """What a text that is base64 stands for, line breaks in it or not; None where it is no base64 of a text.

    Secrets are often kept so (`base64 < ~/.kube/config`), and `base64` breaks its lines.
    """
    joined = "".join(text.split())
    if len(joined) < SHORTEST_BASE64:
        return None
    try:
        return base64.b64decode(joined, validate=True).decode() or None
    except (binascii.Error, ValueError):
        return None


def current_user(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The `user` of the current context; empty where it has none."""
    return _part(config, "users", "user")


def current_cluster(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The `cluster` of the current context; empty where it has none."""
    return _part(config, "clusters", "cluster")


def exec_command(config: Mapping[str, Any]) -> str | None:
    """The program that the current context's user runs for its credentials; None where it runs none."""
    plugin = current_user(config).get("exec")
    command = plugin.get("command") if isinstance(plugin, dict) else None
    return command if isinstance(command, str) and command else None


def lacks_plugin(command: str) -> bool:
    """Whether this container has no such program."""
    return shutil.which(command) is None


def missing_plugin(command: str) -> Failure:
    """The failure of a kubeconfig whose exec plug-in is not there, with the way out for that very plug-in."""
    name = PurePath(command).name[:100]
    way_out = PLUGINS.get(name, f"{SERVICE_ACCOUNT} ({GUIDE}).")
    return Failure(
        reason=FailureReason.CREDENTIALS,
        input="kubeconfig",
        message=f"The kubeconfig runs `{name}` for its credentials, which the action's container does not have.",
        advice=f"{way_out} Or run the action from an image of your own that has `{name}`.",
    )


def failed_plugin(command: str, said: str) -> Failure:
    """The failure of a kubeconfig whose exec plug-in gave no credentials.

    Args:
        command: the program.
        said: what it, or the Kubernetes client about it, said.
    """
    return Failure(
        reason=FailureReason.CREDENTIALS,
        input="kubeconfig",
        message=f"`{PurePath(command).name[:100]}`, which the kubeconfig runs for its credentials, gave none.",
        advice="Give the job what the program needs; what it said is below.",
        evidence=said,
    )


def _part(config: Mapping[str, Any], group: str, kind: str) -> Mapping[str, Any]:
    context = _named(config, "contexts", config.get("current-context")).get("context")
    name = context.get(kind) if isinstance(context, dict) else None
    found = _named(config, group, name).get(kind)
    return found if isinstance(found, dict) else {}


def _named(config: Mapping[str, Any], group: str, name: Any) -> Mapping[str, Any]:
    entries = config.get(group)
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and name is not None and entry.get("name") == name:
            return entry
    return {}
