"""AWS Step Functions over boto3: what Metaflow lacks there (status, from_deployment), next to what it has.

Where Metaflow keeps what, read from metaflow/plugins/aws/step_functions (2.19): the production token and the owner in
the start state's Parameters, the schedule in an EventBridge rule of the state machine's name (`event_bridge.py`), a
run's id in the execution's name (`sfn-` before it).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NoReturn
from urllib.parse import quote

from deployer.orchestrators.clients.aws_errors import code, failures
from deployer.orchestrators.driver import MetaflowSettings, RunState, Snapshot
from deployer.orchestrators.provenance import from_tags, run_tags, to_tags
from deployer.orchestrators.step_functions import objects as documents
from deployer.orchestrators.step_functions.event_bridge import EventBridge, cron, rule_name
from deployer.orchestrators.step_functions.inventory import StepFunctionsInventory, open_clients
from deployer.orchestrators.step_functions.objects import Machine
from deployer.orchestrators.undo import put_back_on_failure
from deployer.outcome import (
    Action,
    Change,
    DeployError,
    Deployment,
    Failure,
    FailureReason,
    Provenance,
    Run,
    RunStatus,
)

CONNECT_SECONDS = 10
READ_SECONDS = 20
ATTEMPTS = 3
STATES = {
    "RUNNING": RunStatus.RUNNING,
    "PENDING_REDRIVE": RunStatus.RUNNING,
    "SUCCEEDED": RunStatus.SUCCEEDED,
    "FAILED": RunStatus.FAILED,
    "TIMED_OUT": RunStatus.TIMED_OUT,
    "ABORTED": RunStatus.TERMINATED,
}
CONSOLES = {
    "aws": "console.aws.amazon.com",
    "aws-us-gov": "console.amazonaws-us-gov.com",
    "aws-cn": "console.amazonaws.cn",
}
TAG_PREFIX = "metaflow-deploy:"
REVISION = "revision"
"""The tag that tells which revision was stamped: a later one was deployed by something else, at a time unknown."""
MACHINE_KEYS = ("stateMachineArn", "name", "definition", "roleArn", "loggingConfiguration", "type")


def open_step_functions(settings: MetaflowSettings) -> StepFunctions:
    """Step Functions with clients of its own, by boto3's usual chain of credentials; no call lacks a limit.

    Raises:
        DeployError: there is no region.
    """
    import boto3
    from botocore.config import Config

    config = Config(
        connect_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS, retries={"total_max_attempts": ATTEMPTS}
    )
    session = boto3.session.Session(region_name=settings.region)
    with failures("opening a client"):
        return StepFunctions(
            session.client("stepfunctions", config=config), session.client("events", config=config), settings
        )


class StepFunctions:
    """The orchestrator; see `deployer.orchestrators.driver.Orchestrator`."""

    type = "step-functions"
    name_limit = 80

    def __init__(self, client: Any, events: Any, settings: MetaflowSettings) -> None:
        """Args:
        client: boto3's client of `stepfunctions`.
        events: boto3's client of `events`.
        settings: Metaflow's configuration.
        """
        self._client = client
        self._rules = EventBridge(events)
        self._settings = settings
        self._arns: dict[str, str] = {}

    def read(self, deployment_id: str, flow_name: str | None = None) -> Deployment | None:  # noqa: ARG002
        """The state machine of that name, with its rule and its tags."""
        machine = self._describe(deployment_id)
        if machine is None:
            return None
        documents.start_parameters(machine)  # a machine that Metaflow did not make is refused here
        return self._deployment(machine, self._rules.rule(deployment_id), self._tags(machine["stateMachineArn"]))

    def inventory(self) -> StepFunctionsInventory:
        """All that Metaflow deployed to the account and the region."""
        import boto3

        session = boto3.session.Session(region_name=self._settings.region)
        return StepFunctionsInventory(open_clients(session), describe=self._listed, run=self._listed_run)

    def _listed(self, machine: Machine, rule: Machine | None, tags: Mapping[str, str]) -> Deployment | None:
        """A deployment, where it is one of Metaflow's: of thousands in an account most may be others'."""
        try:
            return self._deployment(machine, rule, tags)
        except (DeployError, ValueError, AttributeError):  # no definition that Metaflow writes
            return None

    def _listed_run(self, deployment: Deployment, execution: Machine) -> Run:
        run_id = f"sfn-{execution['name']}"
        return Run(
            id=run_id,
            pathspec=f"{deployment.flow_name}/{run_id}",
            status=STATES.get(execution["status"], RunStatus.RUNNING),
            url=self.run_url(deployment, run_id),
            started_at=execution.get("startDate"),
            finished_at=execution.get("stopDate"),
            begun=True,
        )

    def _deployment(self, machine: Machine, rule: Machine | None, tags: Mapping[str, str]) -> Deployment:
        deployment_id, arn = str(machine["name"]), str(machine["stateMachineArn"])
        parameters = documents.start_parameters(machine)
        environment = documents.start_environment(machine)
        token = parameters.get("metaflow.production_token")
        flow_name = str(parameters.get("metaflow.flow_name") or environment.get("METAFLOW_FLOW_NAME") or deployment_id)
        project, branch = documents.project_of(deployment_id, flow_name, self._settings.state_machine_prefix)
        provenance = from_tags({key.removeprefix(TAG_PREFIX): value for key, value in tags.items()})
        return Deployment(
            id=deployment_id,
            orchestrator=self.type,
            flow_name=flow_name,
            arn=arn,
            region=_region(arn),
            url=self._machine_url(arn),
            schedule=cron(rule),
            timezone="UTC" if cron(rule) else None,
            metaflow_namespace=documents.namespace(environment, token),
            owner=parameters.get("metaflow.owner"),
            project=project,
            project_branch=branch,
            version=documents.version(machine, rule),
            provenance=provenance,
            production_token=token,
            tags=documents.run_tags(machine),
            deployed_at=documents.deployed_at(machine, provenance, tags.get(TAG_PREFIX + REVISION)),
            declared=documents.declared(machine, provenance, tags.get(TAG_PREFIX + REVISION)),
        )

    def create_tags(self, provenance: Provenance) -> tuple[str, ...]:
        """Tags for the runs; the state machine's own tags are written by `stamp`."""
        return run_tags(provenance)

    def stamp(self, deployment_id: str, provenance: Provenance) -> None:
        """Write the provenance to the state machine's tags."""
        arn = self._arn(deployment_id)
        if arn is None:
            return
        machine = self._describe(deployment_id) or {}
        values = {**to_tags(provenance), REVISION: documents.revision(machine)}
        tags = [{"key": TAG_PREFIX + key, "value": value} for key, value in values.items()]
        with failures(f"tagging the state machine {deployment_id}"):
            self._client.tag_resource(resourceArn=arn, tags=tags)
            gone = sorted(
                key for key in self._tags(arn) if key.startswith(TAG_PREFIX) and key not in {tag["key"] for tag in tags}
            )
            if gone:
                self._client.untag_resource(resourceArn=arn, tagKeys=gone)

    def notices(self) -> tuple[str, ...]:
        """Nothing."""
        return ()

    def settings_for_create(self) -> Mapping[str, str]:
        """Nothing: Metaflow has its configuration from the job alone."""
        return {}

    def snapshot(self, deployment_id: str) -> Snapshot | None:
        """Definition, role and logging of the state machine, its tags, its rule and the rule's targets."""
        machine = self._describe(deployment_id)
        kept: dict[str, Any] | None = None
        if machine is not None:
            kept = {key: machine[key] for key in MACHINE_KEYS if machine.get(key) is not None}
            kept["tags"] = self._tags(machine["stateMachineArn"])
        objects = {"stateMachine": kept, "rule": self._rules.snapshot(deployment_id)}
        return Snapshot(deployment_id=deployment_id, orchestrator=self.type, objects=objects)

    def restore(self, snapshot: Snapshot) -> tuple[Change, ...]:
        """Put state machine and rule back; what was not there is removed."""
        name = snapshot.deployment_id
        self._arns.clear()  # what `create` made since is not among those known
        changes = [self._restore_machine(name, snapshot.objects.get("stateMachine"))]
        changes.append(self._rules.restore(name, snapshot.objects.get("rule")))
        return tuple(change for change in changes if change is not None)

    def run_state(self, deployment: Deployment, run_id: str, *, diagnose: bool = False) -> RunState | None:  # noqa: ARG002
        """The execution of that name."""
        with failures(f"reading the execution {run_id}"):
            try:
                execution = self._client.describe_execution(executionArn=execution_arn(deployment, run_id))
            except self._client.exceptions.ExecutionDoesNotExist:
                return None
        cause = " ".join(filter(None, [execution.get("error"), execution.get("cause")]))
        return RunState(
            status=STATES.get(execution["status"], RunStatus.RUNNING),
            started_at=execution.get("startDate"),
            finished_at=execution.get("stopDate"),
            message=cause or None,
        )

    def run_url(self, deployment: Deployment, run_id: str) -> str | None:
        """The Metaflow UI's page, else the AWS console's."""
        if self._settings.ui_url:
            return f"{self._settings.ui_url.rstrip('/')}/{quote(deployment.flow_name)}/{quote(run_id)}"
        arn = execution_arn(deployment, run_id)
        console = self._console(arn)
        return f"{console}#/v2/executions/details/{quote(arn, safe=':')}" if console else None

    def terminate(self, deployment: Deployment, run_id: str) -> Change:
        """Stop the execution."""
        state = self.run_state(deployment, run_id)
        if state is None:
            raise DeployError(
                Failure(
                    reason=FailureReason.INPUT,
                    message=f"{run_id} is no run of {deployment.id}: there is no such execution.",
                    advice="Correct the run's id, or the deployment's.",
                )
            )
        if state.status.is_terminal:
            note = f"it has ended already ({state.status})"
            return Change(kind="execution", name=run_id, action=Action.UNCHANGED, note=note)
        with failures(f"stopping the execution {run_id}"):
            self._client.stop_execution(
                executionArn=execution_arn(deployment, run_id), cause="terminated by metaflow-deploy"
            )
        return Change(kind="execution", name=run_id, action=Action.TERMINATED)

    def suspend(self, deployment: Deployment, run_id: str) -> Change:  # noqa: ARG002
        """Not to be had."""
        self._lacks("suspend", run_id)

    def unsuspend(self, deployment: Deployment, run_id: str) -> Change:  # noqa: ARG002
        """Not to be had."""
        self._lacks("unsuspend", run_id)

    def delete(self, deployment_id: str) -> tuple[Change, ...]:
        """Remove the rule with its targets, then the state machine; the rule is put back where that fails. AWS ends the
        executions under way at their next state (API reference, DeleteStateMachine), and shows the machine as DELETING
        meanwhile."""
        machine = self._describe(deployment_id)
        if machine is not None:
            documents.start_parameters(machine)  # a machine that Metaflow did not make is refused here
        arn = str(machine["stateMachineArn"]) if machine is not None else None
        with put_back_on_failure(self, deployment_id):
            changes = [self._rules.delete(deployment_id, arn)]
            if arn is not None:
                with failures(f"deleting the state machine {deployment_id}"):
                    self._client.delete_state_machine(stateMachineArn=arn)
                self._arns.pop(deployment_id, None)
                changes.append(Change(kind="state machine", name=deployment_id, action=Action.REMOVED))
        return tuple(change for change in changes if change is not None)

    def trigger(self, deployment: Deployment, parameters: Mapping[str, Any], *, key: str) -> str:
        """Start an execution whose name is made of the key: AWS refuses the name a second time."""
        name = execution_name(key)
        body = json.dumps({"Parameters": json.dumps(dict(parameters))})
        # one that exists was asked for before, by this very job: that run is the one
        exists = self._client.exceptions.ExecutionAlreadyExists
        with failures(f"starting an execution of {deployment.id}"), suppress(exists):
            self._client.start_execution(stateMachineArn=deployment.arn, name=name, input=body)
        return f"sfn-{name}"

    def _arn(self, name: str) -> str | None:
        """The state machine's ARN: in AWS's own listing, as Metaflow looks it up."""
        if name not in self._arns:
            with failures("listing the state machines"):
                for page in self._client.get_paginator("list_state_machines").paginate():
                    self._arns.update({one["name"]: one["stateMachineArn"] for one in page["stateMachines"]})
                    if name in self._arns:
                        break
        return self._arns.get(name)

    def _describe(self, name: str) -> dict[str, Any] | None:
        arn = self._arn(name)
        if arn is None:
            return None
        with failures(f"reading the state machine {name}"):
            try:
                return dict(self._client.describe_state_machine(stateMachineArn=arn))
            except self._client.exceptions.StateMachineDoesNotExist:
                del self._arns[name]
                return None

    def _tags(self, arn: str) -> dict[str, str]:
        with failures(f"reading the tags of {arn}"):
            return {tag["key"]: tag["value"] for tag in self._client.list_tags_for_resource(resourceArn=arn)["tags"]}

    def _restore_machine(self, name: str, before: Mapping[str, Any] | None) -> Change | None:
        now = self._describe(name)
        if before is None and now is None:
            return None
        with failures(f"putting the state machine {name} back"):
            if before is None:
                self._client.delete_state_machine(stateMachineArn=self._arns.pop(name))
                return Change(kind="state machine", name=name, action=Action.REMOVED)
            kept = {key: before[key] for key in ("definition", "roleArn", "loggingConfiguration") if key in before}
            if now is None:
                self._client.create_state_machine(name=name, type=before.get("type", "STANDARD"), **kept)
                self._arns.clear()
            elif any(now.get(key) != value for key, value in kept.items()):
                self._client.update_state_machine(stateMachineArn=now["stateMachineArn"], **kept)
            elif self._tags(now["stateMachineArn"]) == before["tags"]:
                return None
            self._restore_tags(str(self._arn(name)), before["tags"])
        return Change(kind="state machine", name=name, action=Action.CREATED if now is None else Action.CHANGED_BACK)

    def _restore_tags(self, arn: str, before: Mapping[str, str]) -> None:
        gone = sorted(set(self._tags(arn)) - set(before))
        if gone:
            self._client.untag_resource(resourceArn=arn, tagKeys=gone)
        if before:
            self._client.tag_resource(resourceArn=arn, tags=[{"key": k, "value": v} for k, v in before.items()])

    def _lacks(self, what: str, run_id: str) -> NoReturn:
        raise DeployError(
            Failure(
                reason=FailureReason.INPUT,
                input="operation",
                message=f"AWS Step Functions cannot {what} {run_id}: an execution runs, or is stopped for good.",
                advice="Terminate it, or let it run to its end.",
            )
        )

    def _machine_url(self, arn: str) -> str | None:
        console = self._console(arn)
        return f"{console}#/statemachines/view/{quote(arn, safe=':')}" if console else None

    def _console(self, arn: str) -> str | None:
        """The console of the ARN's region; None for an endpoint that is not AWS's, which no console shows."""
        host = re.sub(r"^https?://", "", str(self._client.meta.endpoint_url)).split("/")[0].split(":")[0]
        console = CONSOLES.get(arn.split(":")[1])
        if console is None or not host.endswith((".amazonaws.com", ".amazonaws.com.cn", ".api.aws")):
            return None
        return f"https://{_region(arn)}.{console}/states/home?region={_region(arn)}"


def execution_arn(deployment: Deployment, run_id: str) -> str:
    """The execution's ARN: the state machine's, with `execution` and the run id less `sfn-`."""
    if deployment.arn is None:
        raise DeployError(
            Failure(
                reason=FailureReason.INTERNAL,
                message=f"The ARN of {deployment.id} is not known.",
                advice="Please report it.",
            )
        )
    return f"{deployment.arn.replace(':stateMachine:', ':execution:', 1)}:{run_id.removeprefix('sfn-')}"


def execution_name(key: str) -> str:
    """A name that AWS takes (80 characters of a few kinds), the same for the same key."""
    digest = hashlib.sha256(key.encode()).hexdigest()[:12]
    return f"{re.sub(r'[^A-Za-z0-9_-]+', '-', key).strip('-')[:60]}-{digest}"


def _region(arn: str) -> str:
    return arn.split(":")[3]


__all__ = ["StepFunctions", "code", "execution_arn", "execution_name", "open_step_functions", "rule_name"]
