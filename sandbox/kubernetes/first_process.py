"""The node's first process: started in namespaces of its own, it prepares them, then starts and ends programs.

It is what /sbin/init is to a machine. When it ends, the kernel ends every other process of the node, and with the last
of them the node's mounts, network and links are gone: that is how the cluster is taken away, also after it went wrong.
It imports nothing of ours: the folders that ours are in may be hidden behind the node's own mounts.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HIDDEN = ("/run", "/var/lib", "/var/log")
"""Where container runtimes and kubelets write at places that can't be configured: the node has these for itself."""
KILL_LIMIT = 10.0  # seconds
LOG_LIMIT = 16 * 1024 * 1024
"""Bytes after which a program's log goes on in a new file; the one before it is kept as NAME.log.1."""


@dataclass
class Program:
    """A program that was started, and how it ended."""

    process: subprocess.Popen[bytes]
    status: int | None = None
    """The exit status once it has ended; negative for a signal."""


class Programs:
    """The programs of the node by name; the first process's children."""

    def __init__(self) -> None:
        self._programs: dict[str, Program] = {}
        self._changed = threading.Condition()

    def start(self, name: str, command: Sequence[str], environment: dict[str, str], log: str) -> None:
        """Start one.

        Raises:
            ValueError: one of that name runs.
            OSError: it can't be started.
        """
        with self._changed:  # held until it is registered, so that `reap` finds it
            before = self._programs.get(name)
            if before is not None and before.status is None:
                raise ValueError(f"{name} runs already")
            read, write = os.pipe()
            try:
                process = subprocess.Popen(
                    command,
                    env={**os.environ, **environment},
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=write,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError:
                os.close(read)
                raise
            finally:
                os.close(write)
            self._programs[name] = Program(process)
            threading.Thread(target=keep_output, args=(read, Path(log)), daemon=True).start()

    def stop(self, name: str) -> None:
        """End one at once, as a machine that fails does, and wait until it has ended.

        An API server that is asked to end takes half a minute over it, and answers meanwhile.

        Raises:
            ValueError: there is none of that name.
            TimeoutError: it does not end.
        """
        with self._changed:
            program = self._known(name)
            if program.status is None:
                os.kill(program.process.pid, signal.SIGKILL)
            if not self._changed.wait_for(lambda: program.status is not None, KILL_LIMIT):
                raise TimeoutError(f"{name} does not end")

    def send(self, name: str, number: int) -> None:
        """Send a signal to one that runs."""
        with self._changed:
            program = self._known(name)
            if program.status is not None:
                raise ValueError(f"{name} has ended")
            os.kill(program.process.pid, number)

    def statuses(self) -> dict[str, int | None]:
        """The exit status of each; None for what runs."""
        with self._changed:
            return {name: program.status for name, program in self._programs.items()}

    def reap(self) -> None:
        """Collect every process that has ended: programs, and what containers left behind."""
        while True:
            with self._changed:
                try:
                    pid, status = os.waitpid(-1, os.WNOHANG)
                except ChildProcessError:
                    return
                if pid == 0:
                    return
                for program in self._programs.values():
                    if program.process.pid == pid and program.status is None:
                        program.status = program.process.returncode = os.waitstatus_to_exitcode(status)
                self._changed.notify_all()

    def _known(self, name: str) -> Program:
        if name not in self._programs:
            raise ValueError(f"no {name} was started")
        return self._programs[name]


def keep_output(read: int, log: Path, limit: int = LOG_LIMIT) -> None:
    """Write what a program prints to its log until it ends, and never fill the disk with it.

    A program that lost its server may say so in a loop: a workflow-controller wrote 37 MB a second.

    Args:
        read: the pipe's end; it is closed.
        log: appended to.
        limit: bytes of a log; it and the one before it stay within twice this, and one read of the pipe.
    """
    with open(read, "rb", buffering=0) as stream:
        output = log.open("ab", buffering=0)
        try:
            while chunk := stream.read(65536):
                if output.tell() >= limit:
                    output.close()
                    log.replace(f"{log}.1")
                    output = log.open("ab", buffering=0)
                with contextlib.suppress(OSError):  # a full disk: the program goes on, and the pipe must be read
                    output.write(chunk)
        finally:
            output.close()


def main() -> int:
    """Prepare the namespaces, listen, and collect processes until told to end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--control", required=True, help="the socket to listen on")
    parser.add_argument("--keep", action="append", default=[], help="a folder that stays visible")
    options = parser.parse_args()
    prepare(options.keep)
    wake = _signals_as_bytes()
    programs = Programs()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(options.control)
    Path(options.control).chmod(0o600)
    listener.listen()
    threading.Thread(target=_serve, args=(listener, programs), daemon=True).start()
    while set(os.read(wake, 4096)) == {signal.SIGCHLD}:
        programs.reap()
    return 0


def prepare(keep: Sequence[str]) -> None:
    """Give the node folders of its own where its programs write, with what is kept shining through."""
    kept = {path: os.open(path, os.O_PATH) for path in keep}
    _run("mount", "--make-rprivate", "/")
    for path in HIDDEN:
        _run("mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", path)
    for path, descriptor in kept.items():
        if any(Path(path).is_relative_to(hidden) for hidden in HIDDEN):
            Path(path).mkdir(parents=True, exist_ok=True)
            # not canonicalized: the link's text names what is hidden by now, the descriptor what is meant
            _run("mount", "--no-canonicalize", "--bind", f"/proc/{os.getpid()}/fd/{descriptor}", path)
        os.close(descriptor)
    _run("mount", "--make-rshared", "/")  # as a kubelet wants it
    _run("ip", "link", "set", "lo", "up")
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1\n")


def _signals_as_bytes() -> int:
    """A descriptor that gives a byte for each signal; handlers, unlike a mask, are not inherited by programs."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    return read


def _serve(listener: socket.socket, programs: Programs) -> None:
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_answer, args=(connection, programs), daemon=True).start()


def _answer(connection: socket.socket, programs: Programs) -> None:
    """Take one request, a line of JSON, and answer with one."""
    with connection, connection.makefile("rwb") as stream:
        request = json.loads(stream.readline() or "{}")
        try:
            answer = {"answer": _do(request, programs)}
        except (OSError, ValueError) as error:
            answer = {"error": str(error)}
        stream.write(json.dumps(answer).encode() + b"\n")


def _do(request: dict[str, Any], programs: Programs) -> Any:
    name = str(request.get("name", ""))
    match request.get("do"):
        case "start":
            programs.start(name, request["command"], request["environment"], request["log"])
        case "stop":
            programs.stop(name)
        case "signal":
            programs.send(name, int(request["signal"]))
        case "statuses":
            return programs.statuses()
        case other:
            raise ValueError(f"no such request: {other}")
    return None


def _run(*command: str) -> None:
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main())
