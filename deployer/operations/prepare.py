"""Everything that can be known of a job's flows before something is deployed: each is compiled to plain data."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import msgspec

from deployer.deadline import Deadline
from deployer.operations.causes import failed, with_failure
from deployer.operations.handle import FlowHandle
from deployer.operations.options import create_options, deployer_options
from deployer.outcome import ConfigUse, Failure, FailureReason, FlowDescription, FlowOutcome
from deployer.production import check_target
from deployer.worker import protocol
from deployer.worker.client import WorkerError


def prepare(handle: FlowHandle, outcome: FlowOutcome) -> FlowOutcome:
    """Compile a flow; keeps it in the handle.

    For `deploy` that is all that Metaflow's `create` checks: options, Configs, graph, decorators, environment, the
    production token of what is deployed already. For `trigger` the flow is opened, checked and named.

    Returns:
        The outcome with the flow's description; with its failure where it has one.
    """
    started = time.monotonic()
    inputs = handle.job.inputs
    deadline = Deadline(inputs.deploy_timeout)
    try:
        opened = handle.open(deadline)
        outcome = replace(
            outcome,
            runtime=opened.runtime,
            warnings=outcome.warnings + opened.warnings + _image_warning(opened, outcome.orchestrator),
        )
        if outcome.operation == "deploy":
            request = protocol.Compile(
                command="create", options=create_options(inputs), provenance=handle.job.provenance(outcome.flow)
            )
        else:
            request = protocol.Compile(command="describe")
        compiled = handle.call(request, protocol.Compiled, deadline)
    except WorkerError as error:
        return _timed(failed(outcome, error), started)
    handle.compiled = compiled
    target = compiled.target
    outcome = replace(
        outcome,
        description=compiled.description,
        configs=_config_uses(handle, compiled.description) if outcome.operation == "deploy" else (),
        production=target.production if target.project is not None else None,
        production_by_default=target.production_by_default,
        warnings=outcome.warnings + compiled.warnings,
    )
    return _timed(with_failure(outcome, _refused(handle, outcome)), started)


def _config_uses(handle: FlowHandle, description: FlowDescription) -> tuple[ConfigUse, ...]:
    """The flow's Configs with what the job gives for each."""
    options = deployer_options(handle.job.inputs)
    paths = {str(name): str(path) for name, path in options.get("config") or ()}
    values = {str(name) for name, _ in options.get("config_value") or ()}
    return tuple(
        ConfigUse(name=name, given=name in paths or name in values, path=paths.get(name))
        for name in description.configs
    )


def _refused(handle: FlowHandle, outcome: FlowOutcome) -> Failure | None:
    """Why the code may not be deployed where Metaflow would deploy it; what is only triggered is deployed already."""
    compiled = handle.compiled
    if outcome.operation != "deploy" or outcome.description is None or compiled is None:
        return None
    inputs = handle.job.inputs
    return check_target(
        compiled.target.project,
        compiled.target.branch,
        outcome.production is True,
        handle.right,
        flow=outcome.description.name,
        project_branch=inputs.project_branch,
        production=inputs.production,
    )


def prepare_run(handle: FlowHandle, outcome: FlowOutcome) -> FlowOutcome:
    """Have Metaflow convert the values of the run's Parameters; keeps them in the handle."""
    started = time.monotonic()
    request = protocol.Compile(command="trigger", parameters=dict(handle.parameters))
    try:
        compiled = handle.call(request, protocol.Compiled, Deadline(handle.job.inputs.deploy_timeout))
    except WorkerError as error:
        return _timed(failed(outcome, error), started)
    assert handle.compiled is not None
    handle.compiled = msgspec.structs.replace(handle.compiled, trigger=compiled.trigger)
    return _timed(outcome, started)


def refuse_same_deployment(handles: Sequence[FlowHandle], outcomes: Sequence[FlowOutcome]) -> tuple[FlowOutcome, ...]:
    """Fail the flows of a job that would deploy over one another."""
    names = [_name(handle, outcome) for handle, outcome in zip(handles, outcomes, strict=True)]
    twice = {name for name, count in Counter(names).items() if name is not None and count > 1}
    flows = {
        name: [outcome.flow for outcome, other in zip(outcomes, names, strict=True) if other == name] for name in twice
    }
    return tuple(
        with_failure(outcome, _same_deployment(name, flows[name])) if name is not None and name in twice else outcome
        for outcome, name in zip(outcomes, names, strict=True)
    )


def _name(handle: FlowHandle, outcome: FlowOutcome) -> str | None:
    if outcome.failure is not None or handle.compiled is None:
        return None
    return handle.compiled.target.deployment_id


def _same_deployment(name: str, flows: Sequence[str]) -> Failure:
    return Failure(
        reason=FailureReason.INPUT,
        input="flow",
        message=f"{' and '.join(flows)} deploy to one deployment, `{name}`: the last would replace the others.",
        advice="Name the flow classes differently, leave one of the files out, or deploy it by a job of its own with "
        "another `deployment-name`.",
    )


def _timed(outcome: FlowOutcome, started: float) -> FlowOutcome:
    return replace(outcome, seconds=(outcome.seconds or 0.0) + time.monotonic() - started)


def _image_warning(opened: protocol.Opened, orchestrator: str) -> tuple[str, ...]:
    if opened.runtime.task_image is not None or orchestrator not in ("argo-workflows", "step-functions", "airflow"):
        return ()
    variable = (
        "METAFLOW_BATCH_CONTAINER_IMAGE" if orchestrator == "step-functions" else "METAFLOW_KUBERNETES_CONTAINER_IMAGE"
    )
    version = ".".join(opened.runtime.python.split(".")[:2])
    warning = (
        f"No task image is configured: steps that name none run on `python:{version}`, the Python that deployed. "
        f"Set {variable}, or `image` in the steps' decorators, to choose it yourself."
    )
    return (warning,)
