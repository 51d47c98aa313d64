"""The action's side of the worker: start it, open flows in it, call them under a limit, end them whatever they do."""

from __future__ import annotations

import contextlib
import os
import select
import selectors
import signal
import socket
import subprocess
import tempfile
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TypeVar

import msgspec

from deployer.deadline import Cancellation, Deadline
from deployer.outcome import Failure, FailureReason
from deployer.processes import own_module
from deployer.worker import protocol, server
from deployer.worker.lines import Lines

T = TypeVar("T")

START_LIMIT = 60.0
"""Seconds for a flow's process to stand; importing Metaflow takes 0.4 s on two cores."""
STACK_LIMIT = 1.0
STACK_PAUSE = 0.2
"""Seconds that processes have to print their stacks, in all and between two of them."""
END_LIMIT = 2.0
"""Seconds between asking a process group to end and killing it."""
TAIL_LINES = 200
MARKER = "METAFLOW_DEPLOY_WORKER"
"""The variable in the environment of all our processes, by which what is left of them is found."""


class WorkerError(Exception):
    """A call to a flow's process failed, with all that was wrong, or it had to be ended."""

    def __init__(
        self,
        failures: tuple[Failure, ...],
        *,
        from_output: bool = False,
        output: str = "",
        error: protocol.CommandError | None = None,
    ) -> None:
        super().__init__(failures[0].message)
        self.failures = failures
        self.from_output = from_output
        self.error = error
        """The exception that ended a command of Metaflow."""
        self.output = output
        """What the flow's process printed during the call, its last lines."""


class WorkerTimeout(WorkerError):
    """The call did not come back in time; its process group was ended."""


class WorkerCancelled(WorkerError):
    """The job was cancelled during the call; the process group was ended."""


class Worker:
    """The warm process for one interpreter and one environment."""

    def __init__(
        self,
        *,
        interpreter: str,
        environment: Mapping[str, str],
        orchestrator: str,
        cancellation: Cancellation,
        print_line: Callable[[str], None],
    ) -> None:
        """Start the process; it imports Metaflow while the caller goes on.

        Args:
            interpreter: the Python that has Metaflow and the flow's packages.
            environment: the whole environment of the process.
            orchestrator: Deployer's TYPE: what is imported beforehand.
            cancellation: ends every call.
            print_line: takes each line that a flow's process prints.
        """
        ours, theirs = socket.socketpair()
        self._marker = uuid.uuid4().hex
        # what the warm process itself prints is its death at most: told as evidence, never straight to the log
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  # closed with the worker
        self._process = subprocess.Popen(
            own_module(interpreter, "deployer.worker", str(theirs.fileno()), orchestrator),
            env={**environment, MARKER: self._marker},
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )
        theirs.close()
        self._channel = ours
        self._cancellation = cancellation
        self._print_line = print_line

    def open(
        self, request: protocol.Open, deadline: Deadline, cancellation: Cancellation | None = None
    ) -> tuple[FlowProcess, protocol.Opened]:
        """Start a flow's process and open the flow in it; arguments as `start`.

        Raises:
            WorkerError: the flow cannot be opened; the process has ended.
        """
        flow = self.start(deadline, cancellation)
        try:
            return flow, flow.call(request, protocol.Opened, deadline)
        except WorkerError:
            flow.close()
            raise

    def start(self, deadline: Deadline, cancellation: Cancellation | None = None) -> FlowProcess:
        """Start a process in which nothing is opened yet.

        Args:
            deadline: after which it is given up.
            cancellation: what ends its calls instead of the job's own cancellation.

        Raises:
            WorkerError: it does not stand; it has ended.
        """
        flow = FlowProcess(self._channel, cancellation or self._cancellation, self._print_line, self._last_words)
        try:
            flow.start(deadline.within(START_LIMIT))
        except WorkerError:
            flow.close()
            raise
        return flow

    def _last_words(self) -> str:
        """What the warm process printed, if it has ended; it prints nothing while all is well."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(END_LIMIT)
        return os.pread(self._log.fileno(), 1 << 16, 0).decode(errors="replace")

    def close(self) -> None:
        """End the process and whatever is left of its children."""
        self._channel.close()
        try:
            self._process.wait(END_LIMIT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()
        end_marked(self._marker)

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class FlowProcess:
    """One flow's process, forked from the warm one."""

    def __init__(
        self,
        warm: socket.socket,
        cancellation: Cancellation,
        print_line: Callable[[str], None],
        last_words: Callable[[], str],
    ) -> None:
        self._last_words = last_words
        self._cancellation = cancellation
        self._print_line = print_line
        self._channel, theirs = socket.socketpair()
        self._output = Lines()
        output_read, output_write = os.pipe()
        self._output_fd = output_read
        os.set_blocking(output_read, False)
        self._channel.setblocking(False)
        self._received = bytearray()
        self._replies: deque[bytes] = deque()
        self._pid: int | None = None
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        with contextlib.suppress(ConnectionError):  # a worker that died is met at the first wait
            server.send(warm, server.SESSION, None, [theirs.fileno(), output_write, output_write])
        theirs.close()
        os.close(output_write)

    def start(self, deadline: Deadline) -> None:
        """Wait until the process stands."""
        reply = self._wait_for_reply(deadline, "start")
        assert isinstance(reply, protocol.Ready)
        self._pid = reply.pid

    def call(self, request: protocol.Request, kind: type[T], deadline: Deadline) -> T:
        """Ask the flow's process, and wait for its answer.

        Args:
            request: what to do.
            kind: the type of the answer, which the request's docstring tells.
            deadline: after which the process group is ended.

        Raises:
            WorkerError: what was asked failed; the process stands.
            WorkerTimeout, WorkerCancelled: the process group was ended.
        """
        self._tail.clear()
        name = type(request).__name__
        try:
            self._channel.setblocking(True)
            self._channel.sendall(msgspec.json.encode(request) + b"\n")
        except OSError:
            raise self._died(name) from None
        finally:
            self._channel.setblocking(False)
        reply = self._wait_for_reply(deadline, name)
        if isinstance(reply, protocol.Refusal):
            raise WorkerError(reply.failures, from_output=reply.from_output, output=self.tail(), error=reply.error)
        assert isinstance(reply, protocol.Answer)
        return msgspec.json.decode(reply.value, type=kind)

    def tail(self) -> str:
        """The last lines that the process printed during the last call."""
        return "\n".join(self._tail)

    def close(self) -> None:
        """End the process group."""
        if self._pid is not None:
            # Nothing here listens to anything gentler: a Python that waits in a C call does not run its handlers.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._pid, signal.SIGKILL)
            self._pid = None
        self._drain()
        with contextlib.suppress(OSError):
            os.close(self._output_fd)
        self._channel.close()

    def _wait_for_reply(self, deadline: Deadline, asked: str) -> protocol.Reply:
        with selectors.DefaultSelector() as selector:
            selector.register(self._channel, selectors.EVENT_READ)
            selector.register(self._cancellation, selectors.EVENT_READ)
            selector.register(self._output_fd, selectors.EVENT_READ)
            while not self._replies:
                ready = [key.fileobj for key, _ in selector.select(deadline.remaining)]
                if self._output_fd in ready and not self._drain():
                    selector.unregister(self._output_fd)
                if self._cancellation in ready:
                    self.close()
                    raise WorkerCancelled((_cancelled(),), output=self.tail())
                if self._channel in ready:
                    self._receive(asked)
                elif deadline.passed:
                    self._ask_for_stacks()
                    self.close()
                    raise WorkerTimeout((_too_long(asked, deadline.seconds),), output=self.tail())
        self._drain()
        reply: protocol.Reply = msgspec.json.decode(self._replies.popleft(), type=protocol.Reply)
        return reply

    def _ask_for_stacks(self) -> None:
        """Have every process of the group print where it stands, and give it a moment for that."""
        if self._pid is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._pid, signal.SIGUSR1)
        moment = Deadline(STACK_LIMIT)
        while select.select([self._output_fd], [], [], min(STACK_PAUSE, moment.remaining))[0] and self._drain():
            if moment.passed:
                return

    def _receive(self, asked: str) -> None:
        try:
            data = self._channel.recv(1 << 20)
        except ConnectionError:
            data = b""
        if not data:
            raise self._died(asked)
        self._received += data
        *lines, rest = bytes(self._received).split(b"\n")
        self._received = bytearray(rest)
        self._replies.extend(lines)

    def _drain(self) -> bool:
        """Pass on what was printed so far; False once nobody can print any more."""
        while True:
            try:
                data = os.read(self._output_fd, 1 << 16)
            except BlockingIOError:
                return True
            except OSError:
                return False
            for line in self._output.feed(data):
                self._tail.append(line)
                self._print_line(line)
            if not data:
                return False

    def _died(self, asked: str) -> WorkerError:
        self._drain()
        if self._pid is None:
            return self._never_stood()
        self.close()
        failure = Failure(
            reason=FailureReason.INTERNAL,
            message=f"The flow's process ended by itself during `{asked.lower()}`.",
            advice="What it printed last is below; a flow that is short of memory, or that ends the interpreter with "
            "os._exit, does this.",
            evidence=self.tail(),
        )
        return WorkerError((failure,), output=self.tail())

    def _never_stood(self) -> WorkerError:
        words = self._last_words()
        self.close()
        failure = Failure(
            reason=FailureReason.INPUT
            if "ModuleNotFoundError" in words or "ImportError" in words
            else FailureReason.INTERNAL,
            input="requirements",
            message="The interpreter that the flow is deployed with cannot import Metaflow.",
            advice="If `requirements` pins Metaflow or one of its dependencies, pin versions that work together.",
            evidence="\n".join(words.splitlines()[-25:]),
        )
        return WorkerError((failure,), output=words)


def _cancelled() -> Failure:
    return Failure(
        reason=FailureReason.CANCELLED,
        message="The job was cancelled.",
        advice="Run it again when you are ready; deploying is repeatable.",
    )


def _too_long(asked: str, seconds: float) -> Failure:
    return Failure(
        reason=FailureReason.INTERNAL,
        message=f"`{asked.lower()}` did not come back within {seconds:.0f} s and was ended.",
        advice="Look at what it printed last.",
    )


def end_marked(marker: str) -> None:
    """End every process whose environment bears the marker: what fled from a process group by a session of its own,
    or was just being forked when its group was ended."""
    import psutil

    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(MARKER) == marker:
                process.kill()
                found.append(process)
    psutil.wait_procs(found, timeout=END_LIMIT)
