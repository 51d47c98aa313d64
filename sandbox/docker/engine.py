"""A Docker engine: the one that is there, else one started here with folders of its own."""

from __future__ import annotations

import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from sandbox.docker.machine import UnavailableError, cache_folder, install, locked, output

RUN = Path("/run/metaflow-deploy")
START_LIMIT = 90.0  # seconds; a cold start takes two or three
STOP_LIMIT = 30.0


@dataclass(frozen=True, kw_only=True)
class Engine:
    """An engine that answers.

    Attributes:
        host: what DOCKER_HOST has to be; None where the client finds it by itself.
        started: this call started it.
    """

    host: str | None
    started: bool = False

    def environ(self) -> dict[str, str]:
        """This process's environment with the engine in it."""
        return {**os.environ, **({"DOCKER_HOST": self.host} if self.host else {})}


def ensure_engine() -> Engine:
    """Find an engine, or start one.

    The user's own comes first (DOCKER_HOST, the current context, the usual socket). Else Debian's docker.io is
    installed if there is none, and its dockerd is started with data, sockets and process id file of its own, so that
    nothing of an engine that happens to be stopped is touched.

    Raises:
        UnavailableError: there is none and none can be started; the message says why.
    """
    with locked(cache_folder() / "engine.lock"):
        return _ensure_engine()


def _ensure_engine() -> Engine:
    own = f"unix://{RUN}/docker.sock"
    for host in (None, own):
        if _answers(host):
            return Engine(host=host)
    if os.geteuid() != 0:
        raise UnavailableError("no Docker engine answers, and starting one takes root")
    if shutil.which("dockerd") is None or shutil.which("iptables") is None:
        install("docker.io", "iptables", log=cache_folder() / "logs" / "docker-install.log")
        if _answers(None):  # where an init system runs, the package has started it
            return Engine(host=None, started=False)
    _start(own)
    return Engine(host=own, started=True)


def stop_engine() -> bool:
    """Stop the engine that `ensure_engine` started, and take its bridge away; False if there was none."""
    pid = _running()
    if pid is None:
        return False
    handle = os.pidfd_open(pid)
    try:
        signal.pidfd_send_signal(handle, signal.SIGTERM)
        if not select.select([handle], [], [], STOP_LIMIT)[0]:
            signal.pidfd_send_signal(handle, signal.SIGKILL)
            select.select([handle], [], [], STOP_LIMIT)
    finally:
        os.close(handle)
    if not _answers(None):  # docker0 may be another engine's, too
        output(["ip", "link", "delete", "docker0"])
    return True


def _answers(host: str | None) -> bool:
    env = {**os.environ, **({"DOCKER_HOST": host} if host else {})}
    return bool(output(["docker", "version", "--format", "{{.Server.Version}}"], env=env, timeout=15))


def _running() -> int | None:
    try:
        pid = int((RUN / "docker.pid").read_text())
        name = Path(f"/proc/{pid}/comm").read_text().strip()
    except (FileNotFoundError, ValueError):
        return None
    return pid if name == "dockerd" else None


def _start(host: str) -> None:
    """Start dockerd and wait for the READY=1 that it sends to NOTIFY_SOCKET, as it would tell systemd."""
    log = cache_folder() / "logs" / "dockerd.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    RUN.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(f"{folder}/notify")
        with log.open("a") as stream:
            process = subprocess.Popen(
                [
                    "dockerd",
                    f"--host={host}",
                    f"--data-root={cache_folder() / 'docker'}",
                    f"--exec-root={RUN}/docker",
                    f"--pidfile={RUN}/docker.pid",
                ],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env={**os.environ, "NOTIFY_SOCKET": f"{folder}/notify"},
                start_new_session=True,
            )
        if not _ready(process, notify):
            process.kill()
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-12:])
            raise UnavailableError(f"dockerd did not start; its log is {log}\n{tail}")


def _ready(process: subprocess.Popen[bytes], notify: socket.socket) -> bool:
    ended = os.pidfd_open(process.pid)
    limit = time.monotonic() + START_LIMIT
    try:
        while (left := limit - time.monotonic()) > 0:
            readable, _, _ = select.select([notify.fileno(), ended], [], [], left)
            if ended in readable:
                return False
            if notify.fileno() in readable and b"READY=1" in notify.recv(4096).split(b"\n"):
                return True
    finally:
        os.close(ended)
    return False
