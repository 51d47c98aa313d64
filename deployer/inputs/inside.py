"""The one rule for paths in inputs: what they lead to lies in the checkout, symbolic links followed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deployer.inputs.mistake import shown
from deployer.inputs.model import input_failure
from deployer.outcome import Failure


def is_inside(path: Path, workspace: Path) -> bool:
    """Whether a path stays below the checkout; one that cannot be followed (a loop of links) does not.

    Args:
        path: absolute, or relative to the current folder; what it names need not exist.
        workspace: the folder of the checkout.
    """
    try:
        return path.resolve().is_relative_to(workspace.resolve())
    except (OSError, ValueError, RuntimeError):  # a name too long, a NUL, or a loop of links
        return False


def named_files(values: Any, folder: Path, workspace: Path) -> tuple[Path, ...]:
    """The files of the checkout that a value of `parameters` may be the path of, as an IncludeFile's is.

    Which of them is one, only the flow tells; it has to be known before the flow is opened.

    Args:
        values: texts, mappings and lists of them; anything else is no path.
        folder: where relative paths start.
        workspace: the folder of the checkout; what leads out of it is left to the check of the Parameter's type.
    """
    if isinstance(values, Mapping | list | tuple):
        inner = values.values() if isinstance(values, Mapping) else values
        return tuple(path for value in inner for path in named_files(value, folder, workspace))
    if not isinstance(values, str) or not values:
        return ()
    path = folder / values
    try:
        return (path,) if is_inside(path, workspace) and path.is_file() else ()
    except (OSError, ValueError):  # too long for a path, or a NUL
        return ()


def outside(name: str, path: str) -> Failure:
    """The failure of an input whose path leads out of the checkout.

    Args:
        name: the input.
        path: as it was written.
    """
    advice = "Give a path that stays inside it, symbolic links followed."
    if path.startswith("/"):
        advice = "Give a path relative to the repository's root: a container sees the checkout under another path."
    return input_failure(name, f"is {shown(path)}, which leads out of the checkout", advice)
