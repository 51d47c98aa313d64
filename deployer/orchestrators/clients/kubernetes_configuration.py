"""Which cluster a process speaks to, and as whom: found as Metaflow's own client finds it
(metaflow/plugins/kubernetes/kubernetes_client.py), and told where it cannot be.

KUBECONFIG comes first, then the service account of the pod that the process runs in, then the kubeconfig of the home.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import PurePath
from typing import Any

from deployer.kubeconfig import GUIDE, current_user, exec_command, failed_plugin, lacks_plugin, missing_plugin
from deployer.orchestrators.clients.aws_errors import role_refusal
from deployer.orchestrators.clients.kubernetes_errors import failures
from deployer.outcome import DeployError, Failure, FailureReason

EKS_PLUGIN = "eks_token.py"
"""The action's own exec plug-in (deployer.credentials.eks_token)."""


def in_cluster() -> bool:
    """Whether the process takes the service account of its pod."""
    return bool(os.environ.get("KUBERNETES_SERVICE_HOST") and not os.environ.get("KUBECONFIG"))


def load_configuration() -> None:
    """Make the Kubernetes client's configuration that of this process's environment.

    Raises:
        DeployError: there is none, or it gives no credentials.
    """
    if in_cluster():
        _load_service_account()
    else:
        _load_kubeconfig()


def kubeconfig_namespace() -> str | None:
    """The namespace that the current context of the kubeconfig names; None where it names none, or there is none."""
    from kubernetes import config

    if in_cluster():
        return None
    with failures("reading the kubeconfig"):
        context = config.list_kube_config_contexts()[1]
    namespace = (context.get("context") or {}).get("namespace")
    return str(namespace) if namespace else None


def _load_service_account() -> None:
    from kubernetes import config

    try:
        config.load_incluster_config()
    except config.ConfigException as error:
        raise DeployError(
            Failure(
                reason=FailureReason.CREDENTIALS,
                input="kubeconfig",
                message="The runner is in a cluster, but the action's container has no service account of it.",
                advice="Mount the service account's token into the container that runs the action "
                f"({GUIDE} says how for each kind of runner), or give `kubeconfig`.",
                evidence=str(error),
            )
        ) from error


def _load_kubeconfig() -> None:
    """Load it. What the exec plug-in does wrong the Kubernetes client only logs, and goes on without credentials: here
    it is a failure."""
    from kubernetes import config

    with failures("loading the kubeconfig"), _logged_errors() as logged:
        config.load_kube_config()
    if not logged:
        return
    merged = _merged()
    command = exec_command(merged)
    if command is not None:
        said = "\n".join(logged)
        raise DeployError(
            missing_plugin(command)
            if lacks_plugin(command)
            else _own_plugin(merged, said) or failed_plugin(command, said)
        )


def _merged() -> Mapping[str, Any]:
    """The kubeconfig as the client reads it: KUBECONFIG may name several files."""
    from kubernetes.config import kube_config

    found = kube_config.KubeConfigMerger(kube_config.KUBE_CONFIG_DEFAULT_LOCATION).config
    if found is None:
        return {}
    # each entry remembers the file that it came from
    entries = {group: [one.value for one in found.value.get(group, ())] for group in ("clusters", "contexts", "users")}
    return {**found.value, **entries}


def _own_plugin(config: Mapping[str, Any], said: str) -> Failure | None:
    """The failure of the plug-in that the action made the kubeconfig for; None where it is another one."""
    arguments = [str(one) for one in current_user(config)["exec"].get("args") or ()]
    if not any(PurePath(one).name == EKS_PLUGIN for one in arguments):
        return None
    refused = role_refusal(said)
    if refused is not None:
        return refused
    return Failure(
        reason=FailureReason.CREDENTIALS,
        input="eks-cluster",
        message=f"No token could be made for the EKS cluster `{config.get('current-context')}`.",
        advice="Give the job AWS credentials: `aws-role-to-assume`, or AWS_* in its `env`.",
        evidence=said,
    )


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@contextmanager
def _logged_errors() -> Iterator[list[str]]:
    """The errors that are logged meanwhile by the root logger, which then prints none of them itself."""
    root, handler = logging.getLogger(), _Lines()
    root.addHandler(handler)
    try:
        yield handler.lines
    finally:
        root.removeHandler(handler)
