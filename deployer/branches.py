"""Branch patterns as GitHub's branch filters spell them."""

from __future__ import annotations

import re
from collections.abc import Sequence

PIECES = re.compile(r"(\*\*|\*|\?|\+|\[[^\]]*\]|\\.|[^*?+\[\\]+|.)")


def matches(branch: str, patterns: Sequence[str]) -> bool:
    """Whether a branch is one of the patterns; a later pattern with `!` takes a branch out again.

    `*` stands for anything but a slash, `**` for anything, `?` and `+` repeat what stands before them, `[…]` is a set
    of characters (GitHub's filter pattern cheat sheet).
    """
    matched = False
    for pattern in patterns:
        if re.fullmatch(_expression(pattern.removeprefix("!")), branch):
            matched = not pattern.startswith("!")
    return matched


def _expression(pattern: str) -> str:
    found = ""
    for piece in PIECES.findall(pattern):
        if piece == "**":
            found += ".*"
        elif piece == "*":
            found += "[^/]*"
        elif piece in "?+" or re.fullmatch(r"\[[^\[\]\\^]+\]", piece):
            found += piece if found or piece not in "?+" else re.escape(piece)
        else:
            found += re.escape(piece.removeprefix("\\") if len(piece) > 1 else piece)
    return found
