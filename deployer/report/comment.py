"""The pull request comment, cut to what GitHub takes."""

from __future__ import annotations

from deployer.outcome import Outcome
from deployer.report.render import render

COMMENT_LIMIT = 65_536
"""Characters of a comment's body (GitHub: "body is too long (maximum is 65536 characters)")."""
HEADER_ROOM = 2_000
"""What is kept free for the hidden header and for folding the comment later."""

# From everything to the least that still tells what failed; the first that fits is taken.
CUTS: tuple[dict[str, object], ...] = (
    {"graphs": True, "details": True, "evidence_lines": 25, "cut": False},
    {"graphs": False, "details": True, "evidence_lines": 25, "cut": True},
    {"graphs": False, "details": False, "evidence_lines": 25, "cut": True},
    {"graphs": False, "details": False, "evidence_lines": 6, "cut": True},
    {"graphs": False, "details": False, "evidence_lines": 0, "cut": True},
)


def comment_body(outcome: Outcome, *, summary_url: str | None, limit: int = COMMENT_LIMIT - HEADER_ROOM) -> str:
    """The comment's Markdown, without the hidden header.

    Args:
        outcome: what it tells.
        summary_url: where the whole of it is, should it have to be cut.
        limit: characters, counted as UTF-16 does, which no way of counting exceeds but bytes.
    """
    for cut in CUTS:
        body = render("comment", outcome, summary_url=summary_url, **cut)
        if length(body) <= limit:
            return body
    return _rows_only(body, limit)


def length(text: str) -> int:
    """Characters as UTF-16 counts them: an emoji is two."""
    return len(text.encode("utf-16-le")) // 2


def _rows_only(body: str, limit: int) -> str:
    """Whole lines from the top, the worst flows first, as many as fit; the last line is the footer."""
    *lines, footer = body.rstrip("\n").split("\n")
    note = "<sub>… and more: the job's summary has all of it.</sub>"
    kept: list[str] = []
    room = limit - length(footer) - length(note) - 6
    for line in lines:
        room -= length(line) + 1
        if room < 0:
            break
        kept.append(line)
    return "\n".join([*kept, "", note, "", footer]) + "\n"
