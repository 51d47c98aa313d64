"""The images that the cluster needs: pause and argoexec, made without Docker, and the tasks', built with it."""

from __future__ import annotations

import hashlib
import platform
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from sandbox.docker.engine import Engine
from sandbox.docker.images import ROOT, ensure_base
from sandbox.docker.machine import UnavailableError, cache_folder, locked, logged, output
from sandbox.kubernetes import oci
from sandbox.kubernetes.build import Built
from sandbox.kubernetes.components import executor_image
from sandbox.kubernetes.place import Place
from sandbox.kubernetes.settings import PAUSE_IMAGE

TASK_IMAGE = "metaflow-deploy-task:local"
TASK_IMAGE_IN_FULL = f"docker.io/library/{TASK_IMAGE}"
"""What containerd calls an image that names no registry."""
DOCKERFILE = Path(__file__).resolve().parent / "task.Dockerfile"
NAMESPACE = "k8s.io"
"""containerd's own name for what belongs to Kubernetes."""


def load_programs(place: Place, built: Built) -> None:
    """Have the images of pause and argoexec in the node.

    Raises:
        UnavailableError: containerd refuses them.
    """
    machine = platform.machine()
    there = images(place)
    with tempfile.TemporaryDirectory(dir=cache_folder()) as folder:
        for image, program, path in (
            (PAUSE_IMAGE, "pause", "pause"),
            (executor_image(built), "argoexec", "bin/argoexec"),
        ):
            if image in there:
                continue
            archive = Path(folder) / f"{program}.tar"
            oci.write_image(archive, name=image, program=built.program(program), path=path, machine=machine)
            logged(
                ctr(place, "images", "import", str(archive)),
                place.logs / f"import-{program}.log",
                what=f"importing {image}",
            )


def build_task_image(engine: Engine) -> str:
    """Build the image that tasks run in; its name.

    Raises:
        UnavailableError: the build failed.
    """
    ensure_base(engine)
    requirements = ROOT / "requirements" / "task.txt"
    with locked(cache_folder() / "task-image.lock"), tempfile.TemporaryDirectory(dir=cache_folder()) as folder:
        context = Path(folder)
        (context / "requirements").mkdir()
        (context / "requirements" / requirements.name).write_bytes(requirements.read_bytes())
        logged(
            ["docker", "build", "--tag", TASK_IMAGE, "--file", str(DOCKERFILE), str(context)],
            cache_folder() / "logs" / "kubernetes" / "task-image.log",
            what=f"building {TASK_IMAGE}",
            env=engine.environ(),
        )
    return TASK_IMAGE


def copy_image(place: Place, engine: Engine, name: str) -> None:
    """Copy an image from a Docker engine to our own node.

    Raises:
        UnavailableError: the engine has none of that name, or containerd refuses it.
    """
    copy_image_with(ctr(place, "images", "import", "-"), engine, name)


def copy_image_with(command: Sequence[str], engine: Engine, name: str) -> None:
    """Copy an image from a Docker engine to a node.

    Args:
        command: takes the image from its standard input.
        engine: where the image is.
        name: the image's name.

    Raises:
        UnavailableError: the engine has none of that name, or the command failed.
    """
    folder = cache_folder() / "logs" / "kubernetes"
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"import-{hashlib.sha256(name.encode()).hexdigest()[:12]}.log"
    with log.open("w") as errors:
        saving = subprocess.Popen(
            ["docker", "save", name],
            env=engine.environ(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
        with saving:
            taking = subprocess.run(
                command, env=engine.environ(), stdin=saving.stdout, stdout=errors, stderr=errors, check=False
            )
    if saving.returncode or taking.returncode:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-12:])
        raise UnavailableError(f"copying {name} to the cluster failed; the log is {log}\n{tail}")


def images(place: Place) -> frozenset[str]:
    """The full names of the images in the node."""
    return frozenset((output(ctr(place, "images", "list", "--quiet")) or "").split())


def ctr(place: Place, *arguments: str) -> Sequence[str]:
    """A command of containerd's client."""
    return ["ctr", "--address", str(place.containerd), "--namespace", NAMESPACE, *arguments]
