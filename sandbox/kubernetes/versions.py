"""Which versions the cluster is made of: those that the go.mod files require, and no second place."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

MODULES = Path(__file__).resolve().parent / "modules"
KUBERNETES_MODULE = "k8s.io/kubernetes"
ETCD_MODULE = "go.etcd.io/etcd/server/v3"
ARGO_WORKFLOWS_MODULE = "github.com/argoproj/argo-workflows/v3"
ARGO_EVENTS_MODULE = "github.com/argoproj/argo-events"


@dataclass(frozen=True, kw_only=True)
class Versions:
    """Versions as Go writes them, with the leading `v`.

    Attributes:
        go: the oldest Go that builds them, without a `v`.
    """

    kubernetes: str
    etcd: str
    argo_workflows: str
    argo_events: str
    go: str


def read_versions(modules: Path = MODULES) -> Versions:
    """The versions of modules/kubernetes/go.mod and modules/argo/go.mod.

    Raises:
        ValueError: a go.mod does not require what it is there for.
    """
    kubernetes = (modules / "kubernetes" / "go.mod").read_text()
    argo = (modules / "argo" / "go.mod").read_text()
    return Versions(
        kubernetes=required(kubernetes, KUBERNETES_MODULE),
        etcd=required(kubernetes, ETCD_MODULE),
        argo_workflows=required(argo, ARGO_WORKFLOWS_MODULE),
        argo_events=required(argo, ARGO_EVENTS_MODULE),
        go=max((go_directive(kubernetes), go_directive(argo)), key=version_key),
    )


def required(go_mod: str, module: str) -> str:
    """The version of a module that a go.mod requires.

    Raises:
        ValueError: it does not require it.
    """
    found = re.search(rf"^(?:require)?\s*{re.escape(module)} (v\S+)", go_mod, re.MULTILINE)
    if found is None:
        raise ValueError(f"the go.mod does not require {module}")
    return found[1]


def go_directive(go_mod: str) -> str:
    """The Go version that a go.mod asks for."""
    found = re.search(r"^go (\S+)$", go_mod, re.MULTILINE)
    if found is None:
        raise ValueError("the go.mod has no go line")
    return found[1]


def version_key(version: str) -> tuple[int, ...]:
    """What versions are sorted by: their numbers (`1.24.0`, `v1.34.4`, `go1.26.1`)."""
    return tuple(int(part) for part in re.findall(r"\d+", version))
