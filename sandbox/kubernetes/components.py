"""The programs of the cluster with their arguments, in the order in which they start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.kubernetes import settings
from sandbox.kubernetes.build import Built
from sandbox.kubernetes.pki import Authority, Subject
from sandbox.kubernetes.place import Place

NODE_NAME = "node"
ARGO_NAMESPACE = "argo"
ARGO_SERVICE_ACCOUNT = "argo"
ETCD = "http://127.0.0.1:2379"
"""In the node's own network, where nobody else can reach it."""
API_SERVER_NAMES = ("localhost", "127.0.0.1", "kubernetes.default.svc")


@dataclass(frozen=True, kw_only=True)
class Component:
    """A program to run.

    Attributes:
        name: what it is called here, in log files and in `Cluster.stop`.
        environment: besides that of the node's first process.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """The files with which the programs know each other; see `issue`."""

    authority: Path
    api_server: tuple[Path, Path]
    api_server_to_kubelet: tuple[Path, Path]
    kubelet: tuple[Path, Path]
    service_accounts: tuple[Path, Path]
    admin: Path
    controller_manager: Path
    scheduler: Path
    node: Path
    workflow_controller: Path


def issue(place: Place) -> Credentials:
    """Make all certificates, keys and kubeconfigs.

    The users and groups are those that Kubernetes' own roles are bound to; the workflow-controller comes as the service
    account that Argo's manifests give it, so that it has that account's rights and no others.
    """
    authority = Authority(place.pki)
    server = f"https://{place.api_server}"
    hosts = (*API_SERVER_NAMES, place.api_server, place.node, place.machine)
    controller = Subject(
        user=f"system:serviceaccount:{ARGO_NAMESPACE}:{ARGO_SERVICE_ACCOUNT}",
        groups=("system:serviceaccounts", f"system:serviceaccounts:{ARGO_NAMESPACE}"),
    )
    node = Subject(user=f"system:node:{NODE_NAME}", groups=("system:nodes",), hosts=(NODE_NAME, place.node))

    def component(name: str) -> Path:
        return authority.kubeconfig(name, Subject(user=f"system:{name}"), server)

    return Credentials(
        authority=authority.certificate,
        api_server=authority.issue("kube-apiserver", Subject(user="kube-apiserver", hosts=hosts)),
        api_server_to_kubelet=authority.issue(
            "kube-apiserver-kubelet-client", Subject(user="kube-apiserver-kubelet-client", groups=("system:masters",))
        ),
        kubelet=authority.issue("kubelet", node),
        service_accounts=authority.key_pair("service-accounts"),
        admin=authority.kubeconfig("admin", Subject(user="admin", groups=("system:masters",)), server),
        controller_manager=component("kube-controller-manager"),
        scheduler=component("kube-scheduler"),
        node=authority.kubeconfig("node", node, server),
        workflow_controller=authority.kubeconfig("workflow-controller", controller, server, namespace=ARGO_NAMESPACE),
    )


def write_settings(place: Place, credentials: Credentials, *, snapshotter: str) -> None:
    """Write the configuration files that `components` names."""
    (place.settings / "cni").mkdir(parents=True)
    certificate, key = credentials.kubelet
    kubelet = settings.kubelet(place, certificate=certificate, key=key, authority=credentials.authority)
    (place.settings / "containerd.toml").write_text(settings.containerd(place, snapshotter=snapshotter))
    (place.settings / "kubelet.yaml").write_text(kubelet)
    (place.settings / "resolv.conf").write_text(settings.resolv_conf())
    (place.settings / "cni" / "10-bridge.conflist").write_text(settings.cni(place))


def components(place: Place, built: Built, credentials: Credentials) -> tuple[Component, ...]:
    """etcd, containerd, the control plane, the kubelet, the workflow-controller."""
    return (
        _etcd(place, built),
        Component(name="containerd", command=("containerd", "--config", f"{place.settings}/containerd.toml")),
        _api_server(place, built, credentials),
        _controller_manager(place, built, credentials),
        Component(
            name="kube-scheduler",
            command=(
                str(built.program("kube-scheduler")),
                f"--kubeconfig={credentials.scheduler}",
                "--leader-elect=false",
                "--bind-address=127.0.0.1",
            ),
        ),
        _kubelet(place, built, credentials),
        _workflow_controller(built, credentials),
    )


def _etcd(place: Place, built: Built) -> Component:
    return Component(
        name="etcd",
        command=(
            str(built.program("etcd")),
            f"--data-dir={place.data}/etcd",
            f"--listen-client-urls={ETCD}",
            f"--advertise-client-urls={ETCD}",
            "--listen-peer-urls=http://127.0.0.1:2380",
            "--unsafe-no-fsync",  # what is lost with the machine's power is not missed
            "--log-level=warn",
        ),
    )


def _api_server(place: Place, built: Built, credentials: Credentials) -> Component:
    (certificate, key), (client, client_key) = credentials.api_server, credentials.api_server_to_kubelet
    signing, public = credentials.service_accounts
    return Component(
        name="kube-apiserver",
        command=(
            str(built.program("kube-apiserver")),
            f"--advertise-address={place.node}",
            "--allow-privileged=true",
            "--authorization-mode=Node,RBAC",
            f"--bind-address={place.api_server}",
            f"--client-ca-file={credentials.authority}",
            "--enable-admission-plugins=NodeRestriction",
            "--endpoint-reconciler-type=none",
            f"--etcd-servers={ETCD}",
            f"--kubelet-certificate-authority={credentials.authority}",
            f"--kubelet-client-certificate={client}",
            f"--kubelet-client-key={client_key}",
            "--kubelet-preferred-address-types=InternalIP",
            "--secure-port=443",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={public}",
            f"--service-account-signing-key-file={signing}",
            f"--service-cluster-ip-range={place.services}",
            f"--tls-cert-file={certificate}",
            f"--tls-private-key-file={key}",
        ),
    )


def _controller_manager(place: Place, built: Built, credentials: Credentials) -> Component:
    signing, _ = credentials.service_accounts
    return Component(
        name="kube-controller-manager",
        command=(
            str(built.program("kube-controller-manager")),
            f"--kubeconfig={credentials.controller_manager}",
            f"--service-account-private-key-file={signing}",
            f"--root-ca-file={credentials.authority}",
            f"--flex-volume-plugin-dir={place.data}/volume-plugins",  # it makes this folder
            "--use-service-account-credentials",
            "--leader-elect=false",
            "--bind-address=127.0.0.1",
        ),
    )


def _kubelet(place: Place, built: Built, credentials: Credentials) -> Component:
    return Component(
        name="kubelet",
        command=(
            str(built.program("kubelet")),
            f"--config={place.settings}/kubelet.yaml",
            f"--kubeconfig={credentials.node}",
            f"--hostname-override={NODE_NAME}",
            f"--node-ip={place.node}",
            f"--root-dir={place.data}/kubelet",
        ),
    )


def _workflow_controller(built: Built, credentials: Credentials) -> Component:
    return Component(
        name="workflow-controller",
        command=(
            str(built.program("workflow-controller")),
            f"--kubeconfig={credentials.workflow_controller}",
            f"--namespace={ARGO_NAMESPACE}",
            f"--executor-image={executor_image(built)}",
            "--executor-image-pull-policy=IfNotPresent",
        ),
        # A workflow is looked at again after this instead of ten seconds, which halves the time of a foreach.
        environment={"DEFAULT_REQUEUE_TIME": "250ms", "LEADER_ELECTION_DISABLE": "true"},
    )


def executor_image(built: Built) -> str:
    """The name of the image with argoexec."""
    return f"localhost/metaflow-deploy/argoexec:{built.versions.argo_workflows}"
