"""Secrets as files."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write_secret(path: Path, text: str) -> None:
    """Write a file that only its owner can read, from its first byte on.

    What reads it at the same time reads the old text or the new one whole, never a part.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
