"""Where a cluster is on this machine: its folders, its addresses, its names. Nothing of two clusters meets.

There can be several: the one that people and tests work with is number 0, that of the tests that need a cluster for
themselves alone is number 1, and `make compat` brings up number 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

from sandbox.docker.engine import RUN
from sandbox.docker.machine import cache_folder

OF_TESTS = (0, 1)
"""The numbers of those that `make e2e` brings up."""
PLACES = 6
"""How many places there are; with more, ranges of addresses would go beyond 10.255.0.0/16."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """The place of one cluster.

    Attributes:
        number: of the cluster on this machine, below PLACES.
        run: the folder for sockets, keys and settings; gone with the machine's next start, and with `down`.
        data: the folder that the node's programs write to: images, containers, etcd; gone with `down`.
        logs: the folder with one file a program; kept, so that a cluster that did not start can be understood.
    """

    number: int
    run: Path
    data: Path
    logs: Path

    @property
    def services(self) -> IPv4Network:
        """The addresses of Services."""
        return IPv4Network(f"10.{96 + self.number}.0.0/16")

    @property
    def pods(self) -> IPv4Network:
        """The addresses of pods."""
        return IPv4Network(f"10.{244 + self.number}.0.0/16")

    @property
    def machines(self) -> IPv4Network:
        """The addresses of this machine and of the node."""
        return IPv4Network(f"10.{250 + self.number}.0.0/16")

    @property
    def ranges(self) -> tuple[IPv4Network, ...]:
        """All addresses of the cluster."""
        return self.services, self.pods, self.machines

    @property
    def api_server(self) -> str:
        """The first address of Services, which Kubernetes gives its own; the API server itself listens on it."""
        return str(self.services[1])

    @property
    def machine(self) -> str:
        """The address of this machine, on the link: what pods call it by."""
        return str(self.machines[1])

    @property
    def node(self) -> str:
        """The address of the node, on the link."""
        return str(self.machines[2])

    @property
    def link(self) -> str:
        """The link to the node, as it is called on this machine."""
        return f"mfdeploy{self.number}"

    @property
    def group(self) -> str:
        """The node's control group, at the root of each hierarchy."""
        return f"metaflow-deploy{_suffix(self.number)}"

    @property
    def lock(self) -> Path:
        """Taken by `up` and `down`; outside of what `down` removes."""
        return self.run.with_name(f"{self.run.name}.lock")

    @property
    def state(self) -> Path:
        """What stood on the machine before `up`; written first, removed last."""
        return self.run / "state.json"

    @property
    def control(self) -> Path:
        """The socket on which the node's first process takes orders."""
        return self.run / "control.sock"

    @property
    def containerd(self) -> Path:
        """containerd's socket."""
        return self.run / "containerd.sock"

    @property
    def pki(self) -> Path:
        """Certificates and kubeconfigs."""
        return self.run / "pki"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.pki / "admin.kubeconfig"

    @property
    def settings(self) -> Path:
        """The configuration files of containerd, kubelet and CNI."""
        return self.run / "settings"


def own_place(number: int = 0) -> Place:
    """The place of this user's cluster of that number."""
    suffix = _suffix(number)
    return Place(
        number=number,
        run=RUN / f"kubernetes{suffix}",
        data=cache_folder() / "kubernetes" / f"node{suffix}",
        logs=cache_folder() / "logs" / f"kubernetes{suffix}",
    )


def own_places() -> list[Place]:
    """All places of this user's clusters, whether there is one or not."""
    return [own_place(number) for number in range(PLACES)]


def _suffix(number: int) -> str:
    return f"-{number}" if number else ""
