"""Outcome -> Markdown, over the templates of this room; what is not marked as Markdown is escaped."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from deployer.outcome import FlowOutcome, Outcome, Status
from deployer.report import cells, inventory
from deployer.report.advice import advice_for
from deployer.report.headline import CHECK_SYMBOLS, SYMBOLS, headline
from deployer.report.markdown import Markdown, code, fence, html_code, link, plain, prose
from deployer.report.words import count, orchestrator

if TYPE_CHECKING:
    from jinja2 import Environment

WORST_FIRST = (Status.FAILURE, Status.CANCELLED, Status.PENDING, Status.SKIPPED, Status.SUCCESS)
MOST_ROWS = 12
"""Rows of the table that stand open; of more flows, those that are well are folded."""


@dataclass(frozen=True, kw_only=True)
class Detail:
    """How much is told; what is left out first is of the least value."""

    logs: bool = True
    """The whole evidence, folded, below its excerpt."""
    well: bool = True
    """The details of flows that are well."""
    graphs: bool = True
    excerpt: int = 16
    """Lines of evidence that stand open."""
    failed: bool = True
    """The details of flows that are not well."""
    rows: int = 100
    """Deployments that are listed."""
    cut: bool = False
    """Whether something was left out, which is then said."""


def render(
    template: str,
    outcome: Outcome,
    *,
    detail: Detail,
    summary_url: str | None = None,
    story: Outcome | None = None,
) -> str:
    """Render one of the templates.

    Args:
        template: its name, without `.md.j2`.
        outcome: what it tells.
        detail: how much of it.
        summary_url: where the whole of it is.
        story: what the heading tells, where `outcome` is only a part of it.
    """
    flows = sorted(outcome.flows, key=lambda flow: WORST_FIRST.index(flow.status))
    text = (
        _environment()
        .get_template(f"{template}.md.j2")
        .render(
            outcome=outcome,
            flows=flows,
            open_rows=_open_rows(flows),
            detail=detail,
            summary_url=summary_url,
            story=story or outcome,
        )
    )
    return _squeezed(text)


def _open_rows(flows: list[FlowOutcome]) -> int:
    """How many rows of the table stand open: all of a few flows, of many those that are not well."""
    if len(flows) <= MOST_ROWS:
        return len(flows)
    return sum(flow.status is not Status.SUCCESS for flow in flows)


@cache
def _environment() -> Environment:
    """The templates, compiled once; nothing in it changes afterwards."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=plain,
        autoescape=False,  # noqa: S701  # `finalize` escapes: this is Markdown, where HTML's escaping is not enough
    )
    ours = (advice_for, code, count, fence, headline, html_code, link, orchestrator, plain, prose)
    environment.globals.update({function.__name__: function for function in (*ours, *cells.ALL, *inventory.ALL)})
    environment.globals.update(Markdown=Markdown, symbols=SYMBOLS, check_symbols=CHECK_SYMBOLS)
    return environment


def _squeezed(text: str) -> str:
    """At most one empty line in a row, outside fenced blocks."""
    kept: list[str] = []
    closing: str | None = None
    for line in text.strip().splitlines():
        if closing is None and line.startswith("```"):
            closing = line[: len(line) - len(line.lstrip("`"))]
        elif closing is not None and line == closing:
            closing = None
        if line.strip() or closing is not None or (kept and kept[-1].strip()):
            kept.append(line.rstrip() if closing is None else line)
    return "\n".join(kept) + "\n"
