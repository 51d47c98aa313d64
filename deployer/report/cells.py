"""What the templates put into cells and lines: each a function of the outcome that returns Markdown."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence

from deployer.outcome import (
    ConfigUse,
    Deployment,
    Failure,
    FailureReason,
    FlowOutcome,
    Outcome,
    Standing,
    Status,
    TaskFailure,
)
from deployer.report.markdown import Markdown, code, fence, html_code, html_text, link, plain, prose
from deployer.report.mermaid import flowchart
from deployer.report.words import count, duration, listed, moment, orchestrator, schedule, shortened, zone

NOTHING = Markdown("–")
LONGEST_LINE = 500
"""Characters of a line of evidence that are shown."""
MOST_NAMES = 3
LONGEST_TASK_ID, SHORT_TASK_ID = 12, 8
"""Characters; a task's id is a number, or where an orchestrator gives it a UUID or the like."""
# What fails after the deployment stands: the deployment is this job's own.
AFTERWARDS = frozenset(
    {
        FailureReason.TRIGGER,
        FailureReason.START_TIMEOUT,
        FailureReason.RUN_FAILED,
        FailureReason.RUN_TIMEOUT,
        FailureReason.HALF_DEPLOYED,
        FailureReason.CANCELLED,
    }
)


def flow_cell(flow: FlowOutcome, outcome: Outcome) -> Markdown:
    """The flow's name, as a link to its file at this commit."""
    url = outcome.context.file_url(flow.flow) if outcome.context is not None and flow.flow.endswith(".py") else None
    return link(code(flow.name), url)


def deployment_cell(flow: FlowOutcome, outcome: Outcome) -> Markdown:
    """The deployment identifier; below it where it is, and of which commit."""
    where = [plain(orchestrator(flow.orchestrator))]
    commit = _deployed_commit(flow, outcome)
    if commit is not None:
        where.append(commit_link(commit, outcome))
    if flow.standing is Standing.AS_BEFORE and flow.deployment is not None:
        where.append(Markdown("as before"))
    first = link(code(flow.deployment.id), flow.deployment.url) if flow.deployment is not None else NOTHING
    return Markdown(f"{first}<br>{' · '.join(where)}")


def run_cell(flow: FlowOutcome) -> Markdown:
    """The run's id, as a link; below it its state, and how long it took."""
    run = flow.run
    if run is None:
        return NOTHING
    took = ""
    if run.duration is not None and run.status.is_terminal:
        took = f" {'in' if run.status == 'succeeded' else 'after'} {duration(run.duration)}"
    note = f", {plain(run.note)}" if run.note and not run.note.startswith(str(run.status)) else ""
    if run.note and f"left {run.status}" in run.note:  # `left running after 60m` says the state itself
        return Markdown(f"{link(code(shortened(run.id)), run.url)}<br>{plain(run.note)}")
    return Markdown(f"{link(code(shortened(run.id)), run.url)}<br>{run.status}{took}{note}")


def next_cell(flow: FlowOutcome) -> Markdown:
    """What will start the next run; why there is none of a flow that was skipped."""
    if flow.status is Status.SKIPPED:
        return prose(flow.warnings[0].rstrip(".")) if flow.warnings else Markdown("not deployed")
    deployment = flow.deployment
    if deployment is None:
        return NOTHING
    parts = []
    if deployment.schedule:
        parts.append(_schedule(deployment))
    parts += [prose(trigger) for trigger in deployment.triggers]
    return Markdown("; ".join(parts) or "when triggered by hand")


def place(flow: FlowOutcome, *, in_html: bool) -> Markdown:
    """Where it stands: the namespace or the region beside the orchestrator.

    Args:
        flow: what stands.
        in_html: whether it goes where only HTML is read (a `<summary>`).
    """
    text, name = (html_text, html_code) if in_html else (plain, code)
    deployment = flow.deployment
    parts = [text(orchestrator(flow.orchestrator))]
    if deployment is not None and deployment.namespace:
        parts.append(Markdown(f"namespace {name(deployment.namespace)}"))
    if deployment is not None and deployment.region:
        parts.append(text(deployment.region))
    return Markdown(" · ".join(parts))


def size(flow: FlowOutcome) -> Markdown:
    """` · 4 steps, 7 tasks`."""
    if flow.description is None or not flow.description.steps:
        return Markdown("")
    tasks = sum(number for _, number in flow.run.step_tasks.values()) if flow.run is not None else 0
    return Markdown(f" · {count(len(flow.description.steps), 'step')}" + (f", {count(tasks, 'task')}" if tasks else ""))


def failures(flows: Sequence[FlowOutcome]) -> list[tuple[Failure, list[FlowOutcome]]]:
    """The flows' failures, each told once, with the flows that it is of."""
    of: dict[Failure, list[FlowOutcome]] = {}
    for flow in flows:
        if flow.failure is not None:
            of.setdefault(flow.failure, []).append(flow)
    return list(of.items())


def failure_title(failure: Failure, flows: Sequence[FlowOutcome], outcome: Outcome, *, named: bool = True) -> Markdown:
    """Whose failure, the cause in bold, the place in the code as a link, the task.

    Args:
        failure: what is told.
        flows: those that it is of; none for a failure of the job itself.
        outcome: the whole job.
        named: whether to say whose it is, where there are several flows.
    """
    task = _task(flows)
    if failure.reason is not FailureReason.RUN_FAILED or task is None or not task.exception:
        task = None
    cause = Markdown(f"**{code(task.exception) if task is not None else prose(failure.message)}**")
    parts = [Markdown(f"{_names(flows)}: {cause}") if flows and named and len(outcome.flows) > 1 else cause]
    if failure.path is not None:
        label = plain(failure.path if failure.line is None else f"{failure.path} line {failure.line}")
        context = outcome.context
        parts.append(link(label, context.file_url(failure.path, failure.line) if context is not None else None))
    if task is not None:
        parts.append(Markdown(f"task {code(_task_name(task, short=True))}"))
    return Markdown(" · ".join(parts))


def evidence_lines(failure: Failure) -> list[str]:
    """The evidence, its lines cut to what a page can show."""
    lines = failure.evidence.strip("\n").rstrip().splitlines()
    return [line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]} …" for line in lines]


def excerpt(failure: Failure, most: int) -> Markdown:
    """The lines that matter: from the user's own line in a traceback, else the last ones."""
    lines = evidence_lines(failure)
    if not lines or most <= 0:
        return Markdown("")
    start = _own_frame(lines, failure)
    shown = lines[start:]
    if start and failure.path is not None:
        # where the task had the file tells nothing; where the repository has it does
        shown[0] = re.sub(r'(?<=File ")[^"]+', lambda _: str(failure.path), shown[0], count=1)
    if len(shown) > most:
        head = min(2, most // 4)
        shown = [*shown[:head], *(["…"] if head else []), *shown[len(shown) - (most - head) :]]
    return fence("\n".join(shown))


def log(failure: Failure, most: int) -> Markdown:
    """The whole evidence; nothing where the excerpt shows it already."""
    lines = evidence_lines(failure)
    if len(lines) <= most and _own_frame(lines, failure) == 0:
        return Markdown("")
    return fence("\n".join(lines))


def log_title(failure: Failure, flows: Sequence[FlowOutcome]) -> Markdown:
    """`Log of train/3, last 40 lines`, for a `<summary>`."""
    task = _task(flows)
    whose = f" of {html_code(_task_name(task))}" if task is not None else ""
    return Markdown(f"Log{whose}, last {count(len(evidence_lines(failure)), 'line')}")


def is_as_before(flow: FlowOutcome) -> bool:
    """Whether what stands is not of this job: its deployment failed, or was put back, or it only triggers."""
    if flow.standing is not None:
        return flow.standing is not Standing.DEPLOYED and flow.standing is not Standing.HALF_DEPLOYED
    return flow.operation == "trigger" or (flow.failure is not None and flow.failure.reason not in AFTERWARDS)


def still_deployed(flows: Sequence[FlowOutcome], outcome: Outcome) -> Markdown:
    """What failed deployments left as it was."""
    told = []
    for flow in flows:
        if flow.deployment is None or flow.operation == "trigger" or not is_as_before(flow):
            continue
        of = flow.deployment.provenance.commit if flow.deployment.provenance is not None else None
        name = link(code(flow.deployment.id), flow.deployment.url)
        told.append(f"{name} of {commit_link(of, outcome)}" if of else name)
    return Markdown(f"**Still deployed, as before:** {', '.join(told)}") if told else Markdown("")


def chart(flow: FlowOutcome) -> Markdown:
    """The steps as a Mermaid block."""
    source = flowchart(flow.description, flow.run) if flow.description is not None else ""
    return fence(source, "mermaid") if source else Markdown("")


def commit_link(commit: str, outcome: Outcome) -> Markdown:
    """A commit, shortened, as a link."""
    context = outcome.context
    url = f"{context.server_url}/{context.repository}/commit/{commit}" if context is not None else None
    return link(code(commit[:7]), url)


def rows(flow: FlowOutcome, outcome: Outcome) -> list[tuple[str, Markdown]]:
    """The details of a flow, by their names."""
    deployment, run = flow.deployment, flow.run
    found: list[tuple[str, Markdown]] = []
    if run is not None and run.parameters:
        pairs = [code(f"{name}={value}") for name, value in run.parameters.items()]
        found.append(("Parameters", Markdown(" · ".join(pairs))))
    if flow.configs:
        found.append(("Configs", Markdown(" · ".join(_config(one, flow) for one in flow.configs))))
    if deployment is not None:
        found += _deployment_rows(flow, deployment)
    if flow.runtime is not None:
        skipped = flow.status is Status.SKIPPED
        tried = flow.operation == "deploy" and (skipped or is_as_before(flow))
        found.append(
            (
                "Tried with" if tried else "Deployed with",
                plain(f"Python {flow.runtime.python}, Metaflow {flow.runtime.metaflow}"),
            )
        )
        found.append(("Tasks run on", _image(flow)))
    if flow.replaced is not None:
        found.append(("Replaced", _replaced(flow.replaced, outcome)))
    if deployment is not None and deployment.metaflow_namespace:
        found.append(("In a notebook", _notebook(flow, deployment, deployment.metaflow_namespace)))
    return found


def warnings(outcome: Outcome, flows: Sequence[FlowOutcome]) -> list[Markdown]:
    """Each warning once, with the flows that it is of."""
    of: dict[str, list[FlowOutcome]] = {}
    for flow in flows:
        for text in flow.warnings if flow.status is not Status.SKIPPED else ():
            of.setdefault(text, []).append(flow)
    told = [prose(text) for text in outcome.warnings]
    for text, concerned in of.items():
        whose = f"{_names(concerned)}: " if len(flows) > 1 else ""
        told.append(Markdown(f"{whose}{prose(text)}"))
    return told


def footer(outcome: Outcome) -> Markdown:
    """Commit, author, time."""
    context, parts = outcome.context, []
    if context is None:
        return Markdown("")
    if context.commit:
        who = f" by {code(context.actor)}" if context.actor else ""
        parts.append(Markdown(f"{commit_link(context.commit, outcome)}{who}"))
    if outcome.flows:
        seconds = sum(flow.seconds or 0.0 for flow in outcome.flows)
        parts.append(Markdown(f"{count(len(outcome.flows), 'flow')} in {duration(seconds)}"))
    if context.run_id:
        parts.append(link(Markdown("job"), context.run_url))
    if outcome.finished_at is not None:
        parts.append(Markdown(f"updated {moment(outcome.finished_at)}"))
    return Markdown(" · ".join(parts))


def _deployed_commit(flow: FlowOutcome, outcome: Outcome) -> str | None:
    """The commit that stands: as the orchestrator has it stamped, else this job's, if this job deployed."""
    if flow.deployment is None:
        return None
    if flow.deployment.provenance is not None:
        return flow.deployment.provenance.commit or None
    return (outcome.context.commit or None) if not is_as_before(flow) and outcome.context is not None else None


def _schedule(deployment: Deployment) -> Markdown:
    assert deployment.schedule is not None
    words = schedule(deployment.schedule, deployment.timezone)
    if words is not None:
        return plain(words)
    return Markdown(f"{code(deployment.schedule)} {plain(zone(deployment.timezone))}")


def _deployment_rows(flow: FlowOutcome, deployment: Deployment) -> list[tuple[str, Markdown]]:
    found: list[tuple[str, Markdown]] = []
    if deployment.project_branch:
        project = f"{code(deployment.project)}, branch " if deployment.project else "branch "
        found.append(("Project", Markdown(f"{project}{code(deployment.project_branch)}{_production(flow)}")))
    if deployment.schedule:
        found.append(("Schedule", Markdown(f"{code(deployment.schedule)} {plain(zone(deployment.timezone))}")))
    if deployment.arn:
        found.append(("ARN", code(deployment.arn)))
    if deployment.owner:
        found.append(("Deployed as", Markdown(f"{code(deployment.owner)} (METAFLOW\\_USER)")))
    return found


def _config(config: ConfigUse, flow: FlowOutcome) -> str:
    """A Config and where its value is from; the value itself may be long, or secret."""
    if config.path is not None:
        return f"{code(config.name)} from {code(config.path)}"
    if config.given:
        return f"{code(config.name)} by the input `config`"
    in_environment = flow.description is not None and flow.description.configs_in_environment
    others = ", unless METAFLOW\\_FLOW\\_CONFIG has it" if in_environment else ""
    return f"{code(config.name)} by default{others}"


def _production(flow: FlowOutcome) -> str:
    if not flow.production:
        return ""
    if flow.production_by_default:
        return " · `--production`, since the code is of a deploy branch and no `project-branch` is given"
    return " · `--production`"


def _image(flow: FlowOutcome) -> Markdown:
    assert flow.runtime is not None
    if flow.runtime.task_image:
        return code(flow.runtime.task_image)
    version = ".".join(flow.runtime.python.split(".")[:2])
    return Markdown(f"{code(f'python:{version}')} where a step names no image")


def _replaced(before: Deployment, outcome: Outcome) -> Markdown:
    if before.provenance is None:
        return Markdown("a deployment that does not say of which commit it is")
    pull = before.provenance.pull_request
    return Markdown(f"{commit_link(before.provenance.commit, outcome)}{f' of pull request {pull}' if pull else ''}")


def _notebook(flow: FlowOutcome, deployment: Deployment, namespace: str) -> Markdown:
    read = f'Run("{flow.run.pathspec}")' if flow.run is not None else f'Flow("{deployment.flow_name}").latest_run'
    return code(f'namespace("{namespace}"); {read}')


def _task(flows: Sequence[FlowOutcome]) -> TaskFailure | None:
    return flows[0].run.failed_task if len(flows) == 1 and flows[0].run is not None else None


def _task_name(task: TaskFailure, *, short: bool = False) -> str:
    if not task.task_id:
        return task.step
    is_long = short and len(task.task_id) > LONGEST_TASK_ID
    return f"{task.step}/{task.task_id[:SHORT_TASK_ID]}…" if is_long else f"{task.step}/{task.task_id}"


def _names(flows: Sequence[FlowOutcome]) -> Markdown:
    shown = flows if len(flows) <= MOST_NAMES + 1 else flows[:MOST_NAMES]
    names: list[str] = [code(flow.name) for flow in shown]
    more = len(flows) - len(names)
    return Markdown(listed([*names, f"{more} more"] if more else names))


def _own_frame(lines: Sequence[str], failure: Failure) -> int:
    """Where the user's own frame stands in a traceback; 0 where it is not to be found."""
    if failure.path is None or failure.line is None:
        return 0
    frame = re.compile(rf'^\s*File "(?:.*/)?{re.escape(posixpath.basename(failure.path))}", line {failure.line}\b')
    return max((number for number, line in enumerate(lines) if frame.match(line)), default=0)


ALL = (
    flow_cell,
    deployment_cell,
    run_cell,
    next_cell,
    place,
    size,
    failures,
    failure_title,
    excerpt,
    log,
    log_title,
    is_as_before,
    still_deployed,
    chart,
    rows,
    warnings,
    footer,
)
