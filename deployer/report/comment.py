"""The pull request comment, cut to what GitHub takes."""

from __future__ import annotations

from dataclasses import replace

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
        body = render("comment", outcome, summary_url=summary_url, story=outcome, **cut)
        if length(body) <= limit:
            return body
    return _fewer_rows(outcome, summary_url, limit)


def length(text: str) -> int:
    """Characters as UTF-16 counts them: an emoji is two."""
    return len(text.encode("utf-16-le")) // 2


def _fewer_rows(outcome: Outcome, summary_url: str | None, limit: int) -> str:
    """Only as many flows as fit, the failed ones before all others."""
    worst = sorted(outcome.flows, key=lambda flow: flow.failure is None)
    kept = len(worst)
    while True:
        kept = kept * 3 // 4
        hidden = len(worst) - kept
        note = f"{hidden} more flows are in the job's summary."
        fewer = replace(outcome, flows=tuple(worst[:kept]), warnings=(*outcome.warnings[:5], note))
        body = render("comment", fewer, summary_url=summary_url, story=outcome, **CUTS[-1])
        if length(body) <= limit or kept == 0:
            return body[:limit]
