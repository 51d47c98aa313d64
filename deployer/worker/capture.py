"""`python flow.py … create` with everything that it would write captured as data and nothing of it written.

The flow runs as `__main__`, as plain Python runs it, so that Metaflow itself opens it: its mutators, Configs, base
classes, guards and names are Metaflow's to resolve. What is replaced, in a process of its own that ends with the
command, is named in `deployer.worker.internals`: the methods of Metaflow's clients that write to an orchestrator, and
the two methods of its command line by which a command is parsed and invoked.

What is still written while a flow is compiled: its code package, into the datastore, under the hash of its content.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import msgspec

from deployer.outcome import Failure, FailureReason, FlowDescription
from deployer.worker import internals
from deployer.worker.description import describe_flow, describe_target
from deployer.worker.failures import command_error, import_failure
from deployer.worker.parameters import as_option, as_text, convert, type_name
from deployer.worker.protocol import CommandError, Phase, Target, TriggerRequest, Write


class CaptureRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What the command's process is to capture."""

    group: str
    """The command group, which is the orchestrator's own name."""
    describe_only: bool = False
    """Whether to end before the command itself is invoked: the flow is opened, checked and named, and no more."""
    production: bool | None = None
    production_by_default: bool = False
    project_branch: str | None = None
    configs: dict[str, list[tuple[str, str]]] = {}
    """Of several flows' Configs, pairs of name and text by the option that takes them (`config`, `config_value`)."""
    parameters: dict[str, Any] | None = None
    """For `trigger`, the values of the flow's Parameters."""
    folder: str = "/"
    """Where a relative path of an IncludeFile starts."""
    flow_file: str = ""
    repository_root: str = "/"


class Captured(msgspec.Struct, kw_only=True):
    """What a command would have done; written by its process when it ends."""

    phase: Phase = "import"
    """How far the command came."""
    flow_name: str | None = None
    """The name of the flow's class, once Metaflow has it."""
    description: FlowDescription | None = None
    target: Target | None = None
    writes: list[Write] = []
    trigger: TriggerRequest | None = None
    failures: list[Failure] = []
    """What is wrong with the flow file's import, or with the values of the Parameters."""
    error: CommandError | None = None
    """The exception that ended the command."""
    ended: Failure | None = None
    """Where the file ended its own process with success, as by `sys.exit(0)`, before it started a flow."""
    project_options: bool = False
    """Whether Metaflow's command line takes `--branch` and `--production` for this flow."""
    production_by_default: bool = False
    """Whether `--production` was given since nothing named a branch."""
    configured: dict[str, str] | None = None
    """All METAFLOW_* there are, where the flow has set some before it imports Metaflow, or has added extensions of
    Metaflow to its import path; then nothing else is captured, since Metaflow reads both when it is imported."""
    import_path: list[str] | None = None
    """Beside `configured`, the import path that the flow has made."""


class _Described(SystemExit):
    """Ends the command before it is invoked."""


class Recorder:
    """Holds what was captured so far, and the hooks that fill it."""

    def __init__(self, request: CaptureRequest) -> None:
        self.request = request
        self.captured = Captured()
        self._refusal: Exception | None = None

    def install(self) -> None:
        """Put the hooks in place; for a process that ends with the command.

        Raises:
            RuntimeError: this Metaflow lacks what has to be replaced.
        """
        internals.replace_command_line(self.on_parse, self.on_invoke)
        internals.replace_writers(self.request.group, self)

    # --- what Metaflow's clients would write; called by `internals` ---

    def write(self, kind: str, name: str, *, namespace: str | None = None, body: Any = None) -> None:
        """Keep one write. From the first one on, the command's own progress is not printed: it would say that the flow
        was deployed."""
        self.captured.writes.append(Write(kind=kind, name=name, namespace=namespace, body=body))
        internals.silence_command()

    def trigger(self, name: str, parameters: dict[str, Any]) -> None:
        """Keep the run that would be triggered."""
        self.captured.trigger = TriggerRequest(deployment_id=name, parameters=parameters)
        internals.silence_command()

    # --- Metaflow's command line ---

    def on_parse(self, command: Any, name: str, arguments: list[str], parent: Any, state: Any) -> list[str]:
        """Add what can only be known once the flow is: the options of @project, the values of its Parameters.

        Args:
            command: click's command that is about to be parsed.
            name: its name.
            arguments: what it is given.
            parent: the context of the group that it belongs to; None for Metaflow's top level.
            state: Metaflow's state, of the top level alone.

        Returns:
            The arguments to parse.
        """
        if parent is None:
            if getattr(state, "flow", None) is None:
                return arguments
            flow_class = type(state.flow)
            if self.captured.description is not None:
                # a file may catch the SystemExit that ends the first one: what was captured would be of both
                self.captured.failures = [_second_flow(self.captured.description.name, flow_class.__name__)]
                raise SystemExit(1)
            self.captured.phase = "open"
            self.captured.flow_name = flow_class.__name__
            return [*self._project_options(command, flow_class), *self._configs(flow_class), *arguments]
        if name == "trigger" and parent.info_name == self.request.group and self.request.parameters is not None:
            return [*arguments, *self._parameter_arguments(parent.obj.flow)]
        return arguments

    def on_invoke(self, context: Any, invoke: Callable[[], Any]) -> Any:
        """Describe the flow around the command of the orchestrator's group; keep what a command raises."""
        try:
            return self._invoke(context, invoke)
        except Exception as error:
            self._refusal = error
            raise

    def _invoke(self, context: Any, invoke: Callable[[], Any]) -> Any:
        parent = context.parent
        if parent is None or parent.info_name != self.request.group:
            return invoke()
        self.captured.phase = "command"
        self._describe(context.obj)
        if self.request.describe_only:
            if self.request.parameters is not None:
                self._convert_parameters(context.obj.flow)
            raise _Described(0)
        result = invoke()
        self._refusal = None  # of an attempt before this one, which the flow's own code caught
        self._describe(context.obj)  # with the decorators that the command has attached
        return result

    def _describe(self, state: Any) -> None:
        self.captured.description = describe_flow(state.flow, state.graph, self.request.flow_file)
        self.captured.target = describe_target(state, self.request.group)

    def _project_options(self, command: Any, flow_class: Any) -> list[str]:
        """`--branch` and `--production`, where Metaflow takes them: for a @project that the class itself has.

        Production by default gives way to whatever else names a branch: the flow's own code, METAFLOW_FLOW_BRANCH and
        METAFLOW_FLOW_PRODUCTION, which are the environment variables of these options (metaflow.decorators,
        `add_decorator_options`).
        """
        options = {parameter.name for parameter in command.params}
        self.captured.project_options = {"production", "branch"} <= options
        if not self.captured.project_options:
            return []
        request, arguments = self.request, []
        if request.project_branch is not None:
            arguments.append(f"--branch={request.project_branch}")
        in_code = internals.project_attributes(flow_class)
        by_default = (
            request.production is None
            and request.production_by_default
            and request.project_branch is None
            and not {"branch", "production"} & in_code
            and not os.environ.get("METAFLOW_FLOW_BRANCH")
            and not os.environ.get("METAFLOW_FLOW_PRODUCTION")
        )
        self.captured.production_by_default = by_default
        if request.production or by_default:
            arguments.append("--production")
        return arguments

    def _configs(self, flow_class: Any) -> list[str]:
        """`--config` and `--config-value`, for the Configs that the flow declares."""
        declared = internals.flow_configs(flow_class)
        return [
            word
            for option, pairs in self.request.configs.items()
            for name, text in pairs
            if name in declared
            for word in (f"--{option.replace('_', '-')}", name, text)
        ]

    def _parameter_arguments(self, flow: Any) -> list[str]:
        by_name, converted = self._converted(flow)
        return [word for name, value in converted.items() for word in as_option(by_name[name], value)]

    def _convert_parameters(self, flow: Any) -> None:
        """For an orchestrator of which Metaflow has no `trigger`: what a run of it is given, as text."""
        by_name, converted = self._converted(flow)
        file = next((name for name in converted if type_name(by_name[name]) == "IncludeFile"), None)
        if file is not None:
            self.captured.failures = [_no_file(file)]
            raise SystemExit(1)
        assert self.captured.target is not None and self.captured.target.deployment_id is not None  # noqa: PT018
        texts = {name: as_text(value) for name, value in converted.items()}
        self.trigger(self.captured.target.deployment_id, texts)

    def _converted(self, flow: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        assert self.request.parameters is not None
        parameters = internals.flow_parameters(flow)
        converted, failures = convert(parameters, self.request.parameters, self.request.folder)
        if failures:
            self.captured.failures = list(failures)
            raise SystemExit(1)
        return {parameter.name: parameter for parameter in parameters}, converted

    def end(self, status: int, error: BaseException | None) -> None:
        """Keep the exception that ended the command, where it failed; also one that the flow's own code caught, as
        `except SystemExit` around the flow does, so that the file ends well though nothing was deployed.

        Args:
            status: the exit status.
            error: what was raised: SystemExit as well, behind which Metaflow hides what it has printed.
        """
        request = self.request
        if isinstance(error, _Described):
            return
        if status == 0 and self._refusal is None:
            if error is not None and self.captured.phase == "import":
                self.captured.ended = import_failure(error, request.flow_file, request.repository_root)
            return
        cause = self._refusal or error
        if isinstance(error, SystemExit) and error.__context__ is not None:
            cause = error.__context__
        if cause is None or self.captured.failures:
            return
        if self.captured.phase == "import":
            self.captured.failures = [import_failure(cause, request.flow_file, request.repository_root)]
        else:
            self.captured.error = command_error(
                cause,
                self.captured.phase,
                flow_file=request.flow_file,
                root=request.repository_root,
                flow_name=self.captured.flow_name,
            )


def _second_flow(first: str, second: str) -> Failure:
    return Failure(
        reason=FailureReason.FLOW_INVALID,
        message=f"The file starts two flows in one process, {first} and then {second}.",
        advice="Start one flow in a file, and leave SystemExit to end it.",
    )


def _no_file(name: str) -> Failure:
    return Failure(
        reason=FailureReason.INPUT,
        input="parameters",
        message=f"The parameter `{name}` is an IncludeFile, and a DAG run of Airflow carries no file.",
        advice="Leave it out, so that the file is taken that the flow was deployed with.",
    )
