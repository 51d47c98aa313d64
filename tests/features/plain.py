"""`python flow.py …` as a person runs it, many times over: the reference that the action is compared with.

A Python that has imported what Metaflow depends on forks for every command, which saves half of the time of a Python
that is started for each. Where all commands have the METAFLOW_* of one environment, it has imported the package
`metaflow` as well, which the first line of a flow does otherwise; never Metaflow's command line, nor a flow.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import traceback
import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

AT_ONCE = int(os.environ.get("METAFLOW_FEATURES_AT_ONCE") or 2)
"""How many commands, or jobs of the action, run side by side; as many as there are cores do well."""
LIMIT = 120.0
"""Seconds for one command; a `create` takes about one."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """A flow file that is run."""

    flow: str
    """Relative to the folder."""
    arguments: tuple[str, ...]
    folder: str
    environment: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Done:
    """How a command ended."""

    exit_code: int
    output: str
    """What it printed, on both streams."""

    @property
    def reason(self) -> str:
        """What Metaflow or Python gave as the reason, the last paragraph that was printed: for an error of Metaflow's
        the sentences below its headline, for a traceback its last line."""
        lines = [line.strip() for line in self.output.strip().splitlines()]
        last = lines[max((number + 1 for number, line in enumerate(lines) if not line), default=0) :]
        if "Traceback (most recent call last):" in lines:
            return last[-1]
        headline = next((number for number, line in enumerate(last) if line.endswith(":")), -1)
        return " ".join(" ".join(last[headline + 1 :]).split())


class Plain:
    """The process that forks, for as long as the `with` block lasts."""

    def __init__(self, environment: Mapping[str, str], *, with_metaflow: bool) -> None:
        """Args:
        environment: of the process. The Kubernetes client reads KUBECONFIG when it is imported, Metaflow METAFLOW_*.
        with_metaflow: whether it imports `metaflow` before it forks.
        """
        self._environment = environment
        self._arguments = [str(AT_ONCE), *(["--with-metaflow"] if with_metaflow else [])]

    def __enter__(self) -> Plain:
        self._process = subprocess.Popen(
            [sys.executable, __file__, *self._arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=dict(self._environment),
            text=True,
            start_new_session=True,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()

    def run(self, commands: Sequence[Command]) -> list[Done]:
        """Run them, some at a time; how each ended, in the same order."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([asdict(command) for command in commands]) + "\n")
        self._process.stdin.flush()
        return [Done(**one) for one in json.loads(self._process.stdout.readline())]


def _serve() -> None:
    import kubernetes.client  # noqa: F401  # what Metaflow imports when it deploys
    import requests  # noqa: F401

    _read_data_of_aws()
    if "--with-metaflow" in sys.argv:
        import metaflow  # noqa: F401
    for line in sys.stdin:
        answer = _run_all([Command(**{**one, "arguments": tuple(one["arguments"])}) for one in json.loads(line)])
        print(json.dumps([asdict(one) for one in answer]), flush=True)


def _read_data_of_aws() -> None:
    """Read botocore's descriptions of AWS's services once for all commands: reading them is half of a `create`."""
    import boto3
    import botocore.session
    from botocore.loaders import Loader

    loader = Loader()
    botocore.session.create_loader = lambda _: loader
    session = boto3.session.Session("nobody", "nobody", region_name="us-east-1")
    for service in ("batch", "dynamodb", "events", "s3", "stepfunctions", "sts"):
        session.client(service)


def _run_all(commands: Iterable[Command]) -> list[Done]:
    with tempfile.TemporaryDirectory() as folder:
        logs: list[Path] = []
        running: dict[int, int] = {}
        codes: dict[int, int] = {}

        def wait() -> None:
            process, status = os.wait()
            codes[running.pop(process)] = os.waitstatus_to_exitcode(status)

        for number, command in enumerate(commands):
            if len(running) == int(sys.argv[1]):
                wait()
            logs.append(Path(folder, f"{number}.log"))
            running[_fork(command, logs[-1])] = number
        while running:
            wait()
        texts = [log.read_text(errors="replace") for log in logs]
        return [Done(exit_code=codes[number], output=text) for number, text in enumerate(texts)]


def _fork(command: Command, log: Path) -> int:
    process = os.fork()
    if process:
        return process
    code = 70
    try:
        stream = os.open(log, os.O_WRONLY | os.O_CREAT)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(stream, 1)
        os.dup2(stream, 2)
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # both streams in the order of their lines
        signal.setitimer(signal.ITIMER_REAL, LIMIT)
        os.environ.clear()
        os.environ.update(command.environment)
        os.chdir(command.folder)
        sys.argv = [command.flow, *command.arguments]
        sys.path[0] = str(Path(command.flow).resolve().parent)
        code = _run(command.flow)
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _run(flow: str) -> int:
    """As Python runs a file, and what it makes of its end."""
    main = types.ModuleType("__main__")
    main.__dict__.update(__file__=flow, __cached__=None)
    sys.modules["__main__"] = main
    # `multiprocessing` gives the main module a second name when it is imported, which is the flow's otherwise
    if "multiprocessing" in sys.modules:
        sys.modules["__mp_main__"] = main
    try:
        exec(compile(Path(flow).read_bytes(), flow, "exec"), main.__dict__)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:  # noqa: BLE001  # printed, as Python prints it
        traceback.print_exc()
        return 1
    return 0


def environment_of(job: Mapping[str, str], **more: object) -> dict[str, str]:
    """The environment of a command: what the job has, and what the action adds to it for Metaflow."""
    inherited = {name: os.environ[name] for name in ("PATH", "LANG", "SSL_CERT_FILE") if name in os.environ}
    return {**inherited, **job, **{name: str(value) for name, value in more.items()}}


if __name__ == "__main__":
    _serve()
