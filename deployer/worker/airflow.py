"""Airflow in a flow's process: what `python flow.py airflow create FILE` compiles is delivered; Airflow is asked."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deployer.orchestrators.airflow.compiled import CompiledDag, check_schedule, read_compiled
from deployer.orchestrators.airflow.orchestrator import Airflow, file_name
from deployer.outcome import DeployError, Failure, FailureReason, Provenance
from deployer.worker import protocol
from deployer.worker.failures import option_failure
from deployer.worker.flow import CommandFailed, OpenedFlow
from deployer.worker.parameters import as_text, type_name

OPTIONS = {"namespace": "user_namespace", "new_token": "given_token", "tag": "tags"}
"""The options of `airflow create` whose names on the command line differ from those in Python."""


def create(
    flow: OpenedFlow, orchestrator: Airflow, options: Mapping[str, Any], provenance: Provenance
) -> protocol.Created:
    """Compile a flow, and deliver it where Airflow looks. What does not compile is not delivered.

    Args:
        flow: the opened flow.
        orchestrator: where to deliver.
        options: those of `airflow create`.
        provenance: written to the file's first line.

    Raises:
        DeployError: an option is unknown, the schedule means something else to Airflow, or delivering failed.
        CommandFailed: the command failed; the cause is in its output.
    """
    given = {OPTIONS.get(name, name): value for name, value in options.items()}
    text = _compiled_text(flow, given)
    compiled = read_compiled(text)
    if compiled is None:
        raise DeployError(_unreadable(flow))
    check_schedule(compiled, provenance.flow)
    orchestrator.deliver(text, provenance)
    return protocol.Created(
        deployment_id=compiled.dag_id,
        flow_name=compiled.flow_name,
        notes=orchestrator.delivered(compiled.dag_id),
        warnings=_warnings(compiled, given),
    )


def answer(
    orchestrator: Airflow, request: protocol.Loaded | protocol.StackTrace | protocol.NotLoaded
) -> bool | str | Failure | None:
    """Ask Airflow what no other orchestrator is asked; what it returns is what the request's docstring says."""
    match request:
        case protocol.Loaded():
            return orchestrator.loaded(request.deployment_id, request.before)
        case protocol.StackTrace():
            return orchestrator.stack_trace(request.deployment_id)
        case protocol.NotLoaded():
            return orchestrator.not_loaded(request.deployment_id)


def parameter_texts(flow: OpenedFlow, converted: Mapping[str, Any]) -> dict[str, str]:
    """Converted parameters as a DAG run takes them.

    Raises:
        DeployError: one of them is a file, which no DAG run can carry.
    """
    kinds = {parameter.name: type_name(parameter) for parameter in flow.parameters}
    file = next((name for name in converted if kinds.get(name) == "IncludeFile"), None)
    if file is not None:
        raise DeployError(
            Failure(
                reason=FailureReason.INPUT,
                input="parameters",
                message=f"The parameter `{file}` is an IncludeFile, and a DAG run of Airflow carries no file.",
                advice="Leave it out, so that the file is taken that the flow was deployed with.",
            )
        )
    return {name: as_text(value) for name, value in converted.items()}


def _compiled_text(flow: OpenedFlow, options: Mapping[str, Any]) -> str:
    """Run the command; it leaves an empty file where it fails, so that its exit status decides."""
    impl = flow.impl
    with tempfile.TemporaryDirectory(prefix="airflow-") as folder:
        file = Path(folder, file_name(flow.deployment_id() or flow.flow_class.__name__))
        try:
            group = impl.api(**impl.top_level_kwargs).airflow(**impl.deployer_kwargs)
            arguments = group.create(file=str(file), **options)
        except (ValueError, TypeError) as error:
            raise DeployError(option_failure(error, "create-options")) from error
        # Metaflow writes the time to the DAG as its start date, without its zone; it is read back as UTC.
        environment = {**impl.env_vars, "TZ": "UTC"}
        pid = impl.spm.run_command(
            [sys.executable, *arguments], env=environment, cwd=impl.cwd, show_output=impl.show_output
        )
        command = impl.spm.get(pid)
        command.sync_wait()
        if command.process.returncode != 0 or not file.is_file():
            raise CommandFailed(
                FailureReason.DEPLOY, f"Metaflow could not compile {flow.flow_class.__name__} for Airflow"
            )
        return file.read_text(encoding="utf-8")


def _warnings(compiled: CompiledDag, options: Mapping[str, Any]) -> tuple[str, ...]:
    if options.get("workflow_timeout") is None or compiled.schedule is not None:
        return ()
    return (
        "Airflow ends no run at `workflow-timeout` here: Metaflow passes the limit on for a flow with @schedule only.",
    )


def _unreadable(flow: OpenedFlow) -> Failure:
    return Failure(
        reason=FailureReason.DEPLOY,
        message=f"What Metaflow compiled of {flow.flow_class.__name__} is no DAG file that this action knows.",
        advice="Deploy with the Metaflow that the action brings, or with one that `requirements` pins to 2.9 or later.",
    )
