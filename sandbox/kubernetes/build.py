"""The programs, built from Go modules into the cache, by version and recipe."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sandbox.docker.machine import UnavailableError, cache_folder, locked, logged
from sandbox.kubernetes.versions import (
    ARGO_EVENTS_MODULE,
    ARGO_WORKFLOWS_MODULE,
    ETCD_MODULE,
    KUBERNETES_MODULE,
    MODULES,
    Versions,
    read_versions,
    version_key,
)

PAUSE = MODULES.parent / "pause"
KUBERNETES_PROGRAMS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet")
ARGO_PROGRAMS = ("workflow-controller", "argoexec")
PROGRAMS = ("etcd", *KUBERNETES_PROGRAMS, *ARGO_PROGRAMS, "pause")
VERSION_PACKAGE = "k8s.io/component-base/version"
SYMBOLIC_LINKS = {"workflow/executor/osspecific/signal_linux.go": "signal_darwin.go"}
"""What Argo's repository has and its module lacks, since a module's zip leaves symbolic links out."""

FLAGS = ("-mod=readonly", "-trimpath")
LINKER_FLAGS = ("-s", "-w")

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Built:
    """Where the programs are, and the manifests of the modules that they were built from."""

    folder: Path
    versions: Versions

    def program(self, name: str) -> Path:
        """One of PROGRAMS."""
        return self.folder / "bin" / name

    @property
    def argo_workflows_manifests(self) -> Path:
        """Argo Workflows' own `manifests` folder."""
        return self.folder / "manifests" / "argo-workflows"

    @property
    def argo_events_manifests(self) -> Path:
        """Argo Events' own `manifests` folder."""
        return self.folder / "manifests" / "argo-events"


def ensure_built(tell: Tell, programs: Sequence[str] = PROGRAMS) -> Built:
    """Have the programs and the manifests, building what is missing; safe with two at once.

    With an empty build cache this takes about 20 minutes on two cores, with a full one about two.

    Args:
        tell: takes lines about the progress.
        programs: which are needed; with none, the manifests alone are fetched.

    Raises:
        UnavailableError: Go is missing or too old, or a build failed.
    """
    versions = read_versions()
    folder = cache_folder() / "kubernetes" / f"{versions.kubernetes}-argo-{versions.argo_workflows}-{recipe()}"
    built = Built(folder, versions)
    (folder / "bin").mkdir(parents=True, exist_ok=True)
    with locked(folder / "lock"):
        missing = [name for name in programs if not built.program(name).exists()]
        if missing or not (folder / "manifests").exists():
            _check_go(versions)
            if missing:
                tell(f"building {len(missing)} programs from Go modules; that takes up to 20 minutes, once")
            _Builder(built, tell).build(missing)
    return built


def recipe() -> str:
    """A digest of what decides how the programs come out, besides Go itself."""
    digest = hashlib.sha256()
    for path in sorted([*MODULES.glob("*/go.*"), *MODULES.glob("*/*.go"), *PAUSE.glob("*.go")]):
        digest.update(path.read_bytes())
    digest.update(repr((FLAGS, LINKER_FLAGS, SYMBOLIC_LINKS)).encode())
    return digest.hexdigest()[:12]


class _Builder:
    """One turn of building."""

    def __init__(self, built: Built, tell: Tell) -> None:
        self._built = built
        self._tell = tell
        self._logs = cache_folder() / "logs" / "kubernetes"
        self._environment = {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off"}

    def build(self, missing: Sequence[str]) -> None:
        """Build the missing programs, and fetch the manifests."""
        if "etcd" in missing:
            self._go_build("etcd", ETCD_MODULE, MODULES / "kubernetes", {})
        numbers = self._built.versions.kubernetes.removeprefix("v").split(".")
        variables = {"gitVersion": self._built.versions.kubernetes, "gitMajor": numbers[0], "gitMinor": numbers[1]}
        stamped = {f"{VERSION_PACKAGE}.{name}": value for name, value in variables.items()}
        for name in KUBERNETES_PROGRAMS:
            if name in missing:
                self._go_build(name, f"{KUBERNETES_MODULE}/cmd/{name}", MODULES / "kubernetes", stamped)
        if "pause" in missing:
            self._go_build("pause", "main.go", PAUSE, {})
        self._argo([name for name in ARGO_PROGRAMS if name in missing])

    def _argo(self, missing: Sequence[str]) -> None:
        workflows = self._module(ARGO_WORKFLOWS_MODULE, self._built.versions.argo_workflows)
        events = self._module(ARGO_EVENTS_MODULE, self._built.versions.argo_events)
        if missing:
            with tempfile.TemporaryDirectory(dir=self._built.folder) as scratch:
                source = _writable_copy(workflows, Path(scratch) / "argo-workflows")
                for link, target in SYMBOLIC_LINKS.items():
                    if not (source / link).exists():
                        (source / link).symlink_to(target)
                stamped = {f"{ARGO_WORKFLOWS_MODULE}.version": self._built.versions.argo_workflows}
                for name in missing:
                    self._go_build(name, f"./cmd/{name}", source, stamped)
        if not (self._built.folder / "manifests").exists():
            with tempfile.TemporaryDirectory(dir=self._built.folder) as scratch:
                unfinished = Path(scratch) / "manifests"
                for module, name in ((workflows, "argo-workflows"), (events, "argo-events")):
                    _writable_copy(module / "manifests", unfinished / name)
                unfinished.rename(self._built.folder / "manifests")

    def _go_build(self, name: str, package: str, folder: Path, variables: Mapping[str, str]) -> None:
        started = time.monotonic()
        self._tell(f"building {name}")
        target = self._built.program(name)
        unfinished = target.with_name(f".{name}.unfinished")
        flags = " ".join([*LINKER_FLAGS, *(f"-X {key}={value}" for key, value in variables.items())])
        logged(
            ["nice", "go", "build", *FLAGS, "-ldflags", flags, "-o", str(unfinished), package],
            self._logs / f"build-{name}.log",
            what=f"building {name} from {package}",
            env=self._environment,
            folder=folder,
        )
        unfinished.replace(target)
        self._tell(f"built {name} in {time.monotonic() - started:.0f} s")

    def _module(self, module: str, version: str) -> Path:
        """Where Go keeps a module's files; what it downloads is checked against go.sum."""
        done = subprocess.run(
            ["go", "mod", "download", "-json", f"{module}@{version}"],
            cwd=MODULES / "argo",
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise UnavailableError(f"downloading the Go module {module} {version} failed\n{done.stdout}{done.stderr}")
        return Path(json.loads(done.stdout)["Dir"])


def _check_go(versions: Versions) -> None:
    if shutil.which("go") is None:
        raise UnavailableError(
            f"the cluster's programs are built from Go modules, and there is no `go` on the PATH; install Go "
            f"{versions.go} or later"
        )
    asked = subprocess.run(
        ["go", "env", "GOVERSION", "GOTOOLCHAIN"],
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    version, _, toolchain = asked.stdout.strip().partition("\n")
    if toolchain == "local" and version_key(version) < version_key(versions.go):
        raise UnavailableError(
            f"the cluster's programs need Go {versions.go} or later, this is {version}, and GOTOOLCHAIN=local keeps it "
            "from fetching another; install a newer Go, or set GOTOOLCHAIN=auto"
        )


def _writable_copy(source: Path, target: Path) -> Path:
    """A copy of a folder of the module cache, where everything is read-only."""
    shutil.copytree(source, target)
    for folder, _, files in os.walk(target):
        for path in (Path(folder), *(Path(folder, name) for name in files)):
            path.chmod(path.stat().st_mode | 0o200)
    return target
