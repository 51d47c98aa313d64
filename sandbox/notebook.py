"""What a notebook is told of a run, by Metaflow's own client in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def ask(expression: str, environment: Mapping[str, str], home: Path) -> Any:
    """Evaluate an expression in a Python that has `from metaflow import *`, in no namespace.

    Args:
        expression: its value has to be one that JSON knows.
        environment: what tells Metaflow where metadata and artifacts are.
        home: a folder for METAFLOW_HOME.

    Raises:
        subprocess.CalledProcessError: the expression raised; its traceback is in `stderr`.
    """
    code = f"import json; from metaflow import *; namespace(None); print(json.dumps({expression}))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment, "METAFLOW_USER": "notebook", "METAFLOW_HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def is_successful(pathspec: str, environment: Mapping[str, str], home: Path) -> bool:
    """What a notebook is told of a run by `Run.successful`; for the arguments see `ask`."""
    return bool(ask(f"Run({pathspec!r}).successful", environment, home))
