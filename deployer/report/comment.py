"""The pull request comment, cut to what GitHub takes."""

from __future__ import annotations

from dataclasses import replace

from deployer.outcome import Outcome, Status
from deployer.report.markdown import cut, units
from deployer.report.render import Detail, render

COMMENT_LIMIT = 65_536
"""GitHub: "body is too long (maximum is 65536 characters)"."""
HEADER_ROOM = 2_000
"""What is kept free for the hidden header, and for folding the comment when a newer one takes its place."""
MOST_DETAILED = 6
"""Flows, above which those that are well have no details of their own: a page of folded lines tells nothing."""

# From everything to the least that still tells what failed; the first that fits is taken.
LESS = (
    Detail(),
    Detail(cut=True, logs=False),
    Detail(cut=True, logs=False, well=False),
    Detail(cut=True, logs=False, well=False, graphs=False),
    Detail(cut=True, logs=False, well=False, graphs=False, failed=False, excerpt=6, rows=30),
    Detail(cut=True, logs=False, well=False, graphs=False, failed=False, excerpt=0, rows=10),
)


def comment_body(outcome: Outcome, *, summary_url: str | None, limit: int = COMMENT_LIMIT - HEADER_ROOM) -> str:
    """The comment's Markdown, without the hidden header.

    Args:
        outcome: what it tells.
        summary_url: where the whole of it is, should it have to be cut.
        limit: characters, an emoji being two.
    """
    for detail in LESS:
        shown = replace(detail, well=detail.well and len(outcome.flows) <= MOST_DETAILED)
        body = render("comment", outcome, detail=shown, summary_url=summary_url)
        if units(body) <= limit:
            return body
    return _fewer_rows(outcome, summary_url, limit)


def _fewer_rows(outcome: Outcome, summary_url: str | None, limit: int) -> str:
    """Only as many flows as fit, the failed ones before all others; at last the lines that fit."""
    worst = sorted(outcome.flows, key=lambda flow: flow.status is Status.SUCCESS)
    kept = len(worst)
    body = render("comment", outcome, detail=LESS[-1], summary_url=summary_url)
    while kept:
        kept = kept * 3 // 4
        note = f"{len(worst) - kept} more flows are in the job's summary."
        fewer = replace(outcome, flows=tuple(worst[:kept]), warnings=(note, *outcome.warnings[:5]))
        body = render("comment", fewer, detail=LESS[-1], summary_url=summary_url, story=outcome)
        if units(body) <= limit:
            return body
    return cut(body, limit)
