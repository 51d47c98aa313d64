"""Bringing the cluster up and taking it away, under one lock, so that two at once do not meet."""

from __future__ import annotations

import os
import platform
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import psutil
from urllib3.exceptions import HTTPError

from sandbox.docker.machine import UnavailableError, cache_folder, install, locked, logged, output
from sandbox.kubernetes import cgroups, network
from sandbox.kubernetes.api import Api, ApiError, path_of, wait_for
from sandbox.kubernetes.argo import install_controller_objects, install_crds
from sandbox.kubernetes.build import Built, Tell, ensure_built
from sandbox.kubernetes.components import NODE_NAME, Component, components, issue, write_settings
from sandbox.kubernetes.images import ctr, load_programs
from sandbox.kubernetes.node import Control, end_first_process, start_first_process
from sandbox.kubernetes.place import Place, own_places
from sandbox.kubernetes.settings import CNI_PROGRAMS
from sandbox.kubernetes.traces import SYSCTLS, named_traces, sysctls, traces

PACKAGES = {
    "containerd": "containerd",
    "ctr": "containerd",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "runc": "runc",
    "unshare": "util-linux",
}
"""The programs that are needed, and Debian's packages that have them."""
CNI_PACKAGE = "containernetworking-plugins"
READY_LIMIT = 60.0  # seconds; it takes four
MACHINES = ("x86_64", "aarch64")


@dataclass(frozen=True, kw_only=True)
class State:
    """What has to be known to take the cluster away, by another process too.

    Attributes:
        before: what `traces` said before anything was made.
        sysctls: the kernel's settings before.
        controllers: what each version 2 hierarchy of control groups handed down before.
    """

    before: tuple[str, ...]
    sysctls: dict[str, str]
    controllers: dict[str, tuple[str, ...]]


def up(place: Place, tell: Tell) -> None:
    """Bring the cluster up, if it is not up already: a Ready node, Argo's minimal CRDs and its controller.

    In one that is up, components that are stopped or suspended, as by a test that was killed, go on, and images that
    were deleted are brought again.

    Raises:
        UnavailableError: this machine can't, or something did not start; nothing is left then.
    """
    check_machine()
    with locked(place.lock):
        built = ensure_built(tell)
        if is_up(place):
            _mend(place, built)
            return
        _install_packages()
        _down(place)  # what an `up` left that was ended half-way
        network.check_ranges(place)
        try:
            _up(place, built, tell)
        except BaseException:
            _down(place)
            raise


def down(place: Place) -> list[str]:
    """Take the cluster away, also one that came up half-way; what is left of it then, which should be nothing.

    Where it is not known what stood on the machine before, the kernel's settings stay as they are, and what is left is
    what bears names of the cluster's own.
    """
    with locked(place.lock):
        return _down(place)


def is_up(place: Place) -> bool:
    """Whether the cluster was brought up, and its node is there."""
    return _components_file(place).exists() and Control(place.control).answers()


def check_machine() -> None:
    """See that this machine can have a cluster at all.

    Raises:
        UnavailableError: it can't.
    """
    if platform.system() != "Linux" or platform.machine() not in MACHINES:
        raise UnavailableError(
            f"a cluster of our own takes Linux on x86-64 or arm64, and this is {platform.system()} on "
            f"{platform.machine()}; use another cluster through KUBECONFIG (docs/cluster.md)"
        )
    if os.geteuid() != 0:
        raise UnavailableError(
            "a cluster of our own takes root; run this as root, or use another cluster through KUBECONFIG "
            "(docs/cluster.md)"
        )


def read_state(place: Place) -> State | None:
    """What `up` wrote; None if there was none."""
    try:
        return msgspec.json.decode(place.state.read_bytes(), type=State)
    except FileNotFoundError:
        return None


def read_components(place: Place) -> dict[str, Component]:
    """The components that `up` started, by name."""
    found = msgspec.json.decode(_components_file(place).read_bytes(), type=list[Component])
    return {one.name: one for one in found}


def start(place: Place, component: Component) -> None:
    """Start a component of the cluster."""
    Control(place.control).start(
        component.name, component.command, component.environment, place.logs / f"{component.name}.log"
    )


def _up(place: Place, built: Built, tell: Tell) -> None:
    started = time.monotonic()
    hierarchies = cgroups.hierarchies(cgroups.MOUNTS.read_text())
    state = State(
        before=tuple(traces(place)),
        sysctls=_sysctls_before(),
        controllers={str(root): tuple(cgroups.delegated(root)) for root, unified in hierarchies.items() if unified},
    )
    for folder in (place.run, place.data, place.logs):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    unfinished = place.state.with_suffix(".unfinished")
    unfinished.write_bytes(msgspec.json.encode(state))
    unfinished.replace(place.state)
    _do(network.barrier(place))
    cgroups.make(hierarchies, place.group, memory=psutil.virtual_memory().total // 2)
    _do(network.join(place, start_first_process(place)))
    tell(f"the node's namespaces stand after {time.monotonic() - started:.1f} s")
    credentials = issue(place)
    write_settings(place, credentials, snapshotter=_snapshotter(place))
    parts = components(place, built, credentials)
    by_name = {one.name: one for one in parts}
    for name in ("etcd", "containerd", "kube-apiserver"):
        start(place, by_name[name])
    _load_images(place, built)
    api = Api(place.kubeconfig)
    wait_for(_running(place, lambda: api_is_ready(api)), what="the API server", limit=READY_LIMIT)
    tell(f"the API server is ready after {time.monotonic() - started:.1f} s")
    for name in ("kube-controller-manager", "kube-scheduler", "kubelet"):
        start(place, by_name[name])
    install_controller_objects(api, built)
    install_crds(api, built, "minimal")
    start(place, by_name["workflow-controller"])
    wait_for(_running(place, lambda: node_is_ready(api)), what="a Ready node", limit=READY_LIMIT)
    tell(f"the node is Ready after {time.monotonic() - started:.1f} s")
    _components_file(place).write_bytes(msgspec.json.encode(parts))


def _sysctls_before() -> dict[str, str]:
    """The kernel's settings as they were before any cluster of ours: of several, any may be the last to go.

    They are looked at before the other clusters' notes are: a kubelet changes them after `up` has written its own.
    """
    found = sysctls()
    for other in own_places():
        state = read_state(other)
        if state is not None:
            set_by_us = {name for name, value in found.items() if value == SYSCTLS[name]}
            found |= {name: value for name, value in state.sysctls.items() if name in set_by_us}
    return found


def _mend(place: Place, built: Built) -> None:
    control = Control(place.control)
    for name, component in read_components(place).items():
        if control.statuses().get(name) is None:
            control.send(name, signal.SIGCONT)
        else:
            start(place, component)
    _load_images(place, built)
    api = Api(place.kubeconfig)
    wait_for(lambda: api_is_ready(api) or None, what="the API server", limit=READY_LIMIT)
    wait_for(lambda: node_is_ready(api) or None, what="a Ready node", limit=READY_LIMIT)


def api_is_ready(api: Api) -> bool:
    """Whether the API server says that it is ready."""
    return _is_well(api, "/readyz")


def node_is_ready(api: Api) -> bool:
    """Whether the node is Ready, and its kubelet answers: what the API server says of it is up to 40 s old."""
    path = path_of("Node", NODE_NAME)
    if not _is_well(api, path) or not _is_well(api, f"{path}/proxy/healthz"):
        return False
    conditions = (api.get(path) or {}).get("status", {}).get("conditions") or ()
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _is_well(api: Api, path: str) -> bool:
    try:
        api.request("GET", path)
    except (ApiError, HTTPError):
        return False
    return True


def _load_images(place: Place, built: Built) -> None:
    wait_for(lambda: _containerd_answers(place) or None, what="containerd", limit=READY_LIMIT)
    load_programs(place, built)


def _running(place: Place, ask: Callable[[], bool]) -> Callable[[], bool | None]:
    """Ask, and see that no component has ended meanwhile."""

    def asked() -> bool | None:
        for name, status in Control(place.control).statuses().items():
            if status is not None:
                log = place.logs / f"{name}.log"
                tail = "\n".join(log.read_text(errors="replace").splitlines()[-12:])
                raise UnavailableError(f"{name} ended with status {status}; its log is {log}\n{tail}")
        return ask() or None

    return asked


def _down(place: Place) -> list[str]:
    end_first_process(place)
    state = read_state(place)  # None: nothing was up, or the machine was started since
    _undo(network.part(place))
    cgroups.remove(cgroups.hierarchies(cgroups.MOUNTS.read_text()), place.group)
    if state is not None:
        _put_back(state)
    shutil.rmtree(place.data, ignore_errors=True)
    _undo(network.without_barrier(place))
    shutil.rmtree(place.run, ignore_errors=True)
    if state is None:
        return named_traces(place)
    changed = [f"sysctl {name} is {value}" for name, value in sysctls().items() if state.sysctls.get(name) != value]
    return sorted({*traces(place)} - {*state.before}) + changed


def _put_back(state: State) -> None:
    """The kernel's settings and what the control groups handed down, as they were."""
    for root, before in state.controllers.items():
        cgroups.withdraw(Path(root), set(before))
    for name, value in state.sysctls.items():
        path = Path("/proc/sys") / name
        if path.read_text().strip() != value:
            path.write_text(f"{value}\n")


def _components_file(place: Place) -> Path:
    return place.run / "components.json"


def _install_packages() -> None:
    missing = {package for program, package in PACKAGES.items() if shutil.which(program) is None}
    if not Path(CNI_PROGRAMS, "bridge").exists():
        missing.add(CNI_PACKAGE)
    if missing:
        with locked(cache_folder() / "packages.lock"):
            install(*sorted(missing), log=cache_folder() / "logs" / "kubernetes" / "packages.log")


def _snapshotter(place: Place) -> str:
    """How containerd keeps images: on an overlay there can be no other overlay."""
    kind = output(["stat", "--file-system", "--format=%T", str(place.data)]) or ""
    return "native" if kind.strip().startswith("overlay") else "overlayfs"


def _containerd_answers(place: Place) -> bool:
    return output(ctr(place, "version"), timeout=10) is not None


def _do(commands: list[list[str]]) -> None:
    for command in commands:
        logged(command, cache_folder() / "logs" / "kubernetes" / "network.log", what=" ".join(command))


def _undo(commands: list[list[str]]) -> None:
    for command in commands:
        output(command)  # what is not there need not be undone
