"""Faults of moto 5.2 in the way of Metaflow's state machines, each mended to what AWS does."""

from __future__ import annotations

import sys
import uuid
from typing import Any

import boto3.session
from jsonpath_ng.jsonpath import Child, Fields, Index, Root
from moto.stepfunctions import models, responses
from moto.stepfunctions.exceptions import AWSError
from moto.stepfunctions.parser import models as parser_models
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service,
    state_task_service_batch,
    state_task_service_callback,
)
from moto.stepfunctions.parser.asl.utils import json_path
from moto.stepfunctions.parser.backend import execution as execution_backend

REASON = "the execution was stopped"
POLL_SECONDS = 0.05
"""How often a state that waits for a Batch job looks at it; moto looks every half second."""


class StateMachineAlreadyExists(AWSError):  # type: ignore[misc]  # moto has no types
    """What CreateStateMachine answers for a name that is taken by another definition or role."""

    TYPE = "StateMachineAlreadyExists"
    STATUS = 400


def mend() -> None:
    """Mend them all, once, before the server starts."""
    refuse_to_create_what_exists()
    name_executions()
    translate_service_parameters()
    select_json_as_aws_does()
    look_at_jobs_often()
    stop_the_jobs_of_an_execution()
    count_revisions()


def refuse_to_create_what_exists() -> None:
    """AWS refuses to create a state machine under a name that has another definition; moto returns the old one, so
    that Metaflow, which then updates, never does, and a redeployment changes nothing."""
    create = models.StepFunctionBackend.create_state_machine

    def create_state_machine(self: Any, name: str, definition: str, roleArn: str, *args: Any, **kwargs: Any) -> Any:  # noqa: N803
        for machine in self.state_machines:
            if machine.name == name and (machine.definition != definition or machine.roleArn != roleArn):
                raise StateMachineAlreadyExists(f"State Machine Already Exists: '{machine.arn}'")
        return create(self, name, definition, roleArn, *args, **kwargs)

    models.StepFunctionBackend.create_state_machine = create_state_machine


def name_executions() -> None:
    """AWS gives an execution that was started without a name a UUID; moto calls all of them None."""
    start = parser_models.StepFunctionsParserBackend.start_execution

    def start_execution(self: Any, state_machine_arn: str, name: str | None = None, *args: Any, **kwargs: Any) -> Any:
        return start(self, state_machine_arn, name or str(uuid.uuid4()), *args, **kwargs)

    parser_models.StepFunctionsParserBackend.start_execution = start_execution


def translate_service_parameters() -> None:
    """A state machine spells a service's parameters in PascalCase and boto3 in each service's own way; AWS translates,
    moto passes them on as they are."""
    session = boto3.session.Session()._session  # the models are there, and no client is needed
    service = state_task_service.StateTaskService
    snake = state_task_service.camel_to_snake_case

    def operation(self: Any, boto_service_name: str | None, service_action_name: str | None) -> Any:
        name = self._get_boto_service_name(boto_service_name)
        action = self._get_boto_service_action(service_action_name)
        model = session.get_service_model(name)
        return next((model.operation_model(one) for one in model.operation_names if snake(one) == action), None)

    def parameters(
        self: Any, parameters: dict[str, Any], boto_service_name: Any = None, service_action_name: Any = None
    ) -> None:
        found = operation(self, boto_service_name, service_action_name)
        if found is not None and found.input_shape is not None:
            self._to_boto_request(parameters, found.input_shape)

    def response(self: Any, response: Any, boto_service_name: Any = None, service_action_name: Any = None) -> None:
        found = operation(self, boto_service_name, service_action_name)
        if found is not None and found.output_shape is not None:
            self._from_boto_response(response, found.output_shape)

    service._normalise_parameters = parameters
    service._normalise_response = response


def select_json_as_aws_does() -> None:
    """In AWS a path of several keys, `$.['A','B']`, gives an object of them, and a path to one place, `$.[0].JobId`,
    gives what is there; moto gives lists for both."""
    extract = json_path.extract_json

    def extract_json(path: str, data: Any) -> Any:
        expression: Any = json_path.parse(path)
        if isinstance(expression, Child) and isinstance(expression.right, Fields) and len(expression.right.fields) > 1:
            several: Any = expression.find(data)
            return {str(match.path.fields[0]): match.value for match in several}
        if _is_one_place(expression):
            matches = expression.find(data)
            if len(matches) == 1:
                return matches[0].value
        return extract(path, data)

    for module in list(sys.modules.values()):
        if (
            getattr(module, "__name__", "").startswith("moto.stepfunctions")
            and vars(module).get("extract_json") is extract
        ):
            module.extract_json = extract_json  # type: ignore[attr-defined]


def _is_one_place(expression: Any) -> bool:
    if isinstance(expression, Child):
        return _is_one_place(expression.left) and _is_one_place(expression.right)
    if isinstance(expression, Fields):
        return len(expression.fields) == 1 and expression.fields[0] != "*"
    return isinstance(expression, Root | Index)


def look_at_jobs_often() -> None:
    """Only for speed: a run would take half a second a step longer."""
    state_task_service_callback._DELAY_SECONDS_SYNC_CONDITION_CHECK = POLL_SECONDS


def stop_the_jobs_of_an_execution() -> None:
    """AWS ends the Batch job that a stopped execution waits for (submitJob.sync: "if the state machine is stopped, Step
    Functions makes a best-effort attempt to cancel the task"); moto leaves it running."""
    from moto.batch.models import batch_backends

    service = state_task_service_batch.StateTaskServiceBatch
    build = service._build_sync_resolver
    stop = parser_models.StepFunctionsParserBackend.stop_execution
    communication = execution_backend.BaseExecutionWorkerCommunication
    reflect = communication._reflect_execution_status
    jobs: dict[str, list[str]] = {}
    stopped: set[str] = set()

    def build_sync_resolver(self: Any, env: Any, *args: Any, **kwargs: Any) -> Any:
        execution = env.states.context_object.context_object_data["Execution"]["Id"]
        job = env.stack[-1]["JobId"]
        jobs.setdefault(execution, []).append(job)
        if execution in stopped:  # stopped while the job was being submitted
            account, region = execution.split(":")[4], execution.split(":")[3]
            batch_backends[account][region].terminate_job(job, REASON)
        return build(self, env, *args, **kwargs)

    def stop_execution(self: Any, execution_arn: str, *args: Any, **kwargs: Any) -> Any:
        stopped.add(execution_arn)
        execution = stop(self, execution_arn, *args, **kwargs)
        # the thread that plays the execution notices later
        execution.exec_status = execution_backend.ExecutionStatus.ABORTED
        for job in jobs.pop(execution_arn, ()):
            batch_backends[self.account_id][self.region_name].terminate_job(job, REASON)
        return execution

    def reflect_execution_status(self: Any) -> None:
        reflect(self)
        if self.execution.exec_arn in stopped:  # that the ended job failed is no failure of the execution
            self.execution.exec_status = execution_backend.ExecutionStatus.ABORTED

    communication._reflect_execution_status = reflect_execution_status
    service._build_sync_resolver = build_sync_resolver
    parser_models.StepFunctionsParserBackend.stop_execution = stop_execution


def count_revisions() -> None:
    """AWS gives a state machine a new revision with every update, and tells of an execution with which one it ran
    (DescribeStateMachine, DescribeStateMachineForExecution: revisionId, updateDate); moto keeps none."""
    backend = parser_models.StepFunctionsParserBackend
    update, start = backend.update_state_machine, backend.start_execution
    describe = responses.StepFunctionResponse._describe_state_machine
    ran: dict[str, dict[str, Any]] = {}

    def update_state_machine(self: Any, *args: Any, **kwargs: Any) -> Any:
        machine = update(self, *args, **kwargs)
        machine.revision_id = str(uuid.uuid4())
        return machine

    def start_execution(self: Any, *args: Any, **kwargs: Any) -> Any:
        execution = start(self, *args, **kwargs)
        machine = self.describe_state_machine(execution.state_machine_arn)
        ran[execution.execution_arn] = {**_revision(machine), "updateDate": machine.update_date}
        return execution

    def describe_state_machine(self: Any, arn: str) -> Any:
        answer = describe(self, arn)
        answer.result.update(_revision(self.stepfunction_backend.describe_state_machine(arn)))
        return answer

    def describe_for_execution(self: Any) -> Any:
        arn = self._get_param("executionArn")
        machine = self.stepfunction_backend.describe_state_machine_for_execution(arn)
        answer = describe(self, machine.arn)
        answer.result.update(ran.get(arn, {}))
        return answer

    backend.update_state_machine = update_state_machine
    backend.start_execution = start_execution
    responses.StepFunctionResponse._describe_state_machine = describe_state_machine
    responses.StepFunctionResponse.describe_state_machine_for_execution = describe_for_execution


def _revision(machine: Any) -> dict[str, Any]:
    revision = getattr(machine, "revision_id", None)
    return {"revisionId": revision} if revision is not None else {}
