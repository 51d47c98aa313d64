"""The heading: the whole story in a line, since a mail's reader sees little more."""

from __future__ import annotations

from deployer.outcome import FailureReason, FlowOutcome, Outcome, RunStatus, Status
from deployer.report.markdown import Markdown, code, plain, prose
from deployer.report.words import count, orchestrator

SYMBOLS = {
    Status.SUCCESS: "✅",
    Status.FAILURE: "❌",
    Status.CANCELLED: "⏹️",
    Status.PENDING: "🟡",
    Status.SKIPPED: "⏭️",
}


def headline(outcome: Outcome) -> Markdown:
    """What happened, to how many, where; with its symbol."""
    return Markdown(f"{SYMBOLS[outcome.status]} {_story(outcome)}")


def _story(outcome: Outcome) -> str:
    if outcome.skipped is not None:
        return f"Nothing was deployed: {prose(outcome.skipped)}"
    if outcome.failures:
        return _job_failed(outcome)
    if len(outcome.flows) == 1:
        return _one(outcome.flows[0], outcome)
    return _several(outcome)


def _job_failed(outcome: Outcome) -> str:
    failures = outcome.failures
    if all(failure.reason is FailureReason.CANCELLED for failure in failures):
        return "The job was cancelled before anything was deployed"
    if all(failure.reason is FailureReason.INPUT for failure in failures):
        verb = "needs" if len(failures) == 1 else "need"
        return f"Nothing was deployed: {count(len(failures), 'input')} {verb} correction"
    return f"Nothing was deployed: {prose(failures[0].message.rstrip('.'))}"


def _one(flow: FlowOutcome, outcome: Outcome) -> str:
    name = code(flow.name)
    if flow.status is Status.SUCCESS:
        did = "Triggered" if flow.operation == "trigger" else "Deployed"
        return f"{did} {name} {_to(flow, outcome)}{_run_went(flow)}"
    return f"{name} {_trouble(flow)}"


def _several(outcome: Outcome) -> str:
    flows = outcome.flows
    troubled = [flow for flow in flows if flow.status in (Status.FAILURE, Status.CANCELLED)]
    did = "Triggered" if outcome.operation == "trigger" else "Deployed"
    if not troubled:
        return f"{did} {count(len(flows), 'flow')} {_to(flows[0], outcome)}{_runs_went(flows)}"
    if len(troubled) == 1:
        return f"{code(troubled[0].name)} {_trouble(troubled[0])} · {_rest(flows)}"
    return f"{len(troubled)} of {len(flows)} flows failed · {_rest(flows)}"


def _rest(flows: tuple[FlowOutcome, ...]) -> str:
    well = sum(flow.status is Status.SUCCESS for flow in flows)
    held = sum(flow.status is Status.SKIPPED for flow in flows)
    return f"{held} held back" if held else f"{well} of {len(flows)} well"


def _to(flow: FlowOutcome, outcome: Outcome) -> str:
    place = orchestrator(flow.orchestrator)
    environment = outcome.context.environment if outcome.context is not None else None
    preposition = "on" if flow.operation == "trigger" else "to"
    return f"{preposition} {plain(environment)} on {place}" if environment else f"{preposition} {plain(place)}"


def _run_went(flow: FlowOutcome) -> str:
    if flow.run is None:
        return ""
    return {
        RunStatus.SUCCEEDED: "; its run succeeded",
        RunStatus.RUNNING: "; its run has started",
        RunStatus.PENDING: "; its run was triggered",
    }.get(flow.run.status, "")


def _runs_went(flows: tuple[FlowOutcome, ...]) -> str:
    runs = [flow.run for flow in flows if flow.run is not None]
    if not runs:
        return ""
    if all(run.status is RunStatus.SUCCEEDED for run in runs):
        return "; all runs succeeded" if len(runs) > 1 else "; the run succeeded"
    return f"; {count(len(runs), 'run')} triggered"


def _trouble(flow: FlowOutcome) -> str:
    failure = flow.failure
    reason = failure.reason if failure is not None else FailureReason.INTERNAL
    was = "was deployed, but " if flow.operation == "deploy" and flow.run is not None else ""
    if reason is FailureReason.RUN_FAILED and flow.run is not None:
        task = flow.run.failed_task
        fate = "was terminated" if flow.run.status is RunStatus.TERMINATED else "failed"
        return f"{was}{'its run' if was else ': its run'} {fate}" + (
            f" in step {code(task.step)}" if task is not None else ""
        )
    if reason in (FailureReason.RUN_TIMEOUT, FailureReason.START_TIMEOUT):
        what = "end" if reason is FailureReason.RUN_TIMEOUT else "start"
        return f"{was}its run did not {what} in time"
    if reason is FailureReason.CANCELLED:
        return "was deployed; the job was cancelled while it waited" if flow.run is not None else "was cancelled"
    if reason is FailureReason.HALF_DEPLOYED:
        return "is half deployed"
    if flow.operation == "trigger" or (reason is FailureReason.TRIGGER and flow.deployment is not None):
        return f"{'was deployed, but ' if flow.operation == 'deploy' else ''}could not be triggered"
    return "was not deployed"
