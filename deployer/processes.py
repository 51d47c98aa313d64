"""The processes that the action starts: its own modules isolated from the job's Python settings, each under a limit."""

from __future__ import annotations

import subprocess
from pathlib import Path

from deployer.deadline import Cancellation, Deadline

TURN = 0.2
"""Seconds between two looks at the cancellation, which `communicate` cannot watch."""
ISOLATED = ("-I", "-u", "-B")
"""How every Python of the action is started, as the image's entrypoint is. `-I` takes no PYTHON* variable, no folder of
a script, no working directory and no user's site-packages: PYTHONPATH often names a `src/` of the checkout, and a
`jinja2.py` in there would run with the job's token. PYTHONUNBUFFERED and PYTHONDONTWRITEBYTECODE are ignored as well,
hence `-u` and `-B`."""
START = """\
import importlib.util, runpy, sys
folder, module = sys.argv[1:3]
spec = importlib.util.spec_from_file_location("deployer", folder + "/__init__.py", submodule_search_locations=[folder])
sys.modules["deployer"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sys.modules["deployer"])
del sys.argv[0:2]
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""
"""Runs a module of this package without putting its folder on the import path. An interpreter with packages of the
flow's own needs that: a requirement called `deployer` must not come first, and what else is installed beside this
package must not either."""


def own_module(interpreter: str, module: str, *arguments: str) -> list[str]:
    """The command that runs a module of this package in an interpreter, isolated from the job's Python settings.

    Args:
        interpreter: the Python, which needs the packages that the module imports, but not this one.
        module: `deployer.…`, run as `python -m` would.
        arguments: the module's own.
    """
    package = str(Path(__file__).resolve().parent)
    return [interpreter, *ISOLATED, "-c", START, package, module, *arguments]


def finish(
    process: subprocess.Popen[str], text: str, deadline: Deadline, cancellation: Cancellation
) -> tuple[str, str]:
    """Wait for a process, and kill it at its limit or when the job is cancelled.

    Args:
        process: with a pipe for its standard input, and one for each stream that is read.
        text: its standard input.
        deadline: its limit.
        cancellation: the job's.

    Returns:
        What it wrote to its output and to its error stream.
    """
    given: str | None = text
    while True:
        try:
            # a pipe may fill, so communicate() reads it
            output, errors = process.communicate(given, timeout=min(TURN, deadline.remaining))
        except subprocess.TimeoutExpired:
            given = None  # it is taken once
            if not cancellation.cancelled and not deadline.passed:
                continue
            process.kill()
            output, errors = process.communicate()
        return output or "", errors or ""
