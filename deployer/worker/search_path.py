"""The import path of a flow's process, and whether extensions of Metaflow lie on it."""

from __future__ import annotations

import importlib.machinery
import os
from collections.abc import Iterable, Mapping

EXTENSIONS = "metaflow_extensions"
"""The namespace package that Metaflow looks for when it is imported (metaflow.extension_support.EXT_PKG)."""


def pythonpath(environment: Mapping[str, str], folder: str) -> list[str]:
    """The entries of PYTHONPATH, absolute, as Python puts them first on its import path when it starts.

    Args:
        environment: whose PYTHONPATH it is.
        folder: the absolute folder that relative entries start from.
    """
    entries = environment.get("PYTHONPATH", "")
    return [os.path.normpath(os.path.join(folder, one)) for one in entries.split(os.pathsep)] if entries else []  # noqa: PTH118


def of_flow(environment: Mapping[str, str], folder: str, flow_file: str) -> list[str]:
    """What comes first on the import path of `python flow.py`: the flow file's folder, then PYTHONPATH.

    Args:
        environment: the command's.
        folder: the absolute folder that it runs in.
        flow_file: the flow file, absolute or relative to that folder.
    """
    file = os.path.realpath(os.path.join(folder, flow_file))  # noqa: PTH118
    return [os.path.dirname(file), *pythonpath(environment, folder)]  # noqa: PTH120


def hold_extensions(entries: Iterable[str]) -> bool:
    """Whether extensions of Metaflow can be imported from one of these entries of an import path."""
    return importlib.machinery.PathFinder.find_spec(EXTENSIONS, list(entries)) is not None
