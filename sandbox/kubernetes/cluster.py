"""A cluster in the hands of a test: namespaces, CRDs, images, and components that are taken away and brought back."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sandbox.docker.engine import Engine
from sandbox.docker.machine import UnavailableError, output
from sandbox.kubernetes import argo, foreign
from sandbox.kubernetes.api import Api, path_of, wait_for
from sandbox.kubernetes.build import Built, Tell, ensure_built
from sandbox.kubernetes.images import TASK_IMAGE, TASK_IMAGE_IN_FULL, build_task_image, copy_image, images
from sandbox.kubernetes.lifecycle import api_is_ready, node_is_ready, read_components, start, up
from sandbox.kubernetes.node import Control
from sandbox.kubernetes.place import Place, own_place
from sandbox.world import World

READY_LIMIT = 60.0
SECRET = "metaflow-tasks"
"""The Secret that tasks have their AWS keys from."""
SPINNING = b"invalid config map object received"
"""What a workflow-controller says on and on that reads a watch which has ended for good."""
LOG_END = 4096  # bytes
TASK_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION")


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A cluster with Argo Workflows that can run Metaflow flows.

    Attributes:
        kubeconfig: an administrator's.
        address: of this machine, as pods, processes here and containers on the host's network reach it: what a World
            has to serve on so that tasks find it.
        task_image: the image for METAFLOW_KUBERNETES_CONTAINER_IMAGE; it is in the cluster.
        built: the manifests of Argo, and the programs.
        place: those of our own cluster; None where it is somebody else's.
    """

    kubeconfig: Path
    address: str
    task_image: str
    built: Built
    place: Place | None = None

    @property
    def own(self) -> bool:
        """Whether it is ours, so that its components may be stopped."""
        return self.place is not None

    def api(self) -> Api:
        """Its API server, with all rights."""
        return Api(self.kubeconfig)

    def namespace(self, name: str, secrets: Mapping[str, Mapping[str, str]] | None = None) -> None:
        """Make a namespace ready for runs: the service account `workflow` with its Role, and the tasks' Secrets.

        Args:
            name: made if it is not there.
            secrets: the content of each Secret by its name; besides the one with the sandbox's AWS keys.
        """
        keys = {"AWS_ACCESS_KEY_ID": "sandbox", "AWS_SECRET_ACCESS_KEY": "sandbox", "AWS_DEFAULT_REGION": "us-east-1"}
        argo.prepare_namespace(self.api(), name, {SECRET: keys, **(secrets or {})})

    def remove_namespace(self, name: str) -> None:
        """Have a namespace with all that is in it deleted; this does not wait for the end of it."""
        self.api().delete(path_of("Namespace", name))

    def environment(self, world: World, namespace: str) -> dict[str, str]:
        """What a deploying process needs: the world, this cluster, and small tasks.

        Args:
            world: one that serves on `address`.
            namespace: one that `namespace` made.
        """
        return {
            **world.environment,
            "KUBECONFIG": str(self.kubeconfig),
            "METAFLOW_SERVICE_INTERNAL_URL": world.metadata_url,
            "METAFLOW_KUBERNETES_NAMESPACE": namespace,
            "METAFLOW_KUBERNETES_SERVICE_ACCOUNT": argo.SERVICE_ACCOUNT,
            "METAFLOW_KUBERNETES_CONTAINER_IMAGE": self.task_image,
            "METAFLOW_KUBERNETES_SECRETS": SECRET,
            "METAFLOW_KUBERNETES_CPU": "0.1",
            "METAFLOW_KUBERNETES_MEMORY": "256",
            "METAFLOW_KUBERNETES_DISK": "100",
        }

    def install_crds(self, kind: argo.Crds) -> None:
        """Put Argo Workflows' definitions of that kind in place of those that are installed; objects stay."""
        if argo.installed_crds(self.api()) != kind:
            argo.install_crds(self.api(), self.built, kind)

    def takes_images(self, engine: Engine) -> bool:
        """Whether `load_image` has a way to the nodes."""
        return self.own or foreign.takes_images(str(self.kubeconfig), engine)

    def load_image(self, engine: Engine, name: str) -> None:
        """Copy an image from a Docker engine to every node, of our own cluster or of kind's or k3d's.

        Raises:
            UnavailableError: the cluster is another, or it failed.
        """
        if self.place is not None:
            copy_image(self.place, engine, name)
        else:
            foreign.copy_image(str(self.kubeconfig), engine, name)

    def stop(self, component: str) -> None:
        """End a component at once.

        Args:
            component: etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kubelet or workflow-controller.

        Raises:
            UnavailableError: the cluster is not ours, or there is no such component.
        """
        Control(self._own_place().control).stop(component)

    def start(self, component: str) -> None:
        """Start a component that was stopped; see `wait_ready`.

        Raises:
            UnavailableError: the cluster is not ours, or the component runs.
        """
        place = self._own_place()
        found = read_components(place)
        if component not in found:
            raise UnavailableError(f"the cluster has no {component}; it has {', '.join(found)}")
        start(place, found[component])

    def running(self) -> frozenset[str]:
        """The components that run.

        Raises:
            UnavailableError: the cluster is not ours.
        """
        statuses = Control(self._own_place().control).statuses()
        return frozenset(name for name, status in statuses.items() if status is None)

    @contextmanager
    def without(self, component: str) -> Iterator[None]:
        """The component is down for as long as this lasts, and everything is ready again after it.

        Raises:
            UnavailableError: the cluster is not ours, or is not ready again within a minute.
        """
        self.stop(component)
        try:
            yield
        finally:
            if component not in self.running():
                self.start(component)
            self.wait_ready(after=component)

    @contextmanager
    def hung(self, component: str) -> Iterator[None]:
        """The component is there, but does nothing: connections are taken and never answered.

        Raises:
            UnavailableError: the cluster is not ours, or is not ready again within a minute.
        """
        control = Control(self._own_place().control)
        control.send(component, signal.SIGSTOP)
        try:
            yield
        finally:
            control.send(component, signal.SIGCONT)
            self.wait_ready(after=component)

    def wait_ready(self, *, after: str) -> None:
        """Wait until everything is ready again: the API server answers, and our own node is Ready.

        An API server that was away refuses everything until it has read its roles. The watch that the controller of
        Argo 3.7 has on its ConfigMap ends for good at that, and the controller reads the closed channel in a loop, with
        a line in its log for each turn. One that does is started anew. So are those that ask an API server that is away
        less and less often, up to a minute apart, and on which a new namespace would have to wait.

        Args:
            after: the component that was away.

        Raises:
            UnavailableError: not within a minute.
        """
        api = self.api()

        def ready() -> bool:
            return api_is_ready(api) and (not self.own or node_is_ready(api))

        wait_for(lambda: ready() or None, what="a ready cluster", limit=READY_LIMIT)
        if self.place is not None and "workflow-controller" in self.running() and _spins(self.place):
            self._start_anew("workflow-controller")
        if self.own and after in ("etcd", "kube-apiserver"):
            for follower in ("kube-controller-manager", "kube-scheduler"):
                self._start_anew(follower)

    def _start_anew(self, component: str) -> None:
        self.stop(component)
        self.start(component)

    def _own_place(self) -> Place:
        if self.place is None:
            raise UnavailableError("this takes a cluster of our own, and KUBECONFIG names somebody else's")
        return self.place


def _spins(place: Place) -> bool:
    """Whether the workflow-controller is in its loop, by the end of its log."""
    log = place.logs / "workflow-controller.log"
    end = _end(log)
    if len(end) < LOG_END:  # the loop fills a log in a moment: this one may just have gone on in a new file
        end = _end(log.with_name(f"{log.name}.1")) + end
    return SPINNING in end[-LOG_END:]


def _end(log: Path) -> bytes:
    try:
        with log.open("rb") as stream:
            stream.seek(-min(LOG_END, stream.seek(0, os.SEEK_END)), os.SEEK_END)
            return stream.read()
    except FileNotFoundError:
        return b""


def ensure_cluster(engine: Engine, tell: Tell = lambda _: None, place: Place | None = None) -> Cluster:
    """Have a cluster: the one that KUBECONFIG names, else our own, brought up if it is not up already.

    Args:
        engine: where the tasks' image is built.
        tell: takes lines about the progress.
        place: where our own is; None for that of number 0.

    Raises:
        UnavailableError: that of KUBECONFIG can't be used, or none can be brought up; the message says why.
    """
    named = os.environ.get("KUBECONFIG")
    if not named or Path(named) == own_place().kubeconfig:
        return own_cluster(engine, tell, place)
    built = ensure_built(tell, programs=())
    found = foreign.examine(named, built, engine, os.environ, tell)
    return Cluster(kubeconfig=Path(named), address=found.address, task_image=found.task_image, built=built)


def own_cluster(engine: Engine, tell: Tell = lambda _: None, place: Place | None = None) -> Cluster:
    """Have a cluster of our own, brought up if it is not up already.

    Args:
        engine: where the tasks' image is built.
        tell: takes lines about the progress.
        place: where it is; None for that of number 0.

    Raises:
        UnavailableError: none can be brought up; the message says why.
    """
    place = place or own_place()
    cluster = bare_cluster(place, tell)
    _have_task_image(cluster, place, engine, tell)
    return cluster


def bare_cluster(place: Place, tell: Tell = lambda _: None) -> Cluster:
    """Have a cluster of our own that lacks the tasks' image, brought up if it is not up already; no Docker is needed.

    Raises:
        UnavailableError: none can be brought up; the message says why.
    """
    up(place, tell)
    return Cluster(
        kubeconfig=place.kubeconfig,
        address=place.machine,
        task_image=TASK_IMAGE,
        built=ensure_built(tell),
        place=place,
    )


def _have_task_image(cluster: Cluster, place: Place, engine: Engine, tell: Tell) -> None:
    """Build the tasks' image, and copy it to the node unless it has this very one."""
    build_task_image(engine)
    now = output(["docker", "image", "inspect", "--format", "{{.Id}}", TASK_IMAGE], env=engine.environ()) or ""
    loaded = place.run / "task-image"
    if TASK_IMAGE_IN_FULL in images(place) and loaded.exists() and loaded.read_text() == now:
        return
    tell("copying the tasks' image to the node")
    cluster.load_image(engine, TASK_IMAGE)
    loaded.write_text(now)
