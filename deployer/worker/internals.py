"""What is relied on of Metaflow beyond its documented interface, all of it in one place.

- click's parsing and invoking of a command: `metaflow._vendor.click.core.BaseCommand.make_context`, `Command.invoke`;
- what `argo-workflows create` and `trigger` write: `ArgoClient.register_workflow_template`,
  `.schedule_workflow_template`, `.register_sensor`, `.delete_sensor`, `ArgoWorkflows.delete`, `.trigger`;
- what `step-functions create` and `trigger` write: `StepFunctionsClient.push`, `EventBridgeClient.schedule`,
  `BatchJob._register_job_definition`, `StepFunctions.trigger`;
- a flow's Parameters, Configs and decorators: `FlowSpec._get_parameters`, `IS_CONFIG_PARAMETER`, `_flow_decorators`;
- the expression on a Config that could not be computed: `to_eval_expr` of `DelayEvaluator.__call__`.

A release that lacks one of the first three cannot be deployed with, and is refused by the name of what it lacks.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any, Protocol

JOB_DEFINITION = "metaflow-deploy:job-definition:"
"""What stands in a compiled state machine for the ARN of a job definition that is not registered yet, before its
name."""


class Writer(Protocol):
    """Takes what Metaflow's clients would write."""

    def write(self, kind: str, name: str, *, namespace: str | None = None, body: Any = None) -> None:
        """Take one write."""

    def trigger(self, name: str, parameters: dict[str, Any]) -> None:
        """Take the run that would be triggered."""


class MissingInternal(RuntimeError):
    """This Metaflow has not what has to be replaced; the message names it."""


def replace_command_line(
    on_parse: Callable[[Any, str, list[str], Any, Any], list[str]],
    on_invoke: Callable[[Any, Callable[[], Any]], Any],
) -> None:
    """Have every command of Metaflow pass through two functions; for a process that ends with the command.

    Args:
        on_parse: takes the command, its name, its arguments, the parent's context and Metaflow's state; returns the
            arguments to parse.
        on_invoke: takes the command's context and a function that invokes it; returns what that returns.
    """
    from metaflow._vendor.click import core

    parse, invoke = _method(core.BaseCommand, "make_context"), _method(core.Command, "invoke")

    def make_context(self: Any, info_name: str, args: list[str], parent: Any = None, **extra: Any) -> Any:
        arguments = on_parse(self, info_name, list(args), parent, extra.get("obj"))
        return parse(self, info_name, arguments, parent=parent, **extra)

    def invoke_command(self: Any, ctx: Any) -> Any:
        return on_invoke(ctx, lambda: invoke(self, ctx))

    core.BaseCommand.make_context = make_context
    core.Command.invoke = invoke_command


def replace_writers(group: str, writer: Writer) -> None:
    """Have Metaflow's clients hand over what they would write; for a process that ends with the command.

    Args:
        group: the orchestrator's command group.
        writer: what it is handed to.

    Raises:
        MissingInternal: this Metaflow has no such method.
    """
    if group == "argo-workflows":
        _replace_argo(writer)
    elif group == "step-functions":
        _replace_step_functions(writer)


def _replace_argo(writer: Writer) -> None:
    from metaflow.plugins.argo.argo_client import ArgoClient
    from metaflow.plugins.argo.argo_workflows import ArgoWorkflows

    def register_workflow_template(self: Any, name: str, workflow_template: Any) -> None:
        writer.write("WorkflowTemplate", name, namespace=self._namespace, body=workflow_template)

    def schedule_workflow_template(self: Any, name: str, schedule: Any = None, timezone: Any = None) -> None:
        body = {"schedule": schedule, "timezone": timezone}
        writer.write("CronWorkflow", name, namespace=self._namespace, body=body)

    def register_sensor(self: Any, name: str, sensor: Any = None, sensor_namespace: Any = None) -> None:
        writer.write("Sensor", name, namespace=sensor_namespace or self._namespace, body=sensor)

    def delete_sensor(self: Any, name: str, sensor_namespace: Any = None) -> None:
        writer.write("deleted-Sensor", name, namespace=sensor_namespace or self._namespace)

    def delete(name: str) -> tuple[None, None, None]:
        writer.write("replaced-name", name)
        return None, None, None

    def trigger(name: str, parameters: Any = None) -> Any:
        writer.trigger(name, dict(parameters or {}))
        return {"metadata": {"name": "captured"}}

    _replace(ArgoClient, register_workflow_template)
    _replace(ArgoClient, schedule_workflow_template)
    _replace(ArgoClient, register_sensor)
    _replace(ArgoClient, delete_sensor)
    _replace(ArgoWorkflows, delete, static=True)
    _replace(ArgoWorkflows, trigger, static=True)


def _replace_step_functions(writer: Writer) -> None:
    from metaflow.plugins.aws.batch.batch_client import BatchJob
    from metaflow.plugins.aws.step_functions.event_bridge_client import EventBridgeClient
    from metaflow.plugins.aws.step_functions.step_functions import StepFunctions
    from metaflow.plugins.aws.step_functions.step_functions_client import StepFunctionsClient

    def push(_: Any, name: str, definition: str, role_arn: str, log_execution_history: Any) -> str:
        body = {"definition": definition, "role_arn": role_arn, "log_execution_history": log_execution_history}
        writer.write("stateMachine", name, body=body)
        return "captured"

    def schedule(self: Any) -> str:
        cron = self.cron if isinstance(self.cron, str) else None
        writer.write("rule", self.name, body={"cron": cron, "role_arn": self.role_arn})
        return str(self.name)

    def trigger(name: str, parameters: Any) -> Any:
        writer.trigger(name, dict(parameters or {}))
        return {"executionArn": "captured"}

    register = _method(BatchJob, "_register_job_definition")
    registered: set[str] = set()

    def register_job_definition(self: Any, *args: Any, **kwargs: Any) -> Any:
        client = self._client
        self._client = _Batch(client, writer, registered)
        try:
            return register(self, *args, **kwargs)
        finally:
            self._client = client

    _replace(StepFunctionsClient, push)
    _replace(EventBridgeClient, schedule)
    _replace(StepFunctions, trigger, static=True)
    BatchJob._register_job_definition = register_job_definition  # noqa: SLF001


class _Batch:
    """boto3's client of Batch, which registers nothing."""

    def __init__(self, client: Any, writer: Writer, registered: set[str]) -> None:
        self._client = client
        self._writer = writer
        self._registered = registered

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def register_job_definition(self, **definition: Any) -> dict[str, str]:
        name = str(definition["jobDefinitionName"])
        if name not in self._registered:
            self._registered.add(name)
            self._writer.write("jobDefinition", name, body=definition)
        return {"jobDefinitionArn": f"{JOB_DEFINITION}{name}"}


def silence_command() -> None:
    """Have the command that runs print no more of its progress."""
    from metaflow._vendor import click

    context = click.get_current_context(silent=True)
    if context is not None and hasattr(context.obj, "echo"):
        context.obj.echo = _print_nothing


def _print_nothing(*args: Any, **kwargs: Any) -> None:
    """In the place of Metaflow's `echo`."""


def flow_parameters(flow: Any) -> tuple[Any, ...]:
    """The Parameter objects of a flow, its Configs left out."""
    return tuple(one for _, one in flow._get_parameters() if not _is_config(one))  # noqa: SLF001


def flow_configs(flow: Any) -> tuple[str, ...]:
    """The names of a flow's Configs."""
    return tuple(str(one.name) for _, one in flow._get_parameters() if _is_config(one))  # noqa: SLF001


def config_expression(error: BaseException) -> str | None:
    """The expression on a Config whose evaluation raised an exception, from `DelayEvaluator.__call__`'s own variable;
    None where there is none, or where this Metaflow keeps it otherwise."""
    found = None
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if frame.f_globals.get("__name__") == "metaflow.user_configs.config_parameters":
            found = frame.f_locals.get("to_eval_expr", found)
    return found if isinstance(found, str) else None


def _is_config(parameter: Any) -> bool:
    return bool(getattr(parameter, "IS_CONFIG_PARAMETER", False))


def project_attributes(flow_class: Any) -> frozenset[str]:
    """Which of `branch` and `production` the @project of a class names itself; None is as good as not naming it."""
    decorators = flow_decorators(flow_class, "project")
    if not decorators:
        return frozenset()
    one = decorators[0]
    named = getattr(one, "_user_defined_attributes", None)
    attributes = dict(getattr(one, "attributes", {}))
    if named is None:
        named = {name for name in ("branch", "production") if attributes.get(name)}
    return frozenset(name for name in ("branch", "production") if name in named and attributes.get(name) is not None)


def flow_decorators(flow: Any, name: str) -> tuple[Any, ...]:
    """The decorators of a name that a flow, or its class, has."""
    state: Any = getattr(flow, "_flow_decorators", None)
    if not hasattr(state, "get"):
        try:
            from metaflow.flowspec import FlowStateItems
        except ImportError:
            return ()
        state = flow._flow_state[FlowStateItems.FLOW_DECORATORS]  # noqa: SLF001
    return tuple(state.get(name) or ())


def _method(owner: Any, name: str) -> Any:
    found = getattr(owner, name, None)
    if found is None:
        raise MissingInternal(f"{owner.__module__}.{owner.__name__}.{name}")
    return found


def _replace(owner: Any, function: Callable[..., Any], *, static: bool = False) -> None:
    _method(owner, function.__name__)
    setattr(owner, function.__name__, staticmethod(function) if static else function)
