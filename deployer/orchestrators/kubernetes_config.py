"""Where the Kubernetes client finds the cluster, and the job's credentials for it."""

from __future__ import annotations

import os

from deployer.orchestrators.kubernetes_errors import failures


def load_configuration() -> None:
    """Configure the Kubernetes client as Metaflow configures its own: KUBECONFIG, else the service account of the pod,
    else the kubeconfig of the home.

    Raises:
        DeployError: there is no configuration that can be used.
    """
    from kubernetes import config

    with failures("loading the kubeconfig"):
        if os.environ.get("KUBERNETES_SERVICE_HOST") and not os.environ.get("KUBECONFIG"):
            config.load_incluster_config()
        else:
            config.load_kube_config()
