"""The action: read the event and the inputs, decide, do, report. All clients are made here and handed in."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from deployer.checkout import PersistedCredentials, checked_out_commit, checkouts_of, persisted_credentials
from deployer.console import Console
from deployer.deadline import Cancellation
from deployer.event import Event, at_commit, job_context, read_event, read_payload
from deployer.inputs import (
    CommentMode,
    InputErrors,
    Inputs,
    OperationName,
    check_paths,
    insecure_connections,
    masks_parameters,
    raw_input,
    read_inputs,
    secret_inputs,
    secret_parameters,
    unknown_inputs,
)
from deployer.masking import environment_secrets, file_secrets, masked_outcome, tells_runner
from deployer.operation import Doctor, Manage, Skip, decide
from deployer.operations import doctor
from deployer.operations.job import run_job
from deployer.operations.management import run_management
from deployer.outcome import DeployError, Failure, FailureReason, Outcome, Status, internal_failure
from deployer.publish import ReportSettings, publish
from deployer.secretless import with_cause


def main() -> int:
    """Run the action in this process's environment; the exit status is 0 unless the job failed or was cancelled."""
    environ = dict(os.environ)
    console = Console(environ)
    with Cancellation().on_signals() as cancellation:
        return run_action(environ, console, cancellation)


def run_action(environ: Mapping[str, str], console: Console, cancellation: Cancellation) -> int:
    """Run the action.

    Args:
        environ: INPUT_*, GITHUB_* and whatever else the job has.
        console: the job's log, outputs and summary.
        cancellation: set when the runner cancels the job.

    Returns:
        The exit status.
    """
    workspace = Path(environ.get("GITHUB_WORKSPACE") or Path.cwd()).resolve()
    left = _register_secrets(environ, workspace, console)
    event = at_commit(read_event(environ, read_payload(environ)), checked_out_commit(workspace))
    inputs: Inputs | None = None
    try:
        if isinstance(left, Failure):
            outcome = Outcome(operation=_asked(environ), failures=(left,))
        else:
            inputs = read_inputs(environ, workspace)
            outcome = _act(event, inputs, environ, workspace, console, cancellation, left)
    except InputErrors as errors:
        outcome = Outcome(operation=_asked(environ), failures=errors.failures, warnings=unknown_inputs(environ))
    except DeployError as error:
        outcome = Outcome(operation=_asked(environ), failures=(error.failure,))
    except Exception as error:  # noqa: BLE001  # the last line of defence: told as an internal failure, with its traceback
        outcome = Outcome(operation=_asked(environ), failures=(internal_failure(error),))
    outcome = replace(with_cause(outcome, event), context=job_context(event), finished_at=datetime.now(UTC))
    console.mask(file_secrets(environ))  # what was renewed meanwhile: a ServiceAccount's token, a kubeconfig
    outcome = masked_outcome(outcome, console.secrets, hide_parameters=masks_parameters(environ))
    settings = _report_settings(inputs, environ)
    publish(outcome, event, settings, console=console, cancellation=cancellation)
    return 0 if outcome.status in (Status.SUCCESS, Status.SKIPPED) else 1


def _register_secrets(
    environ: Mapping[str, str], workspace: Path, console: Console
) -> tuple[PersistedCredentials, ...] | Failure:
    """Have every credential that the job begins with masked, before anything is printed.

    Returns:
        What actions/checkout left; or why masking failed, in words that hold none of the credentials: nothing is done
        in a job whose secrets would be shown.
    """
    try:
        persisted = _persisted(environ, workspace)
        console.mask(secret for left in persisted for secret in left.secrets)
        _mask_environment(environ, console)
    except Exception as error:  # noqa: BLE001  # whatever a hostile input does to it: its own words may hold a secret
        return Failure(
            reason=FailureReason.INTERNAL,
            message=f"The job's secrets could not be found, so that none is masked ({type(error).__name__}).",
            advice="Look for an input or a variable of an unusual form, and please report it.",
        )
    return persisted


def _mask_environment(environ: Mapping[str, str], console: Console) -> None:
    variables, parameters = environment_secrets(environ), secret_parameters(environ)
    console.mask((*variables.values, *file_secrets(environ), *secret_inputs(environ)))
    console.mask(filter(tells_runner, parameters))
    console.mask((*variables.quiet, *parameters), tell_runner=False)
    if variables.too_short:
        names = ", ".join(variables.too_short)
        console.info(f"Not masked, since so short a value would blank ordinary text: {names}.")


def _act(
    event: Event,
    inputs: Inputs,
    environ: Mapping[str, str],
    workspace: Path,
    console: Console,
    cancellation: Cancellation,
    persisted: tuple[PersistedCredentials, ...],
) -> Outcome:
    decision = decide(event, inputs)
    warnings = (*decision.warnings, *unknown_inputs(environ))
    operation = decision.operations[0]
    if isinstance(operation, Skip):
        return Outcome(operation="skip", skipped=operation.reason, warnings=warnings)
    warnings = (*warnings, *insecure_connections(inputs, environ), *_persisted_warning(persisted))
    if isinstance(operation, Doctor):
        asked = doctor.Doctor(
            event=event,
            inputs=inputs,
            environ=environ,
            workspace=workspace,
            console=console,
            cancellation=cancellation,
        )
        checks, failures = doctor.examine(asked)
        return Outcome(operation=operation.name, checks=checks, failures=failures, warnings=warnings)
    wrong = check_paths(inputs, workspace)
    if wrong:
        return Outcome(operation=operation.name, failures=wrong, warnings=warnings)
    if isinstance(operation, Manage):
        managed = run_management(
            operation.operation,
            event,
            inputs,
            environ=environ,
            workspace=workspace,
            console=console,
            cancellation=cancellation,
        )
        warnings = (*warnings, *managed.warnings)
        return Outcome(
            operation=operation.name, inventory=managed.inventory, failures=managed.failures, warnings=warnings
        )
    flows = run_job(
        operation.name,
        event,
        inputs,
        environ=environ,
        workspace=workspace,
        console=console,
        cancellation=cancellation,
    )
    return Outcome(operation=operation.name, flows=flows, warnings=warnings)


def _persisted(environ: Mapping[str, str], workspace: Path) -> tuple[PersistedCredentials, ...]:
    """What actions/checkout left with the job's checkouts, whether the inputs are right or not."""
    folder = workspace / raw_input(environ, "working-directory").strip()
    named = (folder, *(folder / line.strip() for line in raw_input(environ, "flow").splitlines()))
    found = map(persisted_credentials, checkouts_of(named, workspace))
    return tuple(left for left in found if left is not None)


def _persisted_warning(persisted: tuple[PersistedCredentials, ...]) -> tuple[str, ...]:
    if not persisted:
        return ()
    warning = (
        f"actions/checkout left its credentials in {persisted[0].where}, where the steps after it, and the code of a "
        "flow, can read them. Set `persist-credentials: false` on that step."
    )
    return (warning,)


def _asked(environ: Mapping[str, str]) -> str:
    """The operation that was asked for, even where the inputs themselves were at fault."""
    asked = raw_input(environ, "operation").strip()
    return asked if asked in list(OperationName) and asked != OperationName.AUTO else str(OperationName.DEPLOY)


def _report_settings(inputs: Inputs | None, environ: Mapping[str, str]) -> ReportSettings:
    """How to report, even where the inputs themselves were at fault: the token and the key are taken as they stand."""
    if inputs is not None:
        return ReportSettings(token=inputs.github_token, mode=inputs.comment, key=inputs.comment_key)
    mode = raw_input(environ, "comment").strip()
    return ReportSettings(
        token=raw_input(environ, "github-token").strip() or None,
        mode=CommentMode(mode) if mode in list(CommentMode) else CommentMode.UPDATE,
        key=raw_input(environ, "comment-key").strip() or None,
    )
