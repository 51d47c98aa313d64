"""The node seen from the machine: its first process, and orders to it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from sandbox.docker.machine import UnavailableError
from sandbox.kubernetes.first_process import KILL_LIMIT
from sandbox.kubernetes.place import Place
from sandbox.processes import ROOT

START_LIMIT = 20.0
"""Seconds for the first process to prepare its namespaces; it takes a fraction of one."""
END_LIMIT = 30.0
ANSWER_LIMIT = KILL_LIMIT + 10
FIRST_PROCESS = "sandbox.kubernetes.first_process"


def first_processes(place: Place) -> list[psutil.Process]:
    """The node's first process, and the one that made its namespaces and waits for it: known by their command lines."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            command = process.cmdline()
            if FIRST_PROCESS in command and str(place.control) in command:
                found.append(process)
    return found


def node_pid(place: Place) -> int:
    """The process id of the node's first process, by which its namespaces can be entered.

    Raises:
        UnavailableError: there is none.
    """
    found = first_processes(place)
    for process in found:
        if process.ppid() in {one.pid for one in found}:
            return process.pid
    raise UnavailableError("no cluster of ours is up")


def end_first_process(place: Place) -> None:
    """End the node: its first process, and with it every other that runs there.

    Raises:
        UnavailableError: something does not end.
    """
    found = first_processes(place)
    for process in found:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    _, alive = psutil.wait_procs(found, timeout=END_LIMIT)
    if alive:
        raise UnavailableError(f"the node's processes do not end: {', '.join(str(one.pid) for one in alive)}")


def start_first_process(place: Place) -> int:
    """Make the node's namespaces, and start what is the first process in them.

    Returns:
        Its process id.

    Raises:
        UnavailableError: it did not start; with what it said.
    """
    log = place.logs / "first-process.log"
    keep = [part for path in (place.run, place.data) for part in ("--keep", str(path))]
    with log.open("wb") as stream:
        maker = subprocess.Popen(
            [
                *("unshare", "--mount", "--net", "--pid", "--ipc", "--fork", "--kill-child", "--mount-proc"),
                *(sys.executable, "-m", FIRST_PROCESS, "--control", str(place.control), *keep),
            ],
            env=_environment(),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    limit = time.monotonic() + START_LIMIT
    while time.monotonic() < limit and maker.poll() is None:
        if Control(place.control).answers():
            return node_pid(place)
        with contextlib.suppress(subprocess.TimeoutExpired):
            maker.wait(0.02)
    maker.kill()
    maker.wait()
    said = "\n".join(log.read_text(errors="replace").splitlines()[-12:])
    raise UnavailableError(f"the node's first process did not start; its log is {log}\n{said}")


def _environment() -> dict[str, str]:
    """What the node's programs are started with; no proxy, since nothing of theirs leaves the node."""
    path = f"{os.environ.get('PATH', os.defpath)}:/usr/local/sbin:/usr/sbin:/sbin"
    return {"PATH": path, "HOME": "/root", "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT)}


class Control:
    """Orders to the node's first process."""

    def __init__(self, path: Path) -> None:
        """Args: path: its socket."""
        self._path = path

    def answers(self) -> bool:
        """Whether it is there."""
        try:
            self.statuses()
        except UnavailableError:
            return False
        return True

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        """Start a program.

        Raises:
            UnavailableError: it can't be started.
        """
        request = {"name": name, "command": [*command], "environment": {**environment}, "log": str(log)}
        self._ask(do="start", **request)

    def stop(self, name: str) -> None:
        """End a program at once, and wait until it has ended.

        Raises:
            UnavailableError: there is no such program, or it does not end.
        """
        self._ask(do="stop", name=name)

    def send(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a program.

        Raises:
            UnavailableError: it does not run.
        """
        self._ask(do="signal", name=name, signal=int(number))

    def statuses(self) -> dict[str, int | None]:
        """The exit status of every program that was started; None for what runs.

        Raises:
            UnavailableError: the node's first process does not answer.
        """
        return dict(self._ask(do="statuses"))

    def _ask(self, **request: Any) -> Any:
        try:
            line = self._exchange(json.dumps(request).encode() + b"\n")
        except OSError as error:
            raise UnavailableError(
                f"The first process of the cluster's node does not answer ({error}). `make cluster-down` takes away "
                "what is left of the cluster; `make cluster` brings up another."
            ) from error
        answer = json.loads(line)
        if "error" in answer:
            raise UnavailableError(str(answer["error"]))
        return answer["answer"]

    def _exchange(self, line: bytes) -> bytes:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(ANSWER_LIMIT)
            connection.connect(str(self._path))
            with connection.makefile("rwb") as stream:
                stream.write(line)
                stream.flush()
                answer = stream.readline()
        if not answer:
            raise ConnectionError("it ended while it was asked")
        return answer
