"""The warm process: imports Metaflow once, then forks a process per flow and a process per Metaflow command.

METAFLOW_* is read when Metaflow is imported, so one such process serves one interpreter and one environment. Measured
on two cores: `create` takes 0.35-0.6 s this way, against 1.5-2 s as a process of its own.

Three kinds of process, each forked from this one as it is after the imports, so that no flow sees another's state:

- the server itself: single-threaded, waits for `start` on its channel;
- a session (`deployer.worker.session`): one flow, leader of a process group that bears its pid;
- a command: `python flow.py …` of Deployer, run as `__main__` in the session's group, under a small parent that
  tells the session how it ended.
"""

from __future__ import annotations

import atexit
import contextlib
import faulthandler
import gc
import importlib
import os
import re
import signal
import socket
import struct
import sys
import tempfile
import traceback
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

import msgspec

from deployer.worker import configuration, search_path
from deployer.worker.capture import Captured, CaptureRequest, Recorder

SESSION = b"S"
COMMAND = b"C"

# What a command of Deployer imports anyway, by orchestrator; a module that a pinned Metaflow lacks is passed over.
PRELOADED = {
    "": ("metaflow.cli", "metaflow.runner.deployer", "metaflow.cli_components.init_cmd"),
    "argo-workflows": ("kubernetes", "metaflow.plugins.argo.argo_workflows_cli", "boto3"),
    "airflow": ("boto3", "boto3.s3.transfer", "requests", "metaflow.plugins.airflow.airflow_cli"),
    "step-functions": ("boto3", "boto3.s3.transfer", "metaflow.plugins.aws.step_functions.step_functions_cli"),
}
BOTO_SERVICES = ("s3", "sts", "stepfunctions", "batch", "events", "dynamodb", "iam")


LOST = 74
"""The exit status of a command whose result could not be handed over: EX_IOERR."""


class CommandRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One `python flow.py …` to run."""

    arguments: list[str]
    environment: dict[str, str]
    folder: str
    group: int
    """The process group to join."""
    capture: CaptureRequest | None = None
    """What is to be captured of it; then a file to write that to comes with the request."""
    may_configure: bool = True
    """Whether METAFLOW_* that the flow sets before it imports Metaflow are to be found, and extensions of Metaflow in a
    folder that it adds to its import path: they are not in effect yet."""
    import_path: list[str] | None = None
    """The import path to start with, where it is not the one that Python makes of the folder and PYTHONPATH."""


def serve(channel_fd: int, orchestrator: str) -> None:
    """Serve until the channel is closed. Children tell their parents how they ended; nobody is reaped here twice."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the action ends us; a terminal's Ctrl-C reaches it too
    channel = socket.socket(fileno=channel_fd)
    preload(orchestrator)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps sessions and commands' parents
    gc.freeze()
    channels = [channel]
    while channels:
        ready = _readable(channels)
        for one in ready:
            kind, descriptors = receive(one)
            if not kind:
                if one is channel:
                    return
                channels.remove(one)
                one.close()
                continue
            _start(kind, descriptors, channels)
            for descriptor in descriptors:
                os.close(descriptor)


def preload(orchestrator: str) -> None:
    """Import what the flows will need, and warm botocore's loader: six clients each re-reading their service's JSON
    are half of a `create` otherwise."""
    importlib.import_module("metaflow")  # without it nothing can be done: the process ends, and its traceback is told
    for name in PRELOADED[""] + PRELOADED.get(orchestrator, ()):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    forget_command_lines(sys.modules)
    if "boto3" in sys.modules and orchestrator == "step-functions":
        _share_botocore_loader()


def forget_command_lines(modules: dict[str, Any]) -> None:
    """Have Metaflow's command line imported anew by each flow, its dependencies kept: when it is imported it takes up
    the Parameters of the flow that is current then (metaflow.parameters.add_custom_parameters), and none is now.

    Args:
        modules: `sys.modules`.
    """
    for name in list(modules):
        if re.fullmatch(r"metaflow\.(?:cli|cli_components\..+|.+_cli)", name):
            parent, _, child = name.rpartition(".")
            del modules[name]
            if hasattr(modules.get(parent), child):
                delattr(modules[parent], child)


def _share_botocore_loader() -> None:
    import boto3
    import botocore.loaders
    import botocore.session

    if not hasattr(botocore.session.Session, "_register_data_loader"):
        return  # another botocore; it only costs time
    shared = botocore.loaders.create_loader()

    def register_shared(session: Any) -> None:
        def loader() -> Any:
            # a search path of the session's own (AWS_DATA_PATH, a config file) wants a loader of its own
            path = session.get_config_variable("data_path")
            return botocore.loaders.create_loader(path) if path else shared

        session._components.lazy_register_component("data_loader", loader)  # noqa: SLF001

    botocore.session.Session._register_data_loader = register_shared  # noqa: SLF001
    session: Any = boto3.session.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name="us-east-1")  # noqa: S106
    for service in BOTO_SERVICES:
        session.client(service)


def send(channel: socket.socket, kind: bytes, payload: object, descriptors: Sequence[int]) -> None:
    """Ask the server to fork: the payload goes as an open file, since its size has no bound."""
    with tempfile.TemporaryFile() as file:
        file.write(msgspec.json.encode(payload))
        file.seek(0)
        socket.send_fds(channel, [kind], [file.fileno(), *descriptors])


def receive(channel: socket.socket) -> tuple[bytes, list[int]]:
    """One request: its kind and its descriptors; empty at the channel's end."""
    try:
        kind, descriptors, _, _ = socket.recv_fds(channel, 1, 8)
    except ConnectionError:
        return b"", []
    return kind, descriptors


def _readable(channels: list[socket.socket]) -> list[socket.socket]:
    import select

    return select.select(channels, [], [])[0]


def _start(kind: bytes, descriptors: list[int], channels: list[socket.socket]) -> None:
    if kind == SESSION:
        ours, theirs = socket.socketpair()
        if os.fork() == 0:
            ours.close()
            _child(lambda: _session(descriptors, theirs), channels)
        theirs.close()
        channels.append(ours)
    elif os.fork() == 0:
        _child(lambda: _command(descriptors), channels)


def _child(body: Callable[[], int], channels: list[socket.socket]) -> NoReturn:
    status = 70
    try:
        for channel in channels:
            channel.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        # asked of the whole group when a call took too long: the stack says what it waited for
        faulthandler.register(signal.SIGUSR1, all_threads=False)
        gc.unfreeze()
        status = body()
    except BaseException:  # noqa: BLE001  # the last frame of a forked process: whatever comes is printed
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.flush()
        os._exit(status)


def _payload(descriptor: int, kind: type[Any]) -> Any:
    with os.fdopen(descriptor, "rb") as file:
        return msgspec.json.decode(file.read(), type=kind)


def _session(descriptors: list[int], server: socket.socket) -> int:
    from deployer.worker.session import run_session

    payload, channel, stdout, stderr = descriptors
    os.setpgid(0, 0)
    os.close(payload)
    _redirect(stdout, stderr)
    run_session(socket.socket(fileno=channel), server)
    return 0


def _redirect(stdout: int, stderr: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(stdout, 1)
    os.dup2(stderr, 2)
    for descriptor in (stdout, stderr):
        if descriptor > 2:  # noqa: PLR2004  # the three standard descriptors
            os.close(descriptor)


def _command(descriptors: list[int]) -> int:
    """The command's parent: forks it, waits, and sends its exit status as four bytes."""
    payload, channel, stdout, stderr, *capture = descriptors
    request: CommandRequest = _payload(payload, CommandRequest)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.setpgid(0, request.group)
    _redirect(stdout, stderr)
    reply = socket.socket(fileno=channel)
    pid = os.fork()
    if pid == 0:
        reply.close()
        _child(lambda: run_flow_file(request, *capture), [])
    reply.send(struct.pack("!i", pid))
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    with contextlib.suppress(ConnectionError):
        reply.send(struct.pack("!i", status))
    return 0


def run_flow_file(request: CommandRequest, capture: int | None = None) -> int:
    """Run `python flow.py …` in this process, as Python itself would: its environment, folder, arguments and path.

    Args:
        request: the command.
        capture: a descriptor of the file to write to what was captured.
    """
    os.environ.clear()
    os.environ.update(request.environment)
    configuration.take_up(request.environment)
    os.chdir(request.folder)
    flow_file = request.arguments[1]
    process = os.getpid()
    recorder = Recorder(request.capture) if request.capture is not None else None
    sys.path[:] = import_path(request)
    if recorder is not None:
        recorder.install()
    forget_ourselves()
    sys.argv = request.arguments[1:]
    if recorder is not None and capture is not None and request.may_configure:
        configuration.watch(lambda found: _start_over(recorder, capture, found))
    status = 0
    error: BaseException | None = None
    try:
        run_as_main(flow_file)
    except SystemExit as end:
        status, error = _exit_status(end), end
    except BaseException as raised:  # noqa: BLE001  # as the interpreter does: print it and exit with 1
        traceback.print_exc()
        status, error = 1, raised
    finally:
        atexit._run_exitfuncs()  # noqa: SLF001  # what the flow registered; os._exit would pass it over
    # a process that the flow has forked, and that came to the flow's end too, speaks for nobody
    if recorder is not None and capture is not None and os.getpid() == process:
        recorder.end(status, error)
        try:
            _save(recorder, capture)
        except OSError as closed:
            sys.stderr.write(f"The flow has closed a file descriptor that it did not open: {closed}\n")
            return LOST
    return status


def _save(recorder: Recorder, capture: int) -> None:
    with os.fdopen(capture, "wb") as file:
        file.write(msgspec.json.encode(recorder.captured))


def _start_over(recorder: Recorder, capture: int, found: Mapping[str, str]) -> NoReturn:
    """End this process: before the flow imports Metaflow, which is imported already, it has configured it, or has added
    extensions of it to the import path."""
    entries = [entry for entry in sys.path if isinstance(entry, str)]
    recorder.captured = Captured(configured=dict(found), import_path=entries)
    _save(recorder, capture)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def run_as_main(file: str) -> None:
    """Run a file as Python runs the one that it is started with; raises what the file raises.

    `multiprocessing` gives the main module a second name when it is imported, `__mp_main__`. Metaflow packages the
    modules around a mutator, so that name has to be the flow's, and not this process's own.
    """
    main = types.ModuleType("__main__")
    main.__dict__.update(__file__=file, __cached__=None)
    sys.modules["__main__"] = sys.modules["__mp_main__"] = main
    with open(file, "rb") as source:  # noqa: PTH123  # as Python does it
        code = compile(source.read(), file, "exec")
    exec(code, main.__dict__)  # noqa: S102  # the flow is what is to be run


def _exit_status(end: SystemExit) -> int:
    if end.code is None:
        return 0
    if isinstance(end.code, int):
        return end.code
    sys.stderr.write(f"{end.code}\n")
    return 1


def import_path(request: CommandRequest) -> list[str]:
    """The import path of a command's process, as `python flow.py` would have it; this process's own comes behind it."""
    if request.import_path is not None:
        return request.import_path
    return [*search_path.of_flow(request.environment, request.folder, request.arguments[1]), *sys.path]


def take_up_search_path(environment: Mapping[str, str]) -> None:
    """Put PYTHONPATH first on the import path, as Python does when it starts.

    The warm process was started without it: what it imports is this package's and Metaflow's, whatever the job's `src/`
    has. Only a process that is to run a flow looks there, and it reads relative entries from its own folder.
    """
    sys.path[:0] = search_path.pythonpath(environment, os.getcwd())  # noqa: PTH109


def forget_ourselves() -> None:
    """Give up the name of this package: a flow may have a module of its own called `deployer`."""
    for name in [name for name in sys.modules if name == "deployer" or name.startswith("deployer.")]:
        del sys.modules[name]
