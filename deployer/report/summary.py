"""The job summary: the comment unfolded, with more."""

from __future__ import annotations

from deployer.outcome import Outcome
from deployer.report.markdown import cut
from deployer.report.render import Detail, render

SUMMARY_LIMIT = 1024 * 1024
"""Bytes of a step's summary; of a larger one GitHub shows nothing (Workflow commands, adding a job summary)."""
MOST_BYTES = 3
"""Bytes of UTF-8 that a UTF-16 unit can take."""
LESS = (
    Detail(excerpt=60, rows=2000),
    Detail(cut=True, excerpt=60, rows=1000, graphs=False),
    Detail(cut=True, excerpt=25, rows=500, graphs=False, logs=False),
    Detail(cut=True, excerpt=6, graphs=False, logs=False, well=False),
)


def summary(outcome: Outcome, *, limit: int = SUMMARY_LIMIT) -> str:
    """The summary's Markdown, within `limit` bytes."""
    body = ""
    for detail in LESS:
        body = render("summary", outcome, detail=detail)
        if len(body.encode()) < limit:
            return body
    return cut(body, limit // MOST_BYTES)
