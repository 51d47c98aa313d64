"""Servers as child processes that know their port, die with their parent, and leave nothing behind."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

START_LIMIT = 60.0
"""Seconds for a server to tell its port; the slowest takes two on two cores."""
MARKER = "METAFLOW_DEPLOY_SANDBOX"
"""In the environment of all that a world starts: by it, what is left is found and ended."""
ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Servers:
    """The children of one world."""

    logs: Path
    marker: str = field(default_factory=lambda: uuid.uuid4().hex)
    running: list[tuple[subprocess.Popen[bytes], int]] = field(default_factory=list)
    """Each server with our side of the pipe that keeps it alive."""

    def start(
        self,
        module: str,
        *,
        host: str,
        environment: Mapping[str, str] | None = None,
        arguments: Sequence[str] = (),
        limit: float = START_LIMIT,
    ) -> str:
        """Start `python -m MODULE --host HOST --port 0 --ready-fd N …` and wait until it tells its port.

        `limit` is how many seconds it may take for that.

        Returns:
            Its URL.

        Raises:
            RuntimeError: it ended or said nothing; with the end of its log.
        """
        log = self.logs / f"{module.rsplit('.', 1)[-1]}.log"
        read, write = os.pipe()
        life, held = os.pipe()  # the child ends when this side of `held` is closed, however we end
        with log.open("wb") as stream:
            process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    module,
                    *("--host", host, "--port", "0", "--ready-fd", str(write), "--life-fd", str(life)),
                    *arguments,
                ],
                env={**os.environ, **(environment or {}), MARKER: self.marker, "PYTHONPATH": str(ROOT)},
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                pass_fds=[write, life],
                start_new_session=True,
            )
        os.close(write)
        os.close(life)
        self.running.append((process, held))
        with os.fdopen(read, "rb") as ready:
            line = ready.readline() if select.select([ready], [], [], limit)[0] else b""
        if not line:
            process.kill()
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
            raise RuntimeError(f"{module} did not start (exit {process.wait()}); the end of its log:\n{tail}")
        return f"http://{host}:{json.loads(line)['port']}"

    def stop(self) -> None:
        """End all servers and whatever they started."""
        for process, _ in self.running:
            process.kill()
        end_marked(self.marker, {process.pid for process, _ in self.running})
        for process, life in self.running:
            process.wait()
            os.close(life)
        self.running.clear()


def tell_ready(descriptor: int | None, port: int) -> None:
    """Tell the parent the port; on a terminal, print it."""
    line = json.dumps({"port": port}) + "\n"
    if descriptor is None:
        print(line, end="", flush=True)  # noqa: T201  # started by hand
        return
    os.write(descriptor, line.encode())
    os.close(descriptor)


def end_marked(marker: str, sessions: Collection[int] = ()) -> None:
    """End every process whose environment bears a world's marker, or which is of one of these sessions, but this one.

    A process that gives itself a title, as Airflow's do, writes it over its environment; it stays in its session.
    """
    found = []
    for one in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if one.pid == os.getpid():
                continue
            if os.getsid(one.pid) in sessions or one.environ().get(MARKER) == marker:
                one.kill()
                found.append(one)
    psutil.wait_procs(found, timeout=10)


def die_with_parent(descriptor: int | None, *, own_marker: str | None = None) -> None:
    """End this process group when the parent is gone: its side of a pipe closes then, whatever ended it.

    `own_marker`: a marker that only this server and its children bear, some of which leave the process group.
    """
    if descriptor is None:
        return

    def watch() -> None:
        os.read(descriptor, 1)
        if own_marker:
            end_marked(own_marker, {os.getsid(0)})
        os.killpg(os.getpgrp(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()
