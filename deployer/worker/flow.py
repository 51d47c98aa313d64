"""One flow file, opened through Deployer for an orchestrator that an extension registers: its parameters, its graph;
`create` and `trigger`. What Metaflow itself compiles for is opened in `deployer.worker.compile`."""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from deployer.outcome import (
    DeployError,
    Failure,
    FailureReason,
    FlowDescription,
    Run,
    RunStatus,
)
from deployer.worker import commands, internals, protocol
from deployer.worker.description import describe_steps
from deployer.worker.failures import CommandFailed, import_failure, option_failure
from deployer.worker.parameters import describe_parameter
from deployer.worker.runtime import installed_orchestrators


@dataclass(kw_only=True)
class OpenedFlow:
    """A flow whose file was imported by Deployer in this process."""

    impl: Any
    """Metaflow's DeployerImpl."""
    root: Any
    """Its MetaflowAPI, with the top-level options."""
    flow_class: Any
    repository_root: str
    deployment_name: str | None
    production: bool | None
    parameters: tuple[Any, ...]
    """Metaflow's own Parameter objects, Configs left out."""
    project: str | None
    triggered: dict[str, Any] = field(default_factory=dict)
    """Deployer's TriggeredRun of each run that this process triggered, by the run's id."""

    def description(self) -> FlowDescription:
        """What the flow holds."""
        flow = self.flow_class
        return FlowDescription(
            name=flow.__name__,
            parameters=tuple(describe_parameter(parameter) for parameter in self.parameters),
            configs=internals.flow_configs(flow),
            steps=describe_steps(flow._graph, self.impl.flow_file),  # noqa: SLF001  # Metaflow's own plug-ins read it so
            project=self.project,
        )

    def project_branch(self) -> str | None:
        """Metaflow's name of the branch (`prod`, `test.x`, `user.x`); None for a flow without @project."""
        if self.project is None:
            return None
        from metaflow.plugins.project_decorator import format_name
        from metaflow.util import get_username

        options = self.impl.top_level_kwargs
        named = format_name(
            self.flow_class.__name__,
            self.project,
            bool(options.get("production")),
            options.get("branch"),
            get_username(),
        )
        return str(named[1])

    def create(self, options: Mapping[str, Any]) -> protocol.Deployed:
        """Deploy.

        Raises:
            DeployError: an option is unknown or ill-typed, or Metaflow refused before it started.
            CommandFailed: the command failed; the cause is in its output.
        """
        try:
            deployed = self.impl.create(**options)
        except (ValueError, TypeError) as error:
            raise DeployError(option_failure(error, "create-options")) from error
        except RuntimeError as error:
            raise CommandFailed(
                FailureReason.DEPLOY, f"Metaflow could not deploy {self.flow_class.__name__}"
            ) from error
        return protocol.Deployed(deployment_id=deployed.name, flow_name=deployed.flow_name)

    def trigger(self, deployment_id: str, parameters: Mapping[str, Any]) -> Run:
        """Trigger a run of what stands under the identifier.

        Raises:
            CommandFailed: the command failed; the cause is in its output.
        """
        impl = self.impl
        impl.name = deployment_id
        impl.flow_name = self.flow_class.__name__
        impl.metadata = getattr(impl, "metadata", None)
        triggered = triggered_run(impl.deployed_flow_type()(deployer=impl), parameters)
        run = started(triggered)
        self.triggered[run.id] = triggered
        return run


def trigger(deployed_flow: Any, parameters: Mapping[str, Any]) -> Run:
    """Trigger a run through Deployer's DeployedFlow; raises as `triggered_run`."""
    return started(triggered_run(deployed_flow, parameters))


def triggered_run(deployed_flow: Any, parameters: Mapping[str, Any]) -> Any:
    """Deployer's TriggeredRun of a run that is triggered now.

    Raises:
        DeployError: a parameter is unknown or ill-typed.
        CommandFailed: the command failed; the cause is in its output.
    """
    try:
        return deployed_flow.trigger(**parameters)
    except (ValueError, TypeError) as error:
        raise DeployError(option_failure(error, "parameters")) from error
    except Exception as error:
        # Deployer raises a bare Exception when the command fails; anything else is passed on
        if type(error) not in (Exception, RuntimeError):
            raise
        raise CommandFailed(FailureReason.TRIGGER, f"Metaflow could not trigger {deployed_flow.name}") from error


def started(triggered: Any) -> Run:
    """A TriggeredRun as a run of ours."""
    run_id = triggered.pathspec.split("/")[1]
    return Run(id=run_id, pathspec=triggered.pathspec, status=RunStatus.PENDING)


def open_flow(request: protocol.Open, warm: socket.socket) -> OpenedFlow:
    """Import the flow file through Deployer.

    Raises:
        DeployError: the orchestrator is not installed, the file cannot be imported, an option is unknown.
    """
    assert request.flow_file is not None
    _check_orchestrator(request.orchestrator)
    impl = _import_flow(request)
    commands.install(impl, warm)
    flow_class = impl.api.__dict__.get("flow_cls") or _flow_class(impl.flow_file)
    _resolve(impl, request)
    with _flow_context(flow_class):
        project = _project(flow_class)
    production = _production(request, project)
    _check_project(request, project, flow_class.__name__)
    impl.top_level_kwargs = _top_level(request, production=production)
    root, parameters = _resolve(impl, request)
    return OpenedFlow(
        impl=impl,
        root=root,
        flow_class=flow_class,
        repository_root=request.repository_root,
        deployment_name=request.deployment_name,
        production=production,
        parameters=parameters,
        project=project,
    )


def _check_orchestrator(orchestrator: str) -> None:
    installed = installed_orchestrators()
    if orchestrator not in installed:
        raise DeployError(
            Failure(
                reason=FailureReason.INPUT,
                input="orchestrator",
                message=f"There is no orchestrator {orchestrator!r} in this Metaflow.",
                advice=f"Write one of those installed: {', '.join(installed)}; or add the extension that registers it "
                "to `requirements`.",
            )
        )


def _import_flow(request: protocol.Open) -> Any:
    from metaflow import Deployer

    options = {key: value for key, value in request.deployer_options.items() if key not in DEPLOYER_ARGUMENTS}
    arguments = {key: value for key, value in request.deployer_options.items() if key in DEPLOYER_ARGUMENTS}
    group = {"name": request.deployment_name} if request.deployment_name is not None else {}
    with _hidden(), _failures_of_import(request):
        deployer = Deployer(request.flow_file, cwd=request.folder, show_output=True, **arguments, **options)
        return getattr(deployer, request.orchestrator.replace("-", "_"))(**group)


DEPLOYER_ARGUMENTS = ("profile", "env", "file_read_timeout")


@contextlib.contextmanager
def _hidden() -> Iterator[None]:
    """This package out of sight while a flow is imported, which may have a module called `deployer` of its own."""
    from deployer.worker.server import forget_ourselves

    path = list(sys.path)
    ours = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "deployer"}
    forget_ourselves()
    try:
        yield
    finally:
        for name in [name for name in sys.modules if name.split(".")[0] == "deployer"]:
            del sys.modules[name]
        sys.modules.update(ours)
        sys.path[:] = path


@contextlib.contextmanager
def _failures_of_import(request: protocol.Open) -> Iterator[None]:
    assert request.flow_file is not None
    try:
        yield
    except BaseException as error:  # SystemExit too: a flow may call sys.exit while it is imported
        if isinstance(error, KeyboardInterrupt | DeployError):
            raise
        raise DeployError(import_failure(error, request.flow_file, request.repository_root)) from error


def _flow_class(flow_file: str) -> Any:
    from metaflow.runner.click_api import extract_flow_class_from_file

    return extract_flow_class_from_file(flow_file)


def _resolve(impl: Any, request: protocol.Open) -> tuple[Any, tuple[Any, ...]]:
    """Metaflow's API object with the top-level options, and the flow's parameters after its configs are read."""
    try:
        root = impl.api(**impl.top_level_kwargs)
    except (ValueError, TypeError) as error:
        raise DeployError(option_failure(error, "deployer-options")) from error
    flow_class = impl.api.__dict__.get("flow_cls") or _flow_class(impl.flow_file)
    with _hidden(), _failures_of_import(request), _flow_context(flow_class):
        return root, tuple(root._compute_flow_parameters())  # noqa: SLF001  # Deployer has no public way to ask


def _flow_context(flow_class: Any) -> Any:
    """Metaflow's own context, outside of which a flow with mutators or Configs cannot be looked at."""
    try:
        from metaflow.parameters import flow_context
    except ImportError:
        return contextlib.nullcontext()
    return flow_context(flow_class)


def _project(flow_class: Any) -> str | None:
    decorators = flow_class(use_cli=False)._flow_decorators.get("project")  # noqa: SLF001  # as Metaflow's plug-ins do
    if not decorators:
        return None
    name = decorators[0].attributes.get("name")
    return name if isinstance(name, str) else None


def _production(request: protocol.Open, project: str | None) -> bool | None:
    if project is None:
        return None
    if request.production is not None:
        return request.production
    return request.production_by_default and request.project_branch is None


def _check_project(request: protocol.Open, project: str | None, flow_name: str) -> None:
    if project is not None:
        if request.deployment_name is not None:
            raise DeployError(
                Failure(
                    reason=FailureReason.INPUT,
                    input="deployment-name",
                    message=f"{flow_name} has @project, and Metaflow names deployments of a project by itself.",
                    advice="Leave `deployment-name` out; use `project-branch` to deploy beside production.",
                )
            )
        return
    asked = [
        name
        for name, value in (("project-branch", request.project_branch), ("production", request.production))
        if value
    ]
    if asked:
        raise DeployError(
            Failure(
                reason=FailureReason.INPUT,
                input=asked[0],
                message=f"`{asked[0]}` was given, but {flow_name} has no @project decorator.",
                advice=f"Add @project(name=…) to the flow, or leave `{asked[0]}` out, where the code may go to "
                "production.",
            )
        )


def _top_level(request: protocol.Open, *, production: bool | None) -> dict[str, Any]:
    options = {key: value for key, value in request.deployer_options.items() if key not in DEPLOYER_ARGUMENTS}
    if production:
        options["production"] = True
    if request.project_branch is not None:
        options["branch"] = request.project_branch
    return options
