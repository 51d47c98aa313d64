"""Where the cluster keeps what: sockets, keys and settings under /run, data and logs in the cache."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sandbox.docker.engine import RUN
from sandbox.docker.machine import cache_folder


@dataclass(frozen=True, kw_only=True)
class Paths:
    """The folders of one cluster.

    Attributes:
        run: gone with the machine's next start, and with `down`.
        data: what the node's programs write: images, containers, etcd. Gone with `down`.
        logs: one file a program; kept, so that a cluster that did not start can be understood.
    """

    run: Path
    data: Path
    logs: Path

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


def own_paths() -> Paths:
    """Those of this user's cluster; there is one a machine."""
    return Paths(
        run=RUN / "kubernetes",
        data=cache_folder() / "kubernetes" / "node",
        logs=cache_folder() / "logs" / "kubernetes",
    )
