"""The node's control groups: one folder of its own in every hierarchy, with either version of cgroups."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

MOUNTS = Path("/proc/mounts")
CONTROLLERS = ("cpu", "cpuset", "hugetlb", "io", "memory", "pids")
"""Those of version 2 that a kubelet asks for, where the kernel has them."""
MEMORY_LIMITS = ("memory.limit_in_bytes", "memory.max")
"""The file of the limit, in version 1 and in version 2."""
CPUSET = ("cpuset.cpus", "cpuset.mems")


def hierarchies(mounts: str) -> dict[Path, bool]:
    """The mounted hierarchies, and whether each is of version 2.

    Args:
        mounts: the text of /proc/mounts. A version 2 hierarchy beside those of version 1 has no controllers, and is
            left out.
    """
    lines = [line.split() for line in mounts.splitlines()]
    first = {Path(one[1]): False for one in lines if len(one) > 2 and one[2] == "cgroup"}
    return first or {Path(one[1]): True for one in lines if len(one) > 2 and one[2] == "cgroup2"}


def make(found: dict[Path, bool], name: str, *, memory: int) -> None:
    """Make a node's folder in each hierarchy, with the controllers that a kubelet needs.

    Args:
        found: the hierarchies, as `hierarchies` finds them.
        name: the folder's.
        memory: bytes that all pods together may have: Metaflow's pods have no limit of their own, and one that takes
            all of the machine's memory stops whoever works on it.
    """
    for root, unified in found.items():
        if unified:
            _delegate(root)
        (root / name).mkdir(exist_ok=True)
        for file in CPUSET:  # version 1 takes no process before these are set
            if not unified and (root / name / file).exists():
                (root / name / file).write_text((root / file).read_text())
        for file in MEMORY_LIMITS:
            if (root / name / file).exists():
                (root / name / file).write_text(str(memory))


def remove(found: Iterable[Path], name: str) -> None:
    """Remove a node's folders, the innermost first; every process in them must have ended."""
    for group in (root / name for root in found):
        folders = sorted((path for path in group.rglob("*") if path.is_dir()), reverse=True) if group.exists() else []
        for folder in (*folders, group):
            if folder.exists():
                folder.rmdir()


def delegated(root: Path) -> set[str]:
    """The controllers that a version 2 hierarchy hands down."""
    return set((root / "cgroup.subtree_control").read_text().split())


def withdraw(root: Path, before: set[str]) -> None:
    """Hand down what was handed down before, where nobody else has come to need more."""
    for name in sorted(delegated(root) - before):
        try:
            (root / "cgroup.subtree_control").write_text(f"-{name}")
        except OSError:  # somebody uses it by now
            continue


def _delegate(root: Path) -> None:
    offered = set((root / "cgroup.controllers").read_text().split())
    for name in CONTROLLERS:
        if name in offered:
            (root / "cgroup.subtree_control").write_text(f"+{name}")
