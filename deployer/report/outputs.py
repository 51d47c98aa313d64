"""The outputs of the job."""

from __future__ import annotations

import json
from typing import Any

from deployer.outcome import Deployment, FailureReason, FlowOutcome, Outcome, Run, Status
from deployer.report.flat import flat_deployment, flat_run
from deployer.report.inventory import fitting

DECIDING = (Status.FAILURE, Status.CANCELLED, Status.SUCCESS, Status.PENDING, Status.SKIPPED)


def outputs(outcome: Outcome, comment_url: str | None) -> dict[str, str]:
    """The outputs by name.

    With several flows, those that have one value speak of the flow that decides: the first failed one, else the first
    cancelled one, else the first that was deployed. `deployments` has an object a flow, in the order of the input, all
    with the same keys.

    Args:
        outcome: what became of the job.
        comment_url: the comment that was written, if one was.
    """
    flow = deciding_flow(outcome)
    inventory = outcome.inventory
    identifier, run = _deciding(outcome)
    status = outcome.status if outcome.status is not Status.PENDING else Status.SUCCESS
    failure = outcome.failure if outcome.failures or flow is None else flow.failure
    if status in (Status.FAILURE, Status.CANCELLED):
        reason = failure.reason if failure is not None else FailureReason.INTERNAL
    else:
        reason = None
    return {
        "status": str(status),
        "failure-reason": str(reason or ""),
        "operation": outcome.operation,
        "deployment-id": identifier,
        "run-id": run.id if run is not None else "",
        "run-pathspec": run.pathspec if run is not None else "",
        "run-status": str(run.status) if run is not None else "",
        "run-url": (run.url or "") if run is not None else "",
        "comment-url": comment_url or "",
        "deployments": json.dumps(_objects(outcome), ensure_ascii=False),
        "production-token": (inventory.production_token or "") if inventory is not None else "",
    }


def _objects(outcome: Outcome) -> list[dict[str, Any]]:
    if outcome.inventory is not None:
        return fitting(outcome.inventory.rows)
    return [flat(one, outcome) for one in outcome.flows]


def _deciding(outcome: Outcome) -> tuple[str, Run | None]:
    """The deployment and the run that the outputs with one value speak of."""
    if outcome.inventory is not None and outcome.inventory.rows:
        rows = outcome.inventory.rows
        row = next((row for row in rows if row.failure is not None), rows[0])
        return row.id, row.runs[0] if row.runs else None
    flow = deciding_flow(outcome)
    deployment: Deployment | None = flow.deployment if flow is not None else None
    return deployment.id if deployment is not None else "", flow.run if flow is not None else None


def deciding_flow(outcome: Outcome) -> FlowOutcome | None:
    """The flow that the outputs with one value speak of."""
    for status in DECIDING:
        for flow in outcome.flows:
            if flow.status is status:
                return flow
    return None


def flat(flow: FlowOutcome, outcome: Outcome) -> dict[str, Any]:
    """A flow's object in `deployments`."""
    deployment, run, failure, runtime = flow.deployment, flow.run, flow.failure, flow.runtime
    return {
        "status": str(flow.status),
        "failure_reason": str(failure.reason) if failure else None,
        "failure_message": failure.message if failure else None,
        "failure_path": failure.path if failure else None,
        "failure_line": failure.line if failure else None,
        "flow": flow.flow,
        "flow_name": flow.name,
        "operation": flow.operation,
        "orchestrator": flow.orchestrator,
        "deployment_id": deployment.id if deployment else None,
        **flat_deployment(deployment),
        "production": flow.production,
        **flat_run(run),
        "run_parameters": run.parameters if run else None,
        "failed_step": run.failed_task.step if run and run.failed_task else None,
        "commit": _commit(flow, outcome),
        "pull_request": deployment.provenance.pull_request if deployment and deployment.provenance else None,
        "replaced_commit": flow.replaced.provenance.commit if flow.replaced and flow.replaced.provenance else None,
        "python": runtime.python if runtime else None,
        "metaflow": runtime.metaflow if runtime else None,
        "task_image": runtime.task_image if runtime else None,
        "warnings": list(flow.warnings),
        "seconds": round(flow.seconds, 3) if flow.seconds is not None else None,
    }


def _commit(flow: FlowOutcome, outcome: Outcome) -> str | None:
    """The commit of what stands, as it is stamped; else this job's."""
    if flow.deployment is not None and flow.deployment.provenance is not None:
        return flow.deployment.provenance.commit
    return outcome.context.commit if outcome.context is not None else None
