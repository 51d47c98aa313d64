"""A flow's own process: takes requests one after another, answers each, and ends when the action closes its channel."""

from __future__ import annotations

import os
import socket
import traceback
from dataclasses import replace
from typing import Any

import msgspec

from deployer.orchestrators import open_orchestrator
from deployer.orchestrators.airflow import Airflow
from deployer.orchestrators.driver import MetaflowSettings, Orchestrator
from deployer.orchestrators.extension.driver import Plugin
from deployer.outcome import DeployError, Deployment, Failure, FailureReason, Run, RunStatus
from deployer.worker import airflow, checks, configuration, protocol
from deployer.worker import inventory as deployments
from deployer.worker import runs as metaflow_runs
from deployer.worker.apply import apply
from deployer.worker.compile import BUILT_IN, FlowCompiler
from deployer.worker.failures import CommandFailed, DeployErrors
from deployer.worker.flow import OpenedFlow, open_flow, trigger
from deployer.worker.inventory_protocol import InventoryRequest
from deployer.worker.parameters import as_text, convert
from deployer.worker.plugins import DeployerPlugin
from deployer.worker.runtime import installed_orchestrators, runtime
from deployer.worker.server import take_up_search_path


def run_session(channel: socket.socket, warm: socket.socket) -> None:
    """Serve requests until the channel closes.

    Args:
        channel: to the action's process, one JSON document a line each way.
        warm: to the warm process, which forks Deployer's commands.
    """
    with channel, channel.makefile("rb") as requests:
        _say(channel, protocol.Ready(pid=os.getpid()))
        session = Session(warm)
        for line in requests:
            _say(channel, _reply(session, line))


def _say(channel: socket.socket, reply: protocol.Reply) -> None:
    channel.sendall(msgspec.json.encode(reply) + b"\n")


def _reply(session: Session, line: bytes) -> protocol.Reply:
    try:
        request: protocol.Request = msgspec.json.decode(line, type=protocol.Request)
        return protocol.Answer(value=msgspec.Raw(msgspec.json.encode(session.answer(request))))
    except DeployErrors as several:
        return protocol.Refusal(failures=several.failures)
    except DeployError as error:
        return protocol.Refusal(failures=(error.failure,))
    except CommandFailed as error:
        failure = error.failure or Failure(
            reason=error.reason, message=f"{error}.", advice="What Metaflow printed says why."
        )
        return protocol.Refusal(failures=(failure,), from_output=True, error=error.error)
    except Exception as error:  # noqa: BLE001  # the process's last frame: told whole, as an internal failure
        failure = Failure(
            reason=FailureReason.INTERNAL,
            message=f"The flow's process met an error that it does not know: {type(error).__name__}: {error}",
            advice="Please report it with the traceback below.",
            evidence=traceback.format_exc(),
        )
        return protocol.Refusal(failures=(failure,))


class Session:
    """The state of one flow's process: the opened flow and the orchestrator's client."""

    def __init__(self, warm: socket.socket) -> None:
        self._warm = warm
        self._request: protocol.Open | None = None
        self._flow: OpenedFlow | None = None
        self._orchestrator: Orchestrator | None = None

    def answer(self, request: protocol.Request) -> Any:  # noqa: PLR0911  # one request a line
        """Do what is asked; what it returns is what the request's docstring says.

        Raises:
            DeployError: with the reason.
        """
        match request:
            case protocol.Open():
                return self._open(request)
            case protocol.Examine():
                return checks.examine(request.area, request.orchestrator, request.airflow)
            case protocol.Compile():
                return self._compile(request)
            case protocol.Deploy():
                return self._deploy(request)
            case protocol.Trigger():
                return self._trigger(request)
            case _ if isinstance(request, InventoryRequest):
                return deployments.answer(request, self._opened_orchestrator())
            case _:
                return self._ask_orchestrator(request)

    def _ask_orchestrator(self, request: protocol.Request) -> Any:  # noqa: PLR0911  # one request a line
        orchestrator = self._opened_orchestrator()
        match request:
            case protocol.Read():
                return self._read(orchestrator, request)
            case protocol.Stamp():
                return orchestrator.stamp(request.deployment_id, request.provenance)
            case protocol.TakeSnapshot():
                return orchestrator.snapshot(request.deployment_id)
            case protocol.Restore():
                return orchestrator.restore(request.snapshot)
            case protocol.Observe():
                assert self._request is not None
                return metaflow_runs.observe(orchestrator, request, self._request.repository_root)
            case protocol.Loaded() | protocol.StackTrace() | protocol.NotLoaded():
                assert isinstance(orchestrator, Airflow)
                return airflow.answer(orchestrator, request)
            case protocol.Terminate():
                return orchestrator.terminate(request.deployment, request.run.id)
        raise AssertionError(f"no such request: {request!r}")

    def _read(self, orchestrator: Orchestrator, request: protocol.Read) -> Deployment | None:
        deployment = orchestrator.read(request.deployment_id, request.flow_name)
        if deployment is None or deployment.project is not None or self._flow is None:
            return deployment
        # Step Functions keeps no trace of the project; the opened flow knows it
        return replace(deployment, project=self._flow.project, project_branch=self._flow.project_branch())

    def _open(self, request: protocol.Open) -> protocol.Opened:
        os.chdir(request.folder)
        self._request = request
        self._orchestrator = open_orchestrator(request.orchestrator, settings(), request.airflow)
        if isinstance(self._orchestrator, Plugin):
            if request.flow_file is not None:
                take_up_search_path(os.environ)
                self._flow = open_flow(request, self._warm)
            self._orchestrator = DeployerPlugin(request.orchestrator, settings(), self._flow, self._warm)
        return protocol.Opened(
            runtime=runtime(request.orchestrator),
            settings=settings(),
            orchestrators=installed_orchestrators(),
            warnings=self._opened_orchestrator().notices(),
        )

    def _compile(self, request: protocol.Compile) -> protocol.Compiled:
        assert self._request is not None
        if self._request.orchestrator not in BUILT_IN:
            return self._describe_for_extension(request)
        if request.command == "create":
            self._take_up_settings()
        return FlowCompiler(self._request, self._warm, self._opened_orchestrator()).compile(request)

    def _describe_for_extension(self, request: protocol.Compile) -> protocol.Compiled:
        flow = self._opened_flow()
        target = protocol.Target(
            deployment_id=None, project=flow.project, branch=flow.project_branch(), production=bool(flow.production)
        )
        compiled = protocol.Compiled(description=flow.description(), target=target)
        if request.command != "trigger":
            return compiled
        triggered = protocol.TriggerRequest(deployment_id="", parameters=self._converted(request.parameters))
        return msgspec.structs.replace(compiled, trigger=triggered)

    def _deploy(self, request: protocol.Deploy) -> protocol.Deployed:
        orchestrator = self._opened_orchestrator()
        if isinstance(orchestrator, Plugin):
            return self._opened_flow().create(self._with_tags(request))
        if isinstance(orchestrator, Airflow):
            return airflow.deliver(orchestrator, request)
        self._take_up_settings()
        return apply(request)

    def _with_tags(self, request: protocol.Deploy) -> dict[str, Any]:
        tags = [*request.options.get("tags", ()), *self._opened_orchestrator().create_tags(request.provenance)]
        return {**request.options, "tags": tags} if tags else dict(request.options)

    def _take_up_settings(self) -> None:
        """Configure Metaflow for what is installed at the orchestrator, where nobody chose otherwise."""
        found = self._opened_orchestrator().settings_for_create()
        settings = {
            name: value
            for name, value in found.items()
            if configuration.is_known(name) and not configuration.is_set(name)
        }
        os.environ.update(settings)
        configuration.take_up(settings)

    def _trigger(self, request: protocol.Trigger) -> Run:
        deployment, values = request.deployment, dict(request.parameters)
        if self._flow is not None:
            run = self._flow.trigger(deployment.id, values)
        elif deployment.orchestrator == "argo-workflows" and not request.compiled:
            run = trigger(_from_deployment(deployment.id, self._warm), values)
        else:
            if not request.compiled:
                values = {name: as_text(value) for name, value in values.items()}
            run = self._by_orchestrator(request, values)
        return replace(run, parameters={name: as_text(value) for name, value in values.items()})

    def _by_orchestrator(self, request: protocol.Trigger, parameters: dict[str, Any]) -> Run:
        run_id = self._opened_orchestrator().trigger(request.deployment, parameters, key=request.key)
        pathspec = f"{request.deployment.flow_name}/{run_id}"
        return Run(id=run_id, pathspec=pathspec, status=RunStatus.PENDING)

    def _converted(self, values: dict[str, Any]) -> dict[str, Any]:
        assert self._request is not None
        converted, failures = convert(self._opened_flow().parameters, values, self._request.folder)
        if failures:
            raise DeployErrors(failures)
        return converted

    def _opened_flow(self) -> OpenedFlow:
        assert self._flow is not None, "the request needs a flow file"
        return self._flow

    def _opened_orchestrator(self) -> Orchestrator:
        assert self._orchestrator is not None, "Open comes first"
        return self._orchestrator


def _from_deployment(deployment_id: str, warm: socket.socket) -> Any:
    from metaflow import DeployedFlow

    from deployer.worker import commands

    deployed = DeployedFlow.from_argo_workflows(deployment_id)
    commands.install(deployed.deployer, warm)
    return deployed


def settings() -> MetaflowSettings:
    """What the orchestrator modules have to know of Metaflow's configuration in this process."""
    from metaflow import metaflow_config
    from metaflow.util import get_username

    def value(name: str) -> str | None:
        found = getattr(metaflow_config, name, None)
        return str(found) if found else None

    return MetaflowSettings(
        user=get_username(),
        ui_url=value("UI_URL"),
        kubernetes_namespace=value("KUBERNETES_NAMESPACE") or "default",
        kubernetes_namespace_is_set=configuration.is_set("METAFLOW_KUBERNETES_NAMESPACE"),
        sensor_namespace=value("ARGO_EVENTS_SENSOR_NAMESPACE"),
        argo_ui_url=value("ARGO_WORKFLOWS_UI_URL"),
        region=os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION"),
        state_machine_prefix=value("SFN_STATE_MACHINE_PREFIX"),
    )
