"""The one rule for paths in inputs: what they lead to lies in the checkout, symbolic links followed."""

from __future__ import annotations

from pathlib import Path

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
