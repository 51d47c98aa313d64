"""A flow compiled to plain data: by Metaflow's own command line, in a process of its own."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from deployer.flows import why_nothing_starts
from deployer.orchestrators.airflow.compiled import CompiledDag, check_schedule, read_compiled
from deployer.orchestrators.airflow.driver import file_name
from deployer.orchestrators.driver import Orchestrator
from deployer.outcome import DeployError, Failure, FailureReason
from deployer.worker import commands, server
from deployer.worker.arguments import PAIRS, create_arguments
from deployer.worker.capture import Captured, CaptureRequest
from deployer.worker.failures import CommandFailed, DeployErrors, command_failure, option_of, relative_path
from deployer.worker.protocol import Compile, Compiled, Open, Write

BUILT_IN = ("argo-workflows", "step-functions", "airflow")
"""The orchestrators that Metaflow itself compiles for."""
DOING = {"create": "deploy", "trigger": "trigger"}
PROCESS_OPTIONS = ("profile", "env", "file_read_timeout")
"""What Deployer takes beside the options of Metaflow's command line."""


class FlowCompiler:
    """Compiles one flow file for one orchestrator."""

    def __init__(self, request: Open, warm: socket.socket, orchestrator: Orchestrator) -> None:
        """Args:
        request: the flow file and the options before the orchestrator's name.
        warm: to the warm process, which forks the command.
        orchestrator: whose tags for provenance `create` is given.
        """
        self._request = request
        self._warm = warm
        self._orchestrator = orchestrator
        self._environment = dict(os.environ)
        self._take_process_options()

    def compile(self, asked: Compile) -> Compiled:
        """Compile; see `protocol.Compile`.

        Raises:
            DeployError: the file is no flow that can be deployed, or an option is wrong.
            DeployErrors: several values of `parameters` are wrong.
            CommandFailed: Metaflow refused.
        """
        airflow = self._request.orchestrator == "airflow"
        if asked.command == "trigger" and not airflow:
            return self._run("trigger", {}, CaptureRequest(group="", parameters=asked.parameters), ())
        describe = asked.command != "create"
        options = dict(asked.options) if not describe else {}
        if not describe and asked.provenance is not None:
            tags = [*options.get("tags", ()), *self._orchestrator.create_tags(asked.provenance)]
            options = {**options, "tags": tags} if tags else options
        if not airflow:
            return self._run("create", options, CaptureRequest(group="", describe_only=describe), ())
        with tempfile.TemporaryDirectory(prefix="airflow-") as folder:
            return self._compile_dag(asked, options, Path(folder), describe=describe)

    def _compile_dag(self, asked: Compile, options: Mapping[str, Any], folder: Path, *, describe: bool) -> Compiled:
        file = folder / "dag.py"
        parameters = asked.parameters if asked.command == "trigger" else None
        capture = CaptureRequest(group="", describe_only=describe, parameters=parameters)
        compiled = self._run("create", options, capture, (str(file),))
        if describe:
            return compiled
        text = file.read_text(encoding="utf-8") if file.is_file() else ""
        dag = read_compiled(text)
        if dag is None:
            raise DeployError(_unreadable(compiled.description.name))
        check_schedule(dag, _name(self._request))
        write = Write(kind="dag", name=file_name(dag.dag_id), body=text)
        return msgspec.structs.replace(compiled, writes=(write,), warnings=_dag_warnings(dag, options))

    def _run(self, command: str, options: Mapping[str, Any], capture: CaptureRequest, extra: Sequence[str]) -> Compiled:
        request, configs = _shared_configs(self._request)
        arguments = create_arguments(request, command, options, extra)
        capture = msgspec.structs.replace(
            capture,
            configs=configs,
            group=request.orchestrator,
            production=request.production,
            production_by_default=request.production_by_default,
            project_branch=request.project_branch,
            folder=request.folder,
            flow_file=str(request.flow_file),
            repository_root=request.repository_root,
        )
        # Metaflow writes the time to a DAG as its start date, without its zone; it is read back as UTC.
        environment = {**self._environment, **({"TZ": "UTC"} if request.orchestrator == "airflow" else {})}
        status, captured = commands.run_captured(
            self._warm, [sys.executable, *arguments], environment, request.folder, capture
        )
        return self._compiled(status, captured, command)

    def _compiled(self, status: int, captured: Captured | None, command: str) -> Compiled:
        request = self._request
        if captured is None:
            raise DeployError(_died(status))
        if captured.failures:
            raise DeployErrors(tuple(captured.failures))
        if captured.error is not None:
            raise CommandFailed(
                FailureReason.TRIGGER if command == "trigger" else FailureReason.DEPLOY,
                f"Metaflow could not {DOING[command]} {_name(request)}",
                captured.error,
                command_failure(captured.error, command, request),
            )
        if captured.description is None or captured.target is None:
            file, root = Path(str(request.flow_file)), Path(request.repository_root)
            raise DeployError(why_nothing_starts(file, root, captured.ended))
        target = msgspec.structs.replace(
            captured.target,
            takes_options=captured.project_options,
            production_by_default=captured.production_by_default,
        )
        other = next((one for one in captured.writes if _is_deployment(one) and one.name != target.deployment_id), None)
        if other is not None:
            raise DeployError(_another(_name(request), other.name, str(target.deployment_id)))
        self._check_project(captured.description.name, captured.description.project, takes=captured.project_options)
        return Compiled(
            description=captured.description,
            target=target,
            writes=tuple(captured.writes),
            trigger=captured.trigger,
        )

    def _check_project(self, flow_name: str, project: str | None, *, takes: bool) -> None:
        """That `project-branch` and `production` were given to a flow that takes them."""
        asked = option_of(self._request)
        if asked is None or takes:
            return
        if project is None:
            message = f"`{asked}` was given, but {flow_name} has no @project decorator."
            advice = f"Add @project(name=…) to the flow, or leave `{asked}` out, where the code may go to production."
        else:
            message = f"`{asked}` was given, but {flow_name} has @project from a mutator: Metaflow has no such option."
            advice = f"Give `branch` or `production` to @project in the mutator, and leave `{asked}` out."
        raise DeployError(Failure(reason=FailureReason.INPUT, input=asked, message=message, advice=advice))

    def _take_process_options(self) -> None:
        """Take up the environment that `deployer-options` names.

        A variable of Metaflow's is read when Metaflow is imported: the command then is no fork of the warm process.
        """
        options = dict(self._request.deployer_options)
        given = {name: options.pop(name) for name in PROCESS_OPTIONS if name in options}
        self._request = msgspec.structs.replace(self._request, deployer_options=options)
        environment = {str(key): str(value) for key, value in dict(given.get("env") or {}).items()}
        if given.get("profile") is not None:
            environment["METAFLOW_PROFILE"] = str(given["profile"])
        self._environment.update(environment)


def _shared_configs(request: Open) -> tuple[Open, dict[str, list[tuple[str, str]]]]:
    """The Configs that each flow takes as it declares them, apart from the other options."""
    if not request.shares_configs:
        return request, {}
    configs = {
        option: [(str(name), str(text)) for name, text in request.deployer_options[option]]
        for option in PAIRS
        if option in request.deployer_options
    }
    others = {name: value for name, value in request.deployer_options.items() if name not in configs}
    return msgspec.structs.replace(request, deployer_options=others), configs


def _name(request: Open) -> str:
    return relative_path(str(request.flow_file), request.repository_root) or str(request.flow_file)


def _dag_warnings(dag: CompiledDag, options: Mapping[str, Any]) -> tuple[str, ...]:
    if options.get("workflow_timeout") is None or dag.schedule is not None:
        return ()
    return (
        "Airflow ends no run at `workflow-timeout` here: Metaflow passes the limit on for a flow with @schedule only.",
    )


def _unreadable(flow_name: str) -> Failure:
    return Failure(
        reason=FailureReason.DEPLOY,
        message=f"What Metaflow compiled of {flow_name} is no DAG file that this action knows.",
        advice="Deploy with the Metaflow that the action brings, or with one that `requirements` pins to 2.9 or later.",
    )


def _is_deployment(write: Write) -> bool:
    return write.kind in ("WorkflowTemplate", "stateMachine")


def _another(file: str, written: str, checked: str) -> Failure:
    return Failure(
        reason=FailureReason.FLOW_INVALID,
        message=f"{file} compiles to `{written}`, and Metaflow named `{checked}` when it opened the flow.",
        advice="Let the file start one flow, once, and change no names of Metaflow's meanwhile.",
    )


def _died(status: int) -> Failure:
    if status == server.LOST:
        return Failure(
            reason=FailureReason.FLOW_IMPORT,
            message="The flow has closed a file descriptor that it did not open, over which the result is handed over.",
            advice="Let the flow's file close only what it opens: no os.closerange, no daemonizing, at its top level.",
        )
    how = f"by signal {-status}" if status < 0 else f"with exit code {status}"
    return Failure(
        reason=FailureReason.FLOW_IMPORT,
        message=f"The process that opened the flow ended by itself, {how}, before Metaflow was done.",
        advice="What it printed last is in the log; a flow that is short of memory, or that ends the interpreter with "
        "os._exit, does this.",
    )
