"""The job summary: the comment unfolded, with more."""

from __future__ import annotations

from deployer.outcome import Outcome
from deployer.report.render import render

SUMMARY_LIMIT = 1024 * 1024
"""Bytes of a step's summary (GitHub: Workflow commands, "Step isolation and limits")."""
CUTS: tuple[dict[str, object], ...] = (
    {"graphs": True, "evidence_lines": 200},
    {"graphs": False, "evidence_lines": 25},
    {"graphs": False, "evidence_lines": 0},
)


def summary(outcome: Outcome) -> str:
    """The summary's Markdown; more than GitHub takes is cut, since it would drop all of it."""
    for cut in CUTS:
        body = render("summary", outcome, **cut)
        if len(body.encode()) < SUMMARY_LIMIT:
            return body
    return body.encode()[: SUMMARY_LIMIT - 1].decode(errors="ignore").rsplit("\n", 1)[0] + "\n"
