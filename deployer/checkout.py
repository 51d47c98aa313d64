"""Which commit lies in the workspace, from git's own files: the image has no git, which distrusts such a folder too."""

from __future__ import annotations

import re
from pathlib import Path

COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def checked_out_commit(workspace: Path) -> str | None:
    """The commit that HEAD names.

    A step with actions/checkout can take another commit than the event's (`ref`), and what is deployed is what lies
    there.

    Args:
        workspace: the checkout.

    Returns:
        The full SHA; None where there is no repository, no commit yet, or one laid out in a way that only git reads.
    """
    git = workspace / ".git"
    head = _read(git / "HEAD")
    if not head.startswith("ref: "):
        return head if COMMIT.fullmatch(head) else None
    ref = head.removeprefix("ref: ").strip()
    if not re.fullmatch(r"refs/[^\s\\]+", ref) or ".." in ref:
        return None
    commit = _read(git / ref)
    if COMMIT.fullmatch(commit):
        return commit
    packed = re.search(rf"^([0-9a-f]+) {re.escape(ref)}$", _read(git / "packed-refs"), flags=re.MULTILINE)
    return packed[1] if packed is not None and COMMIT.fullmatch(packed[1]) else None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError):  # no such file, or none of text: there is nothing to be known
        return ""
