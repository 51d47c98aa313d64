"""Text as logs and reports show it: without control characters, and cut with a mark."""

from __future__ import annotations

import html
import re

CUT = "…"
"""Stands where a text was cut; what is masked knows it."""
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
ESCAPE_SEQUENCE = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")


def without_control_characters(line: str) -> str:
    """A line without escape sequences of terminals and without control characters, tabs excepted."""
    return CONTROL.sub("", ESCAPE_SEQUENCE.sub("", line))


def shortened(text: str, most: int) -> str:
    """A text within a number of characters, a mark behind it where it was cut."""
    return text if len(text) <= most else f"{text[:most]} {CUT}"


def read_markdown(line: str) -> str:
    """A line of Markdown as GitHub shows it, as far as escapes go: backslashes, entities, separators of no width."""
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", html.unescape(line).replace("\u200b", ""))
