"""Deployer's commands, forked from the warm process instead of started anew.

Deployer starts `python flow.py …` through `impl.spm`, a `metaflow.runner.subprocess_manager.SubprocessManager`. That
is no public interface: `install` looks for all that is needed of it and leaves Deployer as it stands where a pinned
Metaflow has something else.
"""

from __future__ import annotations

import inspect
import os
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from deployer.outcome import DeployError, Failure, FailureReason
from deployer.processes import own_module
from deployer.worker import configuration, search_path, server
from deployer.worker.capture import Captured, CaptureRequest

STATUS = struct.Struct("!i")


class ForkedProcess:
    """The part of `subprocess.Popen` that Deployer asks of a command's process."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self.pid: int = self._receive()
        self.returncode: int | None = None

    def _receive(self) -> int:
        data = self._channel.recv(STATUS.size, socket.MSG_WAITALL)
        if len(data) < STATUS.size:
            return 70  # the command's parent died: EX_SOFTWARE
        return int(STATUS.unpack(data)[0])

    def poll(self) -> int | None:
        """The exit status; None while it runs."""
        if self.returncode is None:
            try:
                data = self._channel.recv(STATUS.size, socket.MSG_PEEK | socket.MSG_DONTWAIT)
            except BlockingIOError:
                return None
            if not data or len(data) == STATUS.size:
                self.wait()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:  # noqa: ARG002  # the session as a whole has a limit
        """Wait for the end; the exit status."""
        if self.returncode is None:
            self.returncode = self._receive()
            self._channel.close()
        return self.returncode


class ForkedCommand:
    """The part of Deployer's CommandManager that Deployer asks for."""

    timeout = False

    def __init__(self, command: list[str], process: ForkedProcess) -> None:
        self.command = command
        self.process = process
        # What a command prints goes straight to the session's own output, which the action streams and keeps.
        self.log_files = {"stdout": os.devnull, "stderr": os.devnull}

    def sync_wait(self) -> None:
        """Wait for the command's end."""
        self.process.wait()

    def cleanup(self) -> None:
        """Nothing is kept."""


def fork_command(
    warm: socket.socket,
    command: list[str],
    env: Mapping[str, str],
    folder: str,
    capture: tuple[CaptureRequest, int] | None = None,
) -> ForkedCommand:
    """Have the warm process run a command of Metaflow in this session's process group.

    Args:
        warm: the channel to the warm process.
        command: an interpreter, which the warm process stands in for, and its arguments.
        env: the command's whole environment.
        folder: where it runs.
        capture: what is to be captured, and a descriptor of the file to write that to.
    """
    ours, theirs = socket.socketpair()
    request = server.CommandRequest(
        arguments=command,
        environment=dict(env),
        folder=folder,
        group=os.getpgrp(),
        capture=capture[0] if capture is not None else None,
    )
    sys.stdout.flush()
    sys.stderr.flush()
    file = [capture[1]] if capture is not None else []
    server.send(warm, server.COMMAND, request, [theirs.fileno(), 1, 2, *file])
    theirs.close()
    return ForkedCommand(command, ForkedProcess(ours))


def start_command(
    command: list[str],
    env: Mapping[str, str],
    folder: str,
    capture: tuple[CaptureRequest, int],
    configured: Captured | None = None,
) -> int:
    """Run a command of Metaflow in a new interpreter, which reads METAFLOW_* and extensions anew; arguments as
    `fork_command`.

    Args:
        configured: the METAFLOW_* that Metaflow is to read in the place of the environment's, and the import path: what
            the flow sets before it imports Metaflow.

    Returns:
        Its exit status.
    """
    request = server.CommandRequest(
        arguments=command,
        environment=dict(env),
        folder=folder,
        group=os.getpgrp(),
        capture=capture[0],
        may_configure=configured is None,
        import_path=configured.import_path if configured is not None else None,
    )
    variables = configured.configured if configured is not None else None
    sys.stdout.flush()
    sys.stderr.flush()
    started = subprocess.run(
        own_module(sys.executable, "deployer.worker.command", str(capture[1])),
        input=msgspec.json.encode(request),
        env=dict(env) if variables is None else configuration.with_metaflow(env, variables),
        cwd=folder,
        pass_fds=[capture[1]],
        check=False,
    )
    return started.returncode


def run_captured(
    warm: socket.socket, command: list[str], env: Mapping[str, str], folder: str, request: CaptureRequest
) -> tuple[int, Captured | None]:
    """Run a command of Metaflow with what it would write captured.

    Returns:
        Its exit status, and what was captured; None where its process ended before it could say.

    Raises:
        DeployError: what it left cannot be read.
    """

    def run(start: Callable[[int], int]) -> tuple[int, Captured | None]:
        with tempfile.TemporaryFile() as file:
            status = start(file.fileno())
            file.seek(0)
            text = file.read()
        try:
            return status, msgspec.json.decode(text, type=Captured) if text else None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise DeployError(_unreadable(error)) from error

    if _needs_new_interpreter(command, env, folder):
        status, captured = run(lambda file: start_command(command, env, folder, (request, file)))
    else:
        status, captured = run(lambda file: fork_command(warm, command, env, folder, (request, file)).process.wait())
    if captured is None or captured.configured is None:
        return status, captured
    configured = captured
    return run(lambda file: start_command(command, env, folder, (request, file), configured))


def _needs_new_interpreter(command: list[str], env: Mapping[str, str], folder: str) -> bool:
    """Whether Metaflow has to be imported anew for a command: it reads METAFLOW_*, and looks for its extensions, when
    it is imported, and the warm process has neither the flow's folder nor PYTHONPATH on its import path."""
    return bool(configuration.differences(env)) or search_path.hold_extensions(
        search_path.of_flow(env, folder, command[1])
    )


def _unreadable(error: Exception) -> Failure:
    return Failure(
        reason=FailureReason.FLOW_IMPORT,
        message="The process that opened the flow left a result that cannot be read.",
        advice="Look for code that writes to file descriptors that it did not open when the flow is imported.",
        evidence=str(error),
    )


def install(impl: Any, warm: socket.socket) -> bool:
    """Make a DeployerImpl fork its commands.

    Args:
        impl: the DeployerImpl, before its first command.
        warm: this session's channel to the warm process.

    Returns:
        Whether it could be done; if not, Deployer starts its commands as it always does.
    """
    try:
        from metaflow.runner.subprocess_manager import SubprocessManager
    except ImportError:
        return False
    spm: Any = getattr(impl, "spm", None)
    if type(spm) is not SubprocessManager or not isinstance(getattr(spm, "commands", None), dict):
        return False
    wanted = ["command", "env", "cwd", "show_output"]
    if list(inspect.signature(spm.run_command).parameters) != wanted:
        return False

    started_anew = spm.run_command

    def run_command(
        command: list[str],
        env: dict[str, str] | None = None,
        cwd: str | None = None,
        show_output: bool = False,  # noqa: ARG001  # it is always shown
    ) -> int:
        environment, folder = dict(env if env is not None else os.environ), cwd or os.getcwd()  # noqa: PTH109
        if _needs_new_interpreter(command, environment, folder):
            # as where `deployer-options` gave the command a profile or an environment of its own
            return int(started_anew(command, env, cwd, show_output=True))
        forked = fork_command(warm, command, environment, folder)
        spm.commands[forked.process.pid] = forked
        return forked.process.pid

    spm.run_command = run_command
    return True
