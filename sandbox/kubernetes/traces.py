"""What a cluster leaves on a machine, looked up at every place where one is known to: what `down` is held to."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil

from sandbox.docker.machine import output
from sandbox.kubernetes import cgroups
from sandbox.kubernetes.network import BRIDGE, NODE_LINK, overlaps, routes
from sandbox.kubernetes.place import Place

SYSCTLS = {
    "kernel/keys/root_maxbytes": "25000000",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "net/ipv4/ip_forward": "1",
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
}
"""The kernel's settings that a kubelet changes (k8s.io/component-helpers, node/util/sysctl), and the one that a router
needs; with the values that they get."""
FOLDERS = (
    "/etc/cni/net.d",
    "/usr/libexec/kubernetes",
    "/var/lib/cni",
    "/var/lib/kubelet",
    "/var/log/containers",
    "/var/log/pods",
)
"""Where kubelet, containerd and CNI plug-ins write unless they are kept from it."""
CHAINS = re.compile(r"^:((?:KUBE|CNI)-\S+)", re.MULTILINE)


def traces(place: Place) -> list[str]:
    """Everything of a cluster that is on this machine now, one line each.

    What another program has by itself (Docker's bridge and chains, say) is none of it. Of other clusters on the same
    machine it sees what can't be told from ours, so it means something beside what was there before.
    """
    return sorted(
        [
            *named_traces(place),
            *_network(place),
            *(f"iptables chain {one}" for one in chains()),
            *(f"control group {path}" for path in _groups("kubepods*")),
            *(f"folder {path}" for path in FOLDERS if Path(path).exists()),
        ]
    )


def named_traces(place: Place) -> list[str]:
    """Those of them that bear names of the place's own, and so are its cluster's whatever was there before."""
    return sorted(
        [
            *_processes(place),
            *mounts(place, Path("/proc/mounts").read_text()),
            *(f"link {link['ifname']}" for link in _links() if link.get("ifname") == place.link),
            *(f"control group {path}" for path in _groups(place.group)),
            *(f"folder {path}" for path in (place.run, place.data) if path.exists()),
        ]
    )


def mounts(place: Place, text: str) -> Iterator[str]:
    """The mounts in a cluster's folders.

    Args:
        text: of /proc/mounts, or of the same file of a process in other namespaces.
    """
    for line in text.splitlines():
        target = line.split()[1]
        if any(Path(target).is_relative_to(folder) for folder in (place.run, place.data)):
            yield f"mount {target}"


def chains(enter: Sequence[str] = ()) -> set[str]:
    """Kubernetes' and CNI's chains in every table of either kind of iptables.

    Args:
        enter: a command that runs others in another network namespace; none: in this one.
    """
    found: set[str] = set()
    for program in ("iptables-nft-save", "iptables-legacy-save", "ip6tables-nft-save", "ip6tables-legacy-save"):
        if shutil.which(program):
            found |= set(CHAINS.findall(output([*enter, program]) or ""))
    return found


def sysctls() -> dict[str, str]:
    """The kernel's settings that a kubelet changes, as they are now."""
    return {name: value for name in SYSCTLS if (value := _read(Path("/proc/sys") / name)) is not None}


def _processes(place: Place) -> Iterator[str]:
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            command = process.cmdline()
            group = _read(Path(f"/proc/{process.pid}/cgroup")) or ""
            ours = any(f"{folder}/" in f"{part}/" for part in command for folder in (place.run, place.data))
            if ours or f"/{place.group}/" in group:
                yield f"process {process.pid}: {' '.join(command)}"


def _links() -> list[dict[str, Any]]:
    return list(json.loads(output(["ip", "-json", "address", "show"]) or "[]"))


def _network(place: Place) -> Iterator[str]:
    for link in _links():
        if link.get("ifname") in (NODE_LINK, BRIDGE):
            yield f"link {link['ifname']}"
        for address in link.get("addr_info", ()):
            local = str(address.get("local", ""))
            if any(overlaps(local, one) for one in place.ranges):
                yield f"address {local} on {link['ifname']}"
    for route in routes():
        if any(overlaps(str(route.get("dst", "")), one) for one in place.ranges):
            yield f"route {route.get('type', 'unicast')} {route['dst']}"
    for namespace in (output(["ip", "netns", "list"]) or "").splitlines():
        if namespace.startswith("cni-"):
            yield f"network namespace {namespace.split()[0]}"


def _groups(pattern: str) -> Iterator[Path]:
    for root in cgroups.hierarchies(cgroups.MOUNTS.read_text()):
        yield from root.glob(pattern)


def _read(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except OSError:
        return None
