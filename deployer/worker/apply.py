"""What was compiled, written by Metaflow's own clients, in a process that never imports the flow."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from deployer.outcome import FailureReason
from deployer.worker.failures import CommandFailed, command_error
from deployer.worker.internals import JOB_DEFINITION
from deployer.worker.protocol import Deploy, Deployed, Write


def apply(request: Deploy) -> Deployed:
    """Write what was compiled, in the order in which `create` writes it.

    Raises:
        CommandFailed: the orchestrator refused; its words were printed, as Metaflow prints them.
    """
    writers: Mapping[str, Callable[[Write, dict[str, str]], None]] = {
        "WorkflowTemplate": _workflow_template,
        "CronWorkflow": _cron_workflow,
        "Sensor": _sensor,
        "deleted-Sensor": _deleted_sensor,
        "replaced-name": _replaced_name,
        "jobDefinition": _job_definition,
        "stateMachine": _state_machine,
        "rule": _rule,
    }
    arns: dict[str, str] = {}
    for write in request.writes:
        try:
            writers[write.kind](write, arns)
        except Exception as error:  # whatever Metaflow's client, kubernetes or botocore raise: it is the cause
            message = str(getattr(error, "message", None) or error)
            sys.stderr.write(f"{type(error).__name__}: {message}\n")
            message = f"Metaflow could not deploy {request.flow_name}"
            raise CommandFailed(FailureReason.DEPLOY, message, command_error(error, "command")) from error
    names = [write.name for write in request.writes if write.kind in ("WorkflowTemplate", "stateMachine")]
    return Deployed(deployment_id=names[0], flow_name=request.flow_name)


def _argo_client(namespace: str | None) -> Any:
    from metaflow.plugins.argo.argo_client import ArgoClient

    return ArgoClient(namespace=namespace)


def _workflow_template(write: Write, arns: dict[str, str]) -> None:  # noqa: ARG001  # of Step Functions alone
    _argo_client(write.namespace).register_workflow_template(write.name, write.body)


def _cron_workflow(write: Write, arns: dict[str, str]) -> None:  # noqa: ARG001
    client = _argo_client(write.namespace)
    client.schedule_workflow_template(write.name, write.body["schedule"], write.body["timezone"])


def _sensor(write: Write, arns: dict[str, str]) -> None:  # noqa: ARG001
    client = _argo_client(write.namespace)
    client.register_sensor(*_taken(client.register_sensor, write.name, write.body, write.namespace))


def _deleted_sensor(write: Write, arns: dict[str, str]) -> None:  # noqa: ARG001
    client = _argo_client(write.namespace)
    client.delete_sensor(*_taken(client.delete_sensor, write.name, write.namespace))


def _taken(method: Callable[..., Any], *arguments: Any) -> tuple[Any, ...]:
    """As many arguments as a method takes: Metaflow's up to 2.19.8 take no namespace of a Sensor."""
    return arguments[: len(inspect.signature(method).parameters)]


def _replaced_name(write: Write, arns: dict[str, str]) -> None:  # noqa: ARG001
    """The name that Metaflow up to 2.16 deployed the flow under; that nothing has it is the rule, and no failure."""
    from metaflow.plugins.argo.argo_workflows import ArgoWorkflows, ArgoWorkflowsException

    with suppress(ArgoWorkflowsException):
        ArgoWorkflows.delete(write.name)


def _job_definition(write: Write, arns: dict[str, str]) -> None:
    from metaflow.plugins.aws.aws_client import get_aws_client

    response = get_aws_client("batch").register_job_definition(**write.body)
    arns[f"{JOB_DEFINITION}{write.name}"] = str(response["jobDefinitionArn"])


def _state_machine(write: Write, arns: dict[str, str]) -> None:
    from metaflow.plugins.aws.step_functions.step_functions_client import StepFunctionsClient

    definition = write.body["definition"]
    for placeholder, arn in arns.items():
        definition = definition.replace(placeholder, arn)
    arns["stateMachine"] = StepFunctionsClient().push(
        name=write.name,
        definition=definition,
        role_arn=write.body["role_arn"],
        log_execution_history=write.body["log_execution_history"],
    )


def _rule(write: Write, arns: dict[str, str]) -> None:
    from metaflow.plugins.aws.step_functions.event_bridge_client import EventBridgeClient

    client = EventBridgeClient(write.name).cron(write.body["cron"]).role_arn(write.body["role_arn"])
    client.state_machine_arn(arns["stateMachine"]).schedule()
