"""A cluster that is not ours: kind's or k3d's on this machine, or a company's. It is looked at before it is used.

Nothing is changed in it without being asked: Argo Workflows is installed only where INSTALL is set. The tests make
namespaces of their own, delete them, and start Workflows there and in `default`, so it should be one that nobody
depends on. What switches CRDs or stops components is skipped in it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from urllib3.exceptions import HTTPError

from sandbox.docker.engine import Engine
from sandbox.docker.machine import UnavailableError, cache_folder, locked, output
from sandbox.kubernetes import argo
from sandbox.kubernetes.api import Api, ApiError
from sandbox.kubernetes.build import Built, Tell
from sandbox.kubernetes.images import build_task_image, copy_image_with

INSTALL = "METAFLOW_DEPLOY_CLUSTER_MAY_INSTALL"
ADDRESS = "METAFLOW_DEPLOY_CLUSTER_ADDRESS"
IMAGE = "METAFLOW_DEPLOY_CLUSTER_IMAGE"
IMPORT = ("ctr", "--namespace", "k8s.io", "images", "import", "-")


@dataclass(frozen=True, kw_only=True)
class Local:
    """A cluster whose nodes are containers of a Docker engine here.

    Attributes:
        network: the Docker network of its nodes; its gateway is this machine.
        nodes: a filter for `docker ps` that finds them.
    """

    network: str
    nodes: str


@dataclass(frozen=True, kw_only=True)
class Foreign:
    """What there is to know of a cluster that is not ours; see `sandbox.kubernetes.cluster.Cluster`."""

    address: str
    task_image: str


def examine(kubeconfig: str, built: Built, engine: Engine, environ: Mapping[str, str], tell: Tell) -> Foreign:
    """See that a cluster can run flows, and bring the tasks' image to it; safe with two at once.

    Args:
        kubeconfig: as KUBECONFIG names it.
        built: Argo's manifests, for where it has to be installed.
        engine: where the tasks' image is built.
        environ: this process's; INSTALL, ADDRESS and IMAGE are read.
        tell: takes lines about the progress.

    Raises:
        UnavailableError: it can't; the message says what is missing and what to do.
    """
    api = _connect(kubeconfig)
    local = local_cluster(current_context(kubeconfig))
    with locked(cache_folder() / "foreign-cluster.lock"):
        _have_argo(api, built, environ, tell)
        return Foreign(
            address=environ.get(ADDRESS) or _address(local, engine),
            task_image=environ.get(IMAGE) or _task_image(local, engine, tell),
        )


def takes_images(kubeconfig: str, engine: Engine) -> bool:
    """Whether images can be copied to the cluster's nodes: they are containers of the engine."""
    return bool(_nodes(local_cluster(current_context(kubeconfig)), engine))


def copy_image(kubeconfig: str, engine: Engine, name: str) -> None:
    """Copy an image from a Docker engine to every node of a cluster of kind's or k3d's.

    Raises:
        UnavailableError: the nodes are no containers of the engine, or it failed.
    """
    names = _nodes(local_cluster(current_context(kubeconfig)), engine)
    if not names:
        raise UnavailableError(
            "the nodes of the cluster of KUBECONFIG are no containers of kind's or k3d's on this machine, so no image "
            "can be copied to them"
        )
    for node in names:
        _copy_image(node, engine, name)


def current_context(kubeconfig: str) -> str:
    """The name of the context that a kubeconfig leads to."""
    from kubernetes import config

    _, active = config.list_kube_config_contexts(config_file=kubeconfig)
    return str(active["name"])


def local_cluster(context: str) -> Local | None:
    """What the name of a context says of a cluster on this machine: kind and k3d both put themselves before it."""
    tool, _, name = context.partition("-")
    if tool == "kind":
        return Local(network="kind", nodes=f"label=io.x-k8s.kind.cluster={name}")
    if tool == "k3d":
        return Local(network=f"k3d-{name}", nodes=f"label=k3d.cluster={name}")
    return None


def gateway(inspected: str) -> str | None:
    """The IPv4 address among the gateways of a Docker network, as they are printed one after another."""
    for word in inspected.split():
        try:
            return str(ipaddress.IPv4Address(word))
        except ValueError:
            continue
    return None


def _connect(kubeconfig: str) -> Api:
    if not any(Path(part).is_file() for part in kubeconfig.split(":")):
        raise UnavailableError(f"KUBECONFIG is {kubeconfig}, and there is no such file")
    api = Api(Path(kubeconfig))
    try:
        api.request("GET", "/version")
    except (ApiError, HTTPError) as error:
        raise UnavailableError(
            f"the cluster of KUBECONFIG ({api.server}) does not answer; start it, or unset KUBECONFIG\n{error}"
        ) from error
    return api


def _have_argo(api: Api, built: Built, environ: Mapping[str, str], tell: Tell) -> None:
    if argo.has_crds(api):
        if not argo.controller_works(api):
            raise UnavailableError(
                "the cluster of KUBECONFIG has Argo's CRDs, but nobody took up a Workflow: its workflow-controller "
                "does not run, or does not look after the namespace `default`; start it, or unset KUBECONFIG"
            )
        return
    version = built.versions.argo_workflows
    if environ.get(INSTALL) != "1":
        raise UnavailableError(
            f"the cluster of KUBECONFIG has no Argo Workflows; install it ({version} is what is tested here), or set "
            f"{INSTALL}=1 to have the tests do it"
        )
    tell(f"installing Argo Workflows {version} in the cluster of KUBECONFIG")
    argo.install_controller_objects(api, built)
    argo.install_crds(api, built, "minimal")
    argo.install_controller(api, built)


def _address(local: Local | None, engine: Engine) -> str:
    if local is not None:
        form = "{{range .IPAM.Config}}{{.Gateway}} {{end}}"
        command = ["docker", "network", "inspect", "--format", form, local.network]
        found = gateway(output(command, env=engine.environ()) or "")
        if found is not None:
            return found
    raise UnavailableError(
        f"it is not known by which address pods of the cluster of KUBECONFIG reach this machine; say it by {ADDRESS}"
    )


def _task_image(local: Local | None, engine: Engine, tell: Tell) -> str:
    names = _nodes(local, engine)
    if not names:
        raise UnavailableError(
            "the cluster of KUBECONFIG needs an image for the tasks (sandbox/kubernetes/task.Dockerfile); push one to "
            f"where the cluster pulls from, and name it by {IMAGE}"
        )
    image = build_task_image(engine)
    for node in names:
        tell(f"copying the tasks' image to {node}")
        _copy_image(node, engine, image)
    return image


def _copy_image(node: str, engine: Engine, name: str) -> None:
    copy_image_with(["docker", "exec", "--interactive", node, *IMPORT], engine, name)


def _nodes(local: Local | None, engine: Engine) -> Sequence[str]:
    if local is None:
        return ()
    command = ["docker", "ps", "--filter", local.nodes, "--format", "{{.Names}}"]
    names = (output(command, env=engine.environ()) or "").split()
    return [name for name in names if not name.endswith("-serverlb")]  # k3d's load balancer runs no pods
