"""Runs commands of real Metaflow, `python flow.py …`, and tells how each ended: its output, and the exception as data.

A process of its own, so that no test imports a flow: cases as JSON on stdin, one answer for each on stdout. The clients
that Metaflow imports are imported once; each command is forked.
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Command:
    """One command."""

    arguments: Sequence[str]
    """The flow file and what follows it."""
    environment: Mapping[str, str]
    folder: str


@dataclass(frozen=True)
class Ended:
    """How it ended."""

    output: str
    error: dict[str, str] | None
    """module, type, message, headline and traceback of the exception that ended it; None: it ended well."""


def run_commands(commands: Sequence[Command]) -> list[Ended]:
    """Run them, one after another."""
    done = subprocess.run(
        [sys.executable, __file__],
        input=json.dumps([asdict(command) for command in commands]),
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    return [Ended(**ended) for ended in json.loads(done.stdout)]


def _main() -> None:
    commands = [Command(**command) for command in json.load(sys.stdin)]
    os.environ["KUBECONFIG"] = commands[0].environment["KUBECONFIG"]  # the client reads it when it is imported
    for module in ("boto3", "kubernetes.client", "requests"):
        importlib.import_module(module)
    print(json.dumps([asdict(_forked(command)) for command in commands]))  # its answer


def _forked(command: Command) -> Ended:
    with tempfile.NamedTemporaryFile("w+") as output, tempfile.NamedTemporaryFile("w+") as report:
        pid = os.fork()
        if pid == 0:
            try:
                os.dup2(output.fileno(), 1)
                os.dup2(output.fileno(), 2)
                Path(report.name).write_text(json.dumps(_run(command)))
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(0)
        os.waitpid(pid, 0)
        return Ended(output=Path(output.name).read_text(), error=json.loads(Path(report.name).read_text()))


def _run(command: Command) -> dict[str, str] | None:
    os.environ.clear()
    os.environ.update(command.environment)
    os.chdir(command.folder)
    sys.path[0] = str(Path(command.arguments[0]).resolve().parent)  # in the place of this script's folder
    sys.argv = list(command.arguments)
    try:
        runpy.run_path(command.arguments[0], run_name="__main__")
    except SystemExit as end:
        # Metaflow, or click, printed the exception and left with a status
        return _described(end.__context__) if end.code else None
    except BaseException as error:  # noqa: BLE001  # whatever a flow raises is what is asked
        traceback.print_exc()  # as Python itself does
        return _described(error)
    return None


def _described(error: BaseException | None) -> dict[str, str]:
    assert error is not None, "who calls sys.exit by itself is no case here"
    said: Any = getattr(error, "message", None)
    if hasattr(error, "format_message"):  # click's, which names the option only here
        said = error.format_message()
    return {
        "module": type(error).__module__,
        "type": type(error).__name__,
        "message": str(said or error),
        "headline": getattr(error, "headline", ""),
        "traceback": "".join(traceback.format_exception(error)),
    }


if __name__ == "__main__":
    _main()
