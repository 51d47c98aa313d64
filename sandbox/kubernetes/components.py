"""The programs of the cluster with their arguments, in the order in which they start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.kubernetes import settings
from sandbox.kubernetes.build import Built
from sandbox.kubernetes.network import API_SERVER, MACHINE, NODE, SERVICES
from sandbox.kubernetes.paths import Paths
from sandbox.kubernetes.pki import Authority, Subject

SERVER = f"https://{API_SERVER}"
NODE_NAME = "node"
ARGO_NAMESPACE = "argo"
ARGO_SERVICE_ACCOUNT = "argo"
ETCD = "http://127.0.0.1:2379"
"""In the node's own network, where nobody else can reach it."""
API_SERVER_HOSTS = ("localhost", "127.0.0.1", "kubernetes.default.svc", API_SERVER, NODE, MACHINE)


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


def issue(paths: Paths) -> Credentials:
    """Make all certificates, keys and kubeconfigs.

    The users and groups are those that Kubernetes' own roles are bound to; the workflow-controller comes as the service
    account that Argo's manifests give it, so that it has that account's rights and no others.
    """
    authority = Authority(paths.pki)
    controller = Subject(
        user=f"system:serviceaccount:{ARGO_NAMESPACE}:{ARGO_SERVICE_ACCOUNT}",
        groups=("system:serviceaccounts", f"system:serviceaccounts:{ARGO_NAMESPACE}"),
    )
    node = Subject(user=f"system:node:{NODE_NAME}", groups=("system:nodes",), hosts=(NODE_NAME, NODE))

    def component(name: str) -> Path:
        return authority.kubeconfig(name, Subject(user=f"system:{name}"), SERVER)

    return Credentials(
        authority=authority.certificate,
        api_server=authority.issue("kube-apiserver", Subject(user="kube-apiserver", hosts=API_SERVER_HOSTS)),
        api_server_to_kubelet=authority.issue(
            "kube-apiserver-kubelet-client", Subject(user="kube-apiserver-kubelet-client", groups=("system:masters",))
        ),
        kubelet=authority.issue("kubelet", node),
        service_accounts=authority.key_pair("service-accounts"),
        admin=authority.kubeconfig("admin", Subject(user="admin", groups=("system:masters",)), SERVER),
        controller_manager=component("kube-controller-manager"),
        scheduler=component("kube-scheduler"),
        node=authority.kubeconfig("node", node, SERVER),
        workflow_controller=authority.kubeconfig("workflow-controller", controller, SERVER, namespace=ARGO_NAMESPACE),
    )


def write_settings(paths: Paths, credentials: Credentials, *, snapshotter: str) -> None:
    """Write the configuration files that `components` names."""
    (paths.settings / "cni").mkdir(parents=True)
    certificate, key = credentials.kubelet
    kubelet = settings.kubelet(paths, certificate=certificate, key=key, authority=credentials.authority)
    (paths.settings / "containerd.toml").write_text(settings.containerd(paths, snapshotter=snapshotter))
    (paths.settings / "kubelet.yaml").write_text(kubelet)
    (paths.settings / "resolv.conf").write_text(settings.resolv_conf())
    (paths.settings / "cni" / "10-bridge.conflist").write_text(settings.cni(paths))


def components(paths: Paths, built: Built, credentials: Credentials) -> tuple[Component, ...]:
    """etcd, containerd, the control plane, the kubelet, the workflow-controller."""
    return (
        _etcd(paths, built),
        Component(name="containerd", command=("containerd", "--config", f"{paths.settings}/containerd.toml")),
        _api_server(built, credentials),
        _controller_manager(paths, built, credentials),
        Component(
            name="kube-scheduler",
            command=(
                str(built.program("kube-scheduler")),
                f"--kubeconfig={credentials.scheduler}",
                "--leader-elect=false",
                "--bind-address=127.0.0.1",
            ),
        ),
        _kubelet(paths, built, credentials),
        _workflow_controller(built, credentials),
    )


def _etcd(paths: Paths, built: Built) -> Component:
    return Component(
        name="etcd",
        command=(
            str(built.program("etcd")),
            f"--data-dir={paths.data}/etcd",
            f"--listen-client-urls={ETCD}",
            f"--advertise-client-urls={ETCD}",
            "--listen-peer-urls=http://127.0.0.1:2380",
            "--unsafe-no-fsync",  # what is lost with the machine's power is not missed
            "--log-level=warn",
        ),
    )


def _api_server(built: Built, credentials: Credentials) -> Component:
    (certificate, key), (client, client_key) = credentials.api_server, credentials.api_server_to_kubelet
    signing, public = credentials.service_accounts
    return Component(
        name="kube-apiserver",
        command=(
            str(built.program("kube-apiserver")),
            f"--advertise-address={NODE}",
            "--allow-privileged=true",
            "--authorization-mode=Node,RBAC",
            f"--bind-address={API_SERVER}",
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
            f"--service-cluster-ip-range={SERVICES}",
            f"--tls-cert-file={certificate}",
            f"--tls-private-key-file={key}",
        ),
    )


def _controller_manager(paths: Paths, built: Built, credentials: Credentials) -> Component:
    signing, _ = credentials.service_accounts
    return Component(
        name="kube-controller-manager",
        command=(
            str(built.program("kube-controller-manager")),
            f"--kubeconfig={credentials.controller_manager}",
            f"--service-account-private-key-file={signing}",
            f"--root-ca-file={credentials.authority}",
            f"--flex-volume-plugin-dir={paths.data}/volume-plugins",  # it makes this folder
            "--use-service-account-credentials",
            "--leader-elect=false",
            "--bind-address=127.0.0.1",
        ),
    )


def _kubelet(paths: Paths, built: Built, credentials: Credentials) -> Component:
    return Component(
        name="kubelet",
        command=(
            str(built.program("kubelet")),
            f"--config={paths.settings}/kubelet.yaml",
            f"--kubeconfig={credentials.node}",
            f"--hostname-override={NODE_NAME}",
            f"--node-ip={NODE}",
            f"--root-dir={paths.data}/kubelet",
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
