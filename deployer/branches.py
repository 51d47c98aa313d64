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


def wrong_pattern(pattern: str) -> tuple[str, str] | None:
    """What is wrong with a pattern, and what to write instead; None if it is well."""
    if re.search(r"\s", pattern):
        return "which has a space, as no branch has", "Write one pattern a line."
    named = re.fullmatch(r"!?refs/(?:heads|tags)/(.+)", pattern)
    if named is not None:
        sign = "!" if pattern.startswith("!") else ""
        return "which starts with `refs/`", f"Write the branch alone: `{sign}{named[1]}`."
    try:
        re.compile(_expression(pattern.removeprefix("!")))
    except re.error as error:
        return f"which cannot be read ({error.msg})", "Write it as GitHub's branch filters do: `main`, `release/**`."
    return None if pattern != "!" else ("which takes out nothing", "Write a branch behind the `!`.")


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
