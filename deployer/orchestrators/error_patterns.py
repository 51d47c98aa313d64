"""Errors by their text: a pattern, and the failure that it means."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from deployer.outcome import Failure, FailureReason

MOST_GROUPS = 4


@dataclass(frozen=True)
class ErrorPattern:
    """A text of Metaflow's, or of a client below it, and what it means.

    The pattern is searched in one line, without the asterisks that Metaflow emphasizes with (see `folded`). Its groups
    fill the message and the advice (`{0}`, `{1}`, …); a group that is not there fills in nothing.
    """

    pattern: str
    reason: FailureReason
    message: str
    advice: str
    input: str | None = None


def folded(text: str) -> str:
    """A text as patterns are searched in it: on one line, Metaflow's emphasis (`*name*`) taken off."""
    return re.sub(r"\s+", " ", re.sub(r"\*([^*\n]+)\*", r"\1", text)).strip()


def first_match(patterns: Iterable[ErrorPattern], text: str) -> Failure | None:
    """The failure of the first pattern that is found in a folded text; without evidence."""
    for one in patterns:
        found = re.search(one.pattern, text, re.IGNORECASE)
        if found:
            groups = [group or "" for group in found.groups()] + [""] * MOST_GROUPS
            return Failure(
                reason=one.reason,
                message=one.message.format(*groups),
                advice=one.advice.format(*groups),
                input=one.input,
            )
    return None
