"""Outcome -> Markdown, over the templates of this room; what is not marked as Markdown is escaped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from deployer.outcome import Failure, FlowOutcome, Outcome, Status
from deployer.report.advice import ADVICE
from deployer.report.headline import SYMBOLS, headline
from deployer.report.markdown import Markdown, code, fence, html_code, link, plain, prose
from deployer.report.mermaid import flowchart
from deployer.report.words import count, duration, moment, orchestrator, schedule, shortened, zone

LONGEST_LINE = 1000
WORST_FIRST = (Status.FAILURE, Status.CANCELLED, Status.PENDING, Status.SKIPPED, Status.SUCCESS)


def render(template: str, outcome: Outcome, **options: Any) -> str:
    """Render one of the templates.

    Args:
        template: its name, without `.md.j2`.
        outcome: what it tells.
        options: what else the template takes.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(  # escaped by `finalize`: this is Markdown, where HTML's escaping is not enough
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=plain,
        autoescape=False,  # noqa: S701
    )
    environment.globals.update(
        {
            function.__name__: function
            for function in (code, count, duration, fence, headline, html_code, link, plain, prose, shortened)
        }
    )
    environment.globals.update(
        Markdown=Markdown,
        advice=ADVICE,
        chart=_chart,
        deployment_cell=_deployment_cell,
        evidence=_evidence,
        flow_cell=_flow_cell,
        footer=_footer,
        next_run=next_run,
        orchestrator=orchestrator,
        place=_place,
        run_cell=_run_cell,
        symbols=SYMBOLS,
        where=_where,
    )
    flows = sorted(outcome.flows, key=lambda flow: WORST_FIRST.index(flow.status))
    text = environment.get_template(f"{template}.md.j2").render(outcome=outcome, flows=flows, **options)
    return _squeezed(text)


def next_run(flow: FlowOutcome) -> Markdown:
    """What will start the next run."""
    deployment = flow.deployment
    if deployment is None:
        return Markdown("–")
    parts = []
    if deployment.schedule:
        words = schedule(deployment.schedule, deployment.timezone)
        parts.append(
            plain(words) if words else Markdown(f"{code(deployment.schedule)} {plain(zone(deployment.timezone))}")
        )
    parts += [plain(trigger) for trigger in deployment.triggers]
    return Markdown("; ".join(parts) or "when triggered by hand")


def _flow_cell(flow: FlowOutcome, outcome: Outcome) -> Markdown:
    url = outcome.context.file_url(flow.flow) if outcome.context is not None and flow.flow.endswith(".py") else None
    return link(code(flow.name), url)


def _deployment_cell(flow: FlowOutcome) -> Markdown:
    if flow.deployment is None:
        return Markdown("–")
    return link(code(flow.deployment.id), flow.deployment.url)


def _run_cell(flow: FlowOutcome) -> Markdown:
    run = flow.run
    if run is None:
        return Markdown("–")
    took = ""
    if run.duration is not None and run.status.is_terminal:
        took = f" {'in' if run.status == 'succeeded' else 'after'} {duration(run.duration)}"
    note = f", {plain(run.note)}" if run.note and not run.status.is_terminal else ""
    return Markdown(f"{link(code(shortened(run.id)), run.url)} {run.status}{took}{note}")


def _place(flow: FlowOutcome) -> Markdown:
    """Where it stands: the namespace or the region beside the orchestrator."""
    deployment = flow.deployment
    parts = [plain(orchestrator(flow.orchestrator))]
    if deployment is not None and deployment.namespace:
        parts.append(Markdown(f"namespace {html_code(deployment.namespace)}"))
    if deployment is not None and deployment.region:
        parts.append(plain(deployment.region))
    return Markdown(" · ".join(parts))


def _where(failure: Failure, outcome: Outcome) -> Markdown:
    """The place of a failure in the code, as a link."""
    if failure.path is None:
        return Markdown("")
    label = plain(failure.path if failure.line is None else f"{failure.path} line {failure.line}")
    return link(label, outcome.context.file_url(failure.path, failure.line) if outcome.context is not None else None)


def _evidence(text: str, most: int) -> Markdown:
    """The end of a log, its lines cut to what a page can show."""
    lines = [line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]} …" for line in text.rstrip().splitlines()]
    return fence("\n".join(lines[-most:])) if lines and most else Markdown("")


def _chart(flow: FlowOutcome) -> Markdown:
    assert flow.description is not None
    return fence(flowchart(flow.description, flow.run), "mermaid")


def _footer(outcome: Outcome) -> Markdown:
    context, parts = outcome.context, []
    if context is None:
        return Markdown("")
    if context.commit:
        parts.append(link(code(context.commit[:7]), context.commit_url))
    if context.actor:
        parts.append(Markdown(f"by {code(context.actor)}"))
    seconds = sum(flow.seconds or 0.0 for flow in outcome.flows)
    if outcome.flows:
        parts.append(Markdown(f"{count(len(outcome.flows), 'flow')} in {duration(seconds)}"))
    if context.run_id:
        parts.append(link(Markdown("job"), context.run_url))
    if outcome.finished_at is not None:
        parts.append(Markdown(f"updated {moment(outcome.finished_at)}"))
    return Markdown(" · ".join(parts))


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
