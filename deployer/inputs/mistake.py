"""What is raised for a wrong value, and how messages repeat it."""

from __future__ import annotations

LONGEST_SHOWN = 60
"""Characters of a wrong value that a message repeats: what was pasted into the wrong input may be a whole file."""


class Mistake(ValueError):
    """One mistake: what is wrong with the value, and what to write instead."""

    def __init__(self, wrong: str, advice: str) -> None:
        super().__init__(wrong)
        self.advice = advice


def shown(text: str) -> str:
    """A value as messages repeat it: quoted, on one line, cut."""
    return repr(text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…")
