"""Deploy one flow: look, create, stamp, read back; then trigger and follow the run, if that is asked."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from deployer.deadline import Deadline
from deployer.inputs import Wait
from deployer.operations.airflow import known_trace, wait_until_loaded
from deployer.operations.causes import failed, guarded, with_failure
from deployer.operations.declared import checked_values, stating_parameters
from deployer.operations.handle import FlowHandle
from deployer.operations.options import create_options
from deployer.operations.put_back import Before, after_failure
from deployer.operations.standing import find
from deployer.operations.wait import follow
from deployer.orchestrators.driver import Snapshot
from deployer.outcome import (
    Deployment,
    Failure,
    FailureReason,
    FlowOutcome,
    Provenance,
    Run,
    Standing,
    Status,
)
from deployer.worker import protocol
from deployer.worker.client import WorkerCancelled, WorkerError

T = TypeVar("T")

READ_LIMIT = 60.0
"""Seconds for one question to the orchestrator; its client gives up earlier."""
READ_BACK_LIMIT = 60.0
"""Seconds to read back what was deployed, an orchestrator that does not answer at the moment included."""
READ_BACK_PAUSE = 2.0
"""Seconds between two attempts at it."""


def deploy(handle: FlowHandle, outcome: FlowOutcome) -> FlowOutcome:
    """Deploy a prepared flow, and run it if the inputs say so."""
    started = time.monotonic()
    outcome = guarded(outcome, partial(_create, handle), leaves=Standing.UNKNOWN)
    if outcome.failure is None and handle.job.inputs.trigger:
        outcome = guarded(outcome, partial(run, handle))
    return replace(outcome, seconds=(outcome.seconds or 0.0) + time.monotonic() - started)


def trigger_existing(handle: FlowHandle, outcome: FlowOutcome) -> FlowOutcome:
    """Run what stands already, without deploying."""
    started = time.monotonic()
    try:
        deployment = _standing(handle)
    except WorkerError as error:
        outcome = failed(outcome, error)
    else:
        outcome = guarded(replace(outcome, deployment=deployment), partial(run, handle))
    return replace(outcome, seconds=(outcome.seconds or 0.0) + time.monotonic() - started)


def run(handle: FlowHandle, outcome: FlowOutcome) -> FlowOutcome:
    """Trigger a run of the outcome's deployment, and follow it as far as the inputs say."""
    inputs, deployment = handle.job.inputs, outcome.deployment
    assert deployment is not None
    checked = checked_values(handle, deployment)
    outcome = replace(outcome, warnings=(*outcome.warnings, *checked.warnings))
    if checked.failures:
        return failed(outcome, WorkerError(checked.failures))
    compiled = handle.compiled.trigger if handle.compiled is not None else None
    request = protocol.Trigger(
        deployment=deployment,
        parameters=compiled.parameters if compiled is not None else dict(checked.values),
        compiled=compiled is not None,
        key=f"{handle.job.trigger_key}-{deployment.id}-{_digest(handle.parameters)}",
    )
    try:
        triggered = handle.call(request, Run, Deadline(inputs.deploy_timeout))
    except WorkerError as error:
        return _untold_run(failed(outcome, error))
    handle.job.console.info(f"triggered {triggered.pathspec}")
    return guarded(replace(outcome, run=triggered, status=Status.SUCCESS), partial(_follow, handle))


def _follow(handle: FlowHandle, outcome: FlowOutcome) -> FlowOutcome:
    assert outcome.deployment is not None
    assert outcome.run is not None
    seen, failure = follow(handle, outcome.deployment, outcome.run, handle.job.inputs.wait or Wait.STARTED)
    return with_failure(replace(outcome, run=seen), failure)


def _digest(parameters: Mapping[str, Any]) -> str:
    """What tells two runs of one job and one deployment apart: the values that they are asked for with."""
    text = json.dumps(dict(parameters), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _untold_run(outcome: FlowOutcome) -> FlowOutcome:
    """A trigger that was asked and not answered may have started a run: it is never asked again, and that is said."""
    failure = outcome.failure
    if failure is None or failure.reason is not FailureReason.ORCHESTRATOR_UNREACHABLE:
        return outcome
    message = f"{failure.message} Whether a run was started is not known."
    advice = f"Look at the orchestrator for a run before you trigger one again. {failure.advice}"
    return replace(outcome, failure=replace(failure, message=message, advice=advice))


def _create(handle: FlowHandle, outcome: FlowOutcome) -> FlowOutcome:
    job, compiled = handle.job, handle.compiled
    assert compiled is not None, "a flow is prepared before it is deployed"
    deadline = Deadline(job.inputs.deploy_timeout)
    before = Before()
    name = compiled.target.deployment_id
    try:
        before = _look(handle, name, deadline.within(READ_LIMIT))
        trace = known_trace(handle, name, deadline)
    except WorkerError as error:
        return replace(failed(outcome, error), standing=Standing.AS_BEFORE)
    provenance = stating_parameters(job.provenance(outcome.flow), outcome.description)
    request = protocol.Deploy(
        flow_name=compiled.description.name,
        writes=compiled.writes,
        options=create_options(job.inputs),
        provenance=provenance,
    )
    try:
        created = handle.call(request, protocol.Deployed, deadline)
    except WorkerError as error:
        return after_failure(handle, failed(outcome, error), before)
    job.console.info(f"{created.deployment_id} is deployed on {outcome.orchestrator}")
    for note in created.notes:
        job.console.info(note)
    warnings = (*outcome.warnings, *created.warnings)
    outcome = replace(outcome, replaced=before.deployment, standing=Standing.DEPLOYED, warnings=warnings)
    outcome = _read_back(handle, outcome, created, provenance)
    if outcome.failure is not None:
        return outcome
    try:
        wait_until_loaded(handle, created.deployment_id, trace, deadline)
    except WorkerError as error:
        return after_failure(handle, failed(outcome, error), before)
    return outcome


def _look(handle: FlowHandle, name: str | None, deadline: Deadline) -> Before:
    """What stands before anything is written."""
    if name is None:
        return Before()
    deployment = _read(handle, name, None, deadline)
    request = protocol.TakeSnapshot(deployment_id=name)
    snapshot = handle.call(request, Snapshot | None, deadline)  # type: ignore[arg-type]
    return Before(deployment=deployment, snapshot=snapshot)


def _read_back(
    handle: FlowHandle, outcome: FlowOutcome, created: protocol.Deployed, provenance: Provenance
) -> FlowOutcome:
    """Stamp what was deployed, and read it back: only what the orchestrator has is deployed.

    Nothing is deployed a second time here. What cannot be read is told with all that is known of it.
    """
    name = created.deployment_id
    deadline = Deadline(READ_BACK_LIMIT)
    known = Deployment(id=name, orchestrator=outcome.orchestrator, flow_name=created.flow_name)
    outcome = replace(outcome, deployment=known)
    try:
        _persist(handle, protocol.Stamp(deployment_id=name, provenance=provenance), type(None), deadline)
    except WorkerCancelled as error:
        return failed(outcome, error)
    except WorkerError as error:
        warning = f"{name} is deployed, but where it came from could not be written to it. {error}"
        outcome = replace(outcome, warnings=(*outcome.warnings, warning))
    try:
        read = protocol.Read(deployment_id=name, flow_name=created.flow_name)
        deployment = _persist(handle, read, Deployment | None, deadline)  # type: ignore[arg-type]
    except WorkerCancelled as error:
        return failed(outcome, error)
    except WorkerError as error:
        return with_failure(outcome, _unread(name, error.failures[0]))
    if deployment is None:
        return with_failure(replace(outcome, deployment=None), _vanished(name))
    deployment = _with_project(handle, deployment)
    outcome = replace(outcome, deployment=deployment, status=Status.SUCCESS)
    if deployment.problems:
        return with_failure(replace(outcome, standing=Standing.HALF_DEPLOYED), _incomplete(deployment))
    return outcome


def _with_project(handle: FlowHandle, deployment: Deployment) -> Deployment:
    """Step Functions keeps no trace of a project, and an extension none of anything: the flow tells it."""
    target = handle.compiled.target if handle.compiled is not None else None
    if deployment.project is not None or target is None:
        return deployment
    return replace(deployment, project=target.project, project_branch=target.branch)


def _persist(handle: FlowHandle, request: protocol.Request, kind: type[T], deadline: Deadline) -> T:
    """Ask, and ask again for as long as the orchestrator does not answer."""
    told = False
    while True:
        try:
            return handle.call(request, kind, deadline.within(READ_LIMIT))
        except WorkerCancelled:
            raise
        except WorkerError as error:
            if error.failures[0].reason is not FailureReason.ORCHESTRATOR_UNREACHABLE or deadline.passed:
                raise
            if not told:
                handle.job.console.warning(f"It is deployed, but cannot be read back yet. {error}")
                told = True
        handle.job.cancellation.wait(min(READ_BACK_PAUSE, deadline.remaining))


def _read(handle: FlowHandle, name: str | None, flow_name: str | None, deadline: Deadline) -> Deployment | None:
    if name is None:
        return None
    request = protocol.Read(deployment_id=name, flow_name=flow_name)
    return handle.call(request, Deployment | None, deadline)  # type: ignore[arg-type]


def _standing(handle: FlowHandle) -> Deployment:
    inputs = handle.job.inputs
    if inputs.deployment_id is not None:
        return find(handle, inputs.deployment_id)
    target = handle.compiled.target if handle.compiled is not None else None
    name = target.deployment_id if target is not None else None
    deployment = _read(handle, name, None, Deadline(READ_LIMIT))
    if deployment is None:
        raise WorkerError(
            (
                Failure(
                    reason=FailureReason.TRIGGER,
                    message=f"Nothing is deployed as {name!r} on {inputs.orchestrator}.",
                    advice="Deploy it first, or correct `deployment-name`, `project-branch` or `production`.",
                ),
            )
        )
    return deployment


def _unread(name: str, why: Failure) -> Failure:
    return replace(
        why,
        message=f"{name} was deployed, as Metaflow says, but could not be read back. {why.message}",
        advice=f"Look at it at the orchestrator; deploying again is harmless. {why.advice}",
    )


def _incomplete(deployment: Deployment) -> Failure:
    return Failure(
        reason=FailureReason.HALF_DEPLOYED,
        message=f"{deployment.id} was deployed, but not all of it is there. {' '.join(deployment.problems)}",
        advice="Correct what the message names (a controller or a policy that removes it), then deploy again.",
    )


def _vanished(name: str | None) -> Failure:
    return Failure(
        reason=FailureReason.DEPLOY,
        message=f"Metaflow reported that {name} was deployed, but the orchestrator has nothing under that name.",
        advice="Look whether something removes it (a GitOps controller, a policy), then run the job again.",
    )
