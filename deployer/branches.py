"""Branch patterns as GitHub's branch filters spell them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

PIECES = re.compile(r"(\*\*|\*|\?|\+|\[[^\]]*\]|\\.|[^*?+\[\\]+|.)")

QUEUE = "gh-readonly-queue/"
"""How the names of a merge queue's temporary branches begin (Managing a merge queue: GitHub's documentation)."""


@dataclass(frozen=True, kw_only=True)
class DeployBranches:
    """The branches whose code may go to production: those of the input `deploy-branches`, else the default branch."""

    patterns: tuple[str, ...] = ()
    """As GitHub's branch filters spell them; empty: `default`."""
    default: str | None = None
    """The repository's default branch; None where the event does not name it."""

    def __contains__(self, branch: str) -> bool:
        """Whether a branch is one of them; a branch of a merge queue is none, since it is not merged yet."""
        if branch.startswith(QUEUE):
            return False
        return matches(branch, self.patterns) if self.patterns else branch == self.default

    @property
    def known(self) -> bool:
        """Whether it is known which branches they are."""
        return bool(self.patterns) or self.default is not None

    @property
    def prefixes(self) -> tuple[str, ...]:
        """How their names begin."""
        found = {_prefix(one) for one in self.patterns if not one.startswith("!")}
        return tuple(sorted(found)) or (self.default or "",)

    def __str__(self) -> str:
        """`main`, `release/**`, in backquotes."""
        return ", ".join(f"`{one}`" for one in self.patterns or (self.default or "",))


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


def _prefix(pattern: str) -> str:
    """What every branch of a pattern begins with: all before the first special character, less what `?` or `+`
    repeats."""
    literal = re.match(r"[^*?+\[\\]*", pattern)
    assert literal is not None
    following = pattern[literal.end() : literal.end() + 1]
    return literal[0][:-1] if following and following in "?+" else literal[0]


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
