"""The flows of a job: the process that opens them, and what they share."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from deployer.console import Console
from deployer.credentials.open import open_credentials
from deployer.deadline import Cancellation, Deadline
from deployer.environment import worker_environment
from deployer.event import Event
from deployer.flows import check_syntax
from deployer.inputs import Inputs
from deployer.inputs.config import config_files
from deployer.inputs.inside import named_files
from deployer.inputs.requirements import follow
from deployer.operations.all_flows import run_flows, skip_all
from deployer.operations.handle import Job
from deployer.operations.sources import Sources, sources_of
from deployer.outcome import DeployError, Failure, FlowOutcome, Provenance, Status
from deployer.worker.client import Worker
from deployer.worker.environment import interpreter, metaflow_variables, requirements_file


def run_job(
    operation: str,
    event: Event,
    inputs: Inputs,
    *,
    environ: Mapping[str, str],
    workspace: Path,
    console: Console,
    cancellation: Cancellation,
) -> tuple[FlowOutcome, ...]:
    """Deploy or trigger the flows of a job.

    Args:
        operation: deploy or trigger.
        event: what called the job.
        inputs: its inputs, their paths checked.
        environ: the job's environment.
        workspace: the checkout.
        console: where progress is told.
        cancellation: ends whatever is under way.

    Returns:
        An outcome a flow, in the order of the input.

    Raises:
        DeployError: what failed belongs to no flow (requirements that cannot be installed).
    """
    sources = sources_of(event, inputs, workspace, cancellation)
    outcomes = tuple(_read(flow, operation, inputs, workspace, sources) for flow in _targets(inputs))
    if not any(outcome.failure is None for outcome in outcomes):
        return outcomes
    if inputs.fail_fast and any(outcome.failure is not None for outcome in outcomes):
        return skip_all(outcomes)
    with open_worker(
        event, inputs, environ=environ, workspace=workspace, console=console, cancellation=cancellation
    ) as worker:
        job = make_job(event, inputs, worker, console, cancellation, workspace, sources)
        return run_flows(job, operation, _targets(inputs), outcomes)


@contextmanager
def open_worker(
    event: Event,
    inputs: Inputs,
    *,
    environ: Mapping[str, str],
    workspace: Path,
    console: Console,
    cancellation: Cancellation,
) -> Iterator[Worker]:
    """The worker of a job, with the interpreter and the environment that its inputs ask for; arguments as `run_job`.

    Raises:
        DeployError: what the inputs ask for cannot be had (requirements that cannot be installed, a role that AWS does
            not let the job assume), or must not be (requirements of a checkout that is not trusted with secrets).
    """
    refused = _requirements_of_others(inputs, workspace, sources_of(event, inputs, workspace, cancellation))
    if refused is not None:
        raise DeployError(refused)
    with tempfile.TemporaryDirectory(prefix="metaflow-deploy-") as name:
        folder = Path(name)
        own = metaflow_variables(inputs, environ, event.repository or "", folder)
        own["TMPDIR"] = str(folder)
        with open_credentials(
            inputs, environ, event, folder=folder, console=console, cancellation=cancellation
        ) as credentials:
            python = interpreter(
                inputs,
                environ,
                workspace=workspace,
                folder=folder,
                deadline=Deadline(inputs.deploy_timeout),
                cancellation=cancellation,
                print_line=console.foreign,
            )
            with Worker(
                interpreter=python,
                environment=worker_environment(environ, {**own, **credentials.variables}, credentials.without),
                orchestrator=inputs.orchestrator,
                cancellation=cancellation,
                print_line=console.foreign,
            ) as worker:
                yield worker


def _requirements_of_others(inputs: Inputs, workspace: Path, sources: Sources) -> Failure | None:
    """Why the requirements must not be installed: a checkout that they are in, or lead to, is not to be trusted."""
    if not inputs.requirements:
        return None
    folder = workspace / inputs.working_directory
    file = requirements_file(inputs.requirements, folder)
    wrong, paths = follow(inputs.requirements, file, folder, workspace)
    failures = (sources.check(path) for path in (folder, *paths))
    return wrong or next((refused for refused in failures if refused is not None), None)


def _targets(inputs: Inputs) -> tuple[str | None, ...]:
    return inputs.flows or (None,)


def _read(flow: str | None, operation: str, inputs: Inputs, workspace: Path, sources: Sources) -> FlowOutcome:
    """The outcome to start from: what can be said of the flow file without importing it."""
    name = flow if flow is not None else inputs.deployment_id or ""
    if flow is not None:
        name = str(Path(inputs.working_directory, flow))
    outcome = FlowOutcome(
        flow=str(Path(name)), operation=operation, orchestrator=inputs.orchestrator, status=Status.PENDING
    )
    folder = workspace / inputs.working_directory
    files = named_files(inputs.parameters, folder, workspace)
    if flow is not None:
        try:
            check_syntax(workspace / name, workspace)
        except DeployError as error:
            return replace(outcome, status=Status.FAILURE, failure=error.failure)
        files = (workspace / name, *(folder / path for path in config_files(inputs.config)), *files)
    refused = next((found for file in files if (found := sources.check(file)) is not None), None)
    return replace(outcome, status=Status.FAILURE, failure=refused) if refused is not None else outcome


def make_job(
    event: Event,
    inputs: Inputs,
    worker: Worker,
    console: Console,
    cancellation: Cancellation,
    workspace: Path,
    sources: Sources | None = None,
) -> Job:
    """What all flows of a job share; arguments as `run_job`."""
    sources = sources or sources_of(event, inputs, workspace, cancellation)

    def provenance(flow: str) -> Provenance:
        commit = sources.commit(workspace / flow) or event.sha
        return Provenance(
            repository=event.repository or "",
            flow=flow,
            commit=commit,
            commit_time=event.commit_time if commit == event.sha else None,
            pull_request=event.pull_request,
            workflow_run=event.run_id,
            run_attempt=event.run_attempt,
            environment=event.environment,
            deployed_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    return Job(
        inputs=inputs,
        worker=worker,
        console=console,
        cancellation=cancellation,
        workspace=str(workspace),
        folder=str((workspace / inputs.working_directory).resolve()),
        provenance=provenance,
        sources=sources,
        trigger_key=f"{event.repository}-{event.run_id}-{event.run_attempt}-{event.job}",
    )
