"""The heading: the whole story in a line, since a mail's reader sees little more."""

from __future__ import annotations

import re
from collections import Counter

from deployer.outcome import Check, CheckState, FailureReason, FlowOutcome, Outcome, Run, RunStatus, Standing, Status
from deployer.report.inventory import inventory_story
from deployer.report.markdown import Markdown, code, plain, prose
from deployer.report.words import count, how_it_ended, listed, orchestrator

SYMBOLS = {
    Status.SUCCESS: "✅",
    Status.FAILURE: "❌",
    Status.CANCELLED: "⏹️",
    Status.PENDING: "🟡",
    Status.SKIPPED: "⏭️",
}
CHECK_SYMBOLS = {
    CheckState.OK: "✅",
    CheckState.WARNING: "⚠️",
    CheckState.BAD: "❌",
    CheckState.UNKNOWN: "–",
}
MOST_NAMES = 4
# What an operation would have done, as in "Nothing was …".
DONE = {
    "trigger": "triggered",
    "list": "listed",
    "status": "looked at",
    "terminate": "terminated",
    "suspend": "suspended",
    "unsuspend": "unsuspended",
    "delete": "deleted",
    "production-token": "shown",
    "cleanup": "deleted",
}
# Why nothing was deployed, in the few words that a heading has room for.
WHY = {
    FailureReason.INPUT: "the inputs need correction",
    FailureReason.SOURCE: "the code may not go to production from here",
    FailureReason.FLOW_INVALID: "not a valid flow",
    FailureReason.FLOW_IMPORT: "the file cannot be imported",
    FailureReason.CREDENTIALS: "credentials are missing or refused",
    FailureReason.PERMISSION: "a permission is missing",
    FailureReason.TOKEN: "the production token of another user guards the name",
    FailureReason.DATASTORE: "the datastore cannot be reached",
    FailureReason.ORCHESTRATOR_UNREACHABLE: "the orchestrator does not answer",
    FailureReason.INTERNAL: "the action met an unknown error",
}


def headline(outcome: Outcome) -> Markdown:
    """What happened, to how many, where; with its symbol."""
    return Markdown(f"{SYMBOLS[outcome.status]} {_story(outcome)}")


def _story(outcome: Outcome) -> str:
    if outcome.skipped is not None:
        return f"Nothing was deployed: {prose(_within(outcome.skipped))}"
    if outcome.failures:
        return _job_failed(outcome)
    if outcome.checks:
        return _health(outcome.checks)
    if outcome.inventory is not None:
        return inventory_story(outcome)
    if not outcome.flows:
        return "There was nothing to do"
    return _one(outcome.flows[0], outcome) if len(outcome.flows) == 1 else _several(outcome)


def _health(checks: tuple[Check, ...]) -> str:
    bad = list(dict.fromkeys(check.name for check in checks if check.state is CheckState.BAD))
    if bad:
        names = bad if len(bad) <= MOST_NAMES else [*bad[: MOST_NAMES - 1], f"{len(bad) - MOST_NAMES + 1} more"]
        return f"Deploying would fail: {plain(listed(names))} {'is' if len(bad) == 1 else 'are'} not well"
    unsure = sum(check.state is CheckState.WARNING for check in checks)
    if unsure:
        return f"Deploying would work; {count(unsure, 'thing')} {'is' if unsure == 1 else 'are'} worth a look"
    return "Everything that deploying needs is well"


def _job_failed(outcome: Outcome) -> str:
    failures = outcome.failures
    if all(failure.reason is FailureReason.CANCELLED for failure in failures):
        return f"The job was cancelled before anything was {DONE.get(outcome.operation, 'deployed')}"
    done = DONE.get(outcome.operation, "deployed")
    if all(failure.reason is FailureReason.INPUT for failure in failures):
        inputs = {failure.input for failure in failures if failure.input is not None}
        if len(inputs) != len(failures):
            return f"Nothing was {done}: the inputs hold {count(len(failures), 'mistake')}"
        return f"Nothing was {done}: {count(len(inputs), 'input')} {'needs' if len(inputs) == 1 else 'need'} correction"
    return f"Nothing was {done}: {prose(_within(failures[0].message))}"


def _within(sentence: str) -> str:
    """A sentence as the second half of one."""
    text = sentence.rstrip(".")
    return text[:1].lower() + text[1:] if re.match(r"(?:The|An?|It|This|There|No)\b", text) else text


def _one(flow: FlowOutcome, outcome: Outcome) -> str:
    name = code(flow.name)
    if flow.status is Status.SUCCESS:
        did = "Triggered" if flow.operation == "trigger" else "Deployed"
        return f"{did} {name} {_to(flow, outcome)}{_run_went(flow.run)}"
    if flow.status is Status.PENDING:
        return f"{name} {_to(flow, outcome)} is under way"
    return f"{name} {_trouble(flow)}"


def _several(outcome: Outcome) -> str:
    flows = outcome.flows
    troubled = [flow for flow in flows if flow.status in (Status.FAILURE, Status.CANCELLED)]
    did = "Triggered" if outcome.operation == "trigger" else "Deployed"
    if not troubled:
        return f"{did} {count(len(flows), 'flow')} {_to(flows[0], outcome)}{_runs_went(flows)}"
    if len(troubled) == 1:
        return f"{code(troubled[0].name)} {_trouble(troubled[0])}; {_rest(flows)}"
    if outcome.status is Status.CANCELLED:
        done = sum(flow.deployment is not None for flow in flows)
        return f"The job was cancelled after {done} of {count(len(flows), 'flow')}"
    if len(troubled) == len(flows) and not any(flow.run for flow in flows):
        reasons = {flow.failure.reason for flow in troubled if flow.failure is not None}
        why = WHY.get(reasons.pop()) if len(reasons) == 1 else None
        none = "Neither of 2 flows" if len(flows) == 2 else f"None of {len(flows)} flows"  # noqa: PLR2004
        return f"{none} was {did.lower()}" + (f": {why}" if why else "")
    return f"{len(troubled)} of {len(flows)} flows failed: {_kinds(troubled)}; {_rest(flows)}"


def _kinds(troubled: list[FlowOutcome]) -> str:
    """`2 were not deployed, 1 run failed`."""
    kinds = Counter("run" if flow.run is not None else "deployment" for flow in troubled)
    parts = []
    if kinds["deployment"]:
        parts.append(f"{kinds['deployment']} {'was' if kinds['deployment'] == 1 else 'were'} not deployed")
    if kinds["run"]:
        parts.append(f"{count(kinds['run'], 'run')} did not succeed")
    return ", ".join(parts)


def _rest(flows: tuple[FlowOutcome, ...]) -> str:
    well = sum(flow.status is Status.SUCCESS for flow in flows)
    skipped = sum(flow.status is Status.SKIPPED for flow in flows)
    parts = []
    if well:
        parts.append("the other flow succeeded" if len(flows) - 1 == well == 1 else f"{well} of {len(flows)} succeeded")
    if skipped:
        parts.append(f"{skipped} skipped")
    return ", ".join(parts) or "none succeeded"


def _to(flow: FlowOutcome, outcome: Outcome) -> str:
    place = orchestrator(flow.orchestrator)
    environment = outcome.context.environment if outcome.context is not None else None
    beside = _beside_production(outcome)
    where = code(beside) if beside else plain(environment) if environment else None
    if where:
        return f"{'in' if flow.operation == 'trigger' else 'to'} {where} on {plain(place)}"
    return f"{'on' if flow.operation == 'trigger' else 'to'} {plain(place)}"


def _beside_production(outcome: Outcome) -> str | None:
    """The branch of @project that the job's flows are deployed to, where that is not production."""
    branches = {flow.deployment.project_branch if flow.deployment is not None else None for flow in outcome.flows}
    branch = branches.pop() if len(branches) == 1 else None
    return branch if branch and branch.partition(".")[0] != "prod" else None


def _run_went(run: Run | None, whose: str = "its run") -> str:
    if run is None:
        return ""
    return {
        RunStatus.SUCCEEDED: f"; {whose} succeeded",
        RunStatus.RUNNING: f"; {whose} has started",
        RunStatus.PENDING: f"; {whose} was triggered",
    }.get(run.status, "")


def _runs_went(flows: tuple[FlowOutcome, ...]) -> str:
    ran = [flow for flow in flows if flow.run is not None]
    if len(ran) == 1:
        return _run_went(ran[0].run, f"the run of {code(ran[0].name)}")
    states = Counter(flow.run.status for flow in ran if flow.run is not None)
    if not states:
        return ""
    if len(states) == 1 and RunStatus.SUCCEEDED in states:
        return f"; {'both' if len(ran) == 2 else f'all {len(ran)}'} runs succeeded"  # noqa: PLR2004  # both are two
    return f"; {count(len(ran), 'run')}: {listed([f'{number} {state}' for state, number in states.items()])}"


def _trouble(flow: FlowOutcome) -> str:
    failure = flow.failure
    reason = failure.reason if failure is not None else FailureReason.INTERNAL
    if reason is FailureReason.CANCELLED:
        return _cancelled(flow)
    if flow.run is not None:
        return f"{'was deployed, but' if flow.operation == 'deploy' else ':'} its run {_run_trouble(reason, flow.run)}"
    if flow.operation == "trigger":
        return "could not be triggered"
    return _deployment_trouble(flow, reason)


def _deployment_trouble(flow: FlowOutcome, reason: FailureReason) -> str:
    if reason is FailureReason.HALF_DEPLOYED:
        return "is half deployed"
    if flow.standing is Standing.UNKNOWN:
        return "may have been deployed"
    if reason is FailureReason.TRIGGER or flow.standing is Standing.DEPLOYED:
        unread = reason is not FailureReason.TRIGGER and flow.deployment is not None and not flow.deployment.version
        return f"was deployed, but could not be {'read back' if unread else 'triggered'}"
    why = WHY.get(reason)
    return f"was not deployed: {why}" if why else "was not deployed"


def _run_trouble(reason: FailureReason, run: Run) -> str:
    if reason in (FailureReason.RUN_TIMEOUT, FailureReason.START_TIMEOUT):
        what = "end" if reason is FailureReason.RUN_TIMEOUT else "start"
        fate = "terminated" if run.status is RunStatus.TERMINATED else f"left {run.status}"
        return f"did not {what} in time and was {fate}"
    if reason is not FailureReason.RUN_FAILED:
        return "could not be followed to its end"
    step = f" in step {code(run.failed_task.step)}" if run.failed_task is not None else ""
    return f"{how_it_ended(run.status)}{step}"


def _cancelled(flow: FlowOutcome) -> str:
    if flow.standing is Standing.AS_BEFORE:
        return "was not deployed: the job was cancelled"
    if flow.run is None:
        return "was deployed before the job was cancelled" if flow.deployment is not None else "was cancelled"
    done = "triggered" if flow.operation == "trigger" else "deployed"
    return f"was {done}; the job was cancelled while it waited for the run"
