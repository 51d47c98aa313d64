"""What stands in AWS Step Functions: state machines, the EventBridge rules that start them, and their executions.

ListStateMachines tells names alone, so each state machine is described: at AWS's pace, which botocore's adaptive mode
keeps (Step Functions quotas: DescribeStateMachine 20 a second, ListExecutions 2 to 5, ListTagsForResource 1). Tags come
from the Resource Groups Tagging API, a hundred resources a request, and one by one only where that is not allowed.

AWS tells no time of a state machine's last update, but which revision stands and with which one an execution ran: both
together say whether it was deployed after its last run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from deployer.orchestrators.clients.aws_errors import PERMISSION_CODES, code, failures
from deployer.orchestrators.inventory import Activity, DeploymentFilter, Listing
from deployer.orchestrators.step_functions.event_bridge import rule_name
from deployer.outcome import Action, Change, Deployment, DeploymentRow, Run

T = TypeVar("T")
R = TypeVar("R")

AT_ONCE = 8
"""Requests under way at a time."""
ATTEMPTS = 10
"""How often a request is tried that AWS throttles."""
CONNECT_SECONDS = 10
READ_SECONDS = 20
MACHINES_A_PAGE = 1000
RULES_A_PAGE = 100
TAGGED_A_PAGE = 100
"""The most that each of these takes (API references)."""
MOST_ASKED = 200
"""State machines whose last run a list asks for: as many ListExecutions as AWS answers at once."""
REMEMBERED_DAYS = 90
"""How long Step Functions keeps an execution (quotas: execution history retention time)."""
RULE_DESCRIPTION = "Metaflow generated rule for "
"""What Metaflow writes to every rule (metaflow/plugins/aws/step_functions/event_bridge_client.py)."""
ARN_PARTS = 7
"""Parts of a state machine's ARN."""
UNKNOWN = (
    "When it was deployed last is not known: it was updated after its last run, and not by this action, which would "
    "have stamped it."
)

Object = Mapping[str, Any]
Describe = Callable[[Object, Object | None, Mapping[str, str]], Deployment | None]


@dataclass(frozen=True, kw_only=True)
class InventoryClients:
    """boto3's clients, with the patience that hundreds of requests need."""

    stepfunctions: Any
    events: Any
    tagging: Any


def open_clients(session: Any) -> InventoryClients:
    """The clients of a boto3 session."""
    from botocore.config import Config

    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        max_pool_connections=AT_ONCE,
        retries={"mode": "adaptive", "total_max_attempts": ATTEMPTS},
    )
    with failures("opening a client"):
        return InventoryClients(
            stepfunctions=session.client("stepfunctions", config=config),
            events=session.client("events", config=config),
            tagging=session.client("resourcegroupstaggingapi", config=config),
        )


class StepFunctionsInventory:
    """The inventory; see `deployer.orchestrators.inventory.Inventory`."""

    run_ids_tell = False

    def __init__(
        self,
        clients: InventoryClients,
        *,
        describe: Describe,
        run: Callable[[Deployment, Object], Run],
    ) -> None:
        """Args:
        clients: boto3's.
        describe: makes a deployment of a described state machine, its rule and its tags; None: it is not Metaflow's.
        run: makes a run of an execution as ListExecutions tells it.
        """
        self._client = clients.stepfunctions
        self._events = clients.events
        self._tagging = clients.tagging
        self._describe = describe
        self._run = run

    def listing(self, wanted: DeploymentFilter, *, runs: bool = True, leftovers: bool = False) -> Listing:
        """Names and rules page by page, a request for each state machine, and one for its last run where asked."""
        machines = self._machines()
        rules = self._rules()
        tags = self._tags()
        described = self._each(lambda one: self._deployment(one, rules, tags), machines)
        ours = [one for one in described if one is not None]
        rows = [_row(one) for one in ours if wanted.takes(one)]
        warnings = []
        if runs and len(rows) <= MOST_ASKED:
            rows = self._each(self._with_last_run, rows)
        elif runs:
            warnings.append(f"Last runs are not shown: AWS is asked for those of {MOST_ASKED} state machines at most.")
        if leftovers and wanted.is_open:  # a rule says nothing of flow, project and tags
            rows += self._leftovers(rules, {str(one["name"]) for one in machines})
        return Listing(
            rows=tuple(sorted(rows, key=lambda row: row.id)),
            standing=len(ours),
            place=str(self._client.meta.region_name),
            remembered=REMEMBERED_DAYS * 86400.0,
            warnings=tuple(warnings),
        )

    def latest_runs(self, deployment: Deployment, limit: int) -> tuple[Run, ...]:
        """The newest executions."""
        return tuple(self._run(deployment, one) for one in self._executions(deployment, limit))

    def activity(self, deployments: Sequence[Deployment], since: datetime) -> tuple[Activity, ...]:
        """One ListExecutions for each; up to three requests more for what was not used since."""
        return tuple(self._each(lambda one: self._used(one, since), deployments))

    def has_run(self, deployment: Deployment, run_id: str) -> bool | None:  # noqa: ARG002
        """An execution's name tells nothing of its state machine; AWS is asked for both together anyway."""
        return None if run_id.startswith("sfn-") else False

    def delete_leftovers(self, row: DeploymentRow) -> tuple[Change, ...]:
        """Remove the rule, with its targets, where it still starts nothing that is there."""
        name = row.parts[0].removeprefix("rule ")
        with failures(f"deleting the rule {name}"):
            try:
                targets = self._events.list_targets_by_rule(Rule=name)["Targets"]
                note = self._why_kept(name, [str(one["Arn"]) for one in targets])
                if note is not None:
                    return (Change(kind="rule", name=name, action=Action.UNCHANGED, note=note),)
                if targets:
                    self._events.remove_targets(Rule=name, Ids=[one["Id"] for one in targets])
                self._events.delete_rule(Name=name)
            except self._events.exceptions.ResourceNotFoundException:
                return ()
        return (Change(kind="rule", name=name, action=Action.REMOVED),)

    def _machines(self) -> list[Object]:
        with failures("listing the state machines"):
            pages = self._client.get_paginator("list_state_machines").paginate(
                PaginationConfig={"PageSize": MACHINES_A_PAGE}
            )
            # Metaflow makes standard ones alone
            return [one for page in pages for one in page["stateMachines"] if one.get("type") != "EXPRESS"]

    def _rules(self) -> dict[str, Object]:
        with failures("listing the rules of EventBridge"):
            pages = self._events.get_paginator("list_rules").paginate(PaginationConfig={"PageSize": RULES_A_PAGE})
            return {str(one["Name"]): one for page in pages for one in page["Rules"]}

    def _tags(self) -> dict[str, dict[str, str]] | None:
        """The tags of all state machines by their ARN; None where they may not be listed together."""
        from botocore.exceptions import ClientError

        with failures("listing the tags of the state machines"):
            try:
                pages = self._tagging.get_paginator("get_resources").paginate(
                    ResourceTypeFilters=["states:stateMachine"], PaginationConfig={"PageSize": TAGGED_A_PAGE}
                )
                listed = [one for page in pages for one in page["ResourceTagMappingList"]]
            except ClientError as error:
                if code(error) not in PERMISSION_CODES:
                    raise
                return None
        return {one["ResourceARN"]: {tag["Key"]: tag["Value"] for tag in one["Tags"]} for one in listed}

    def _deployment(
        self, listed: Object, rules: Mapping[str, Object], tags: Mapping[str, Mapping[str, str]] | None
    ) -> Deployment | None:
        name, arn = str(listed["name"]), str(listed["stateMachineArn"])
        with failures(f"reading the state machine {name}"):
            try:
                machine = self._client.describe_state_machine(stateMachineArn=arn)
                own = tags.get(arn, {}) if tags is not None else self._own_tags(arn)
            except (self._client.exceptions.StateMachineDoesNotExist, self._client.exceptions.ResourceNotFound):
                return None  # it went meanwhile
        if machine.get("status") == "DELETING":
            return None
        return self._describe(machine, rules.get(rule_name(name)), own)

    def _own_tags(self, arn: str) -> dict[str, str]:
        return {one["key"]: one["value"] for one in self._client.list_tags_for_resource(resourceArn=arn)["tags"]}

    def _with_last_run(self, row: DeploymentRow) -> DeploymentRow:
        assert row.deployment is not None
        runs = self.latest_runs(row.deployment, 1)
        if not runs:
            return row
        active = not runs[0].status.is_terminal
        return replace(row, runs=runs, active=active, last_run_at=datetime.now(UTC) if active else runs[0].started_at)

    def _used(self, deployment: Deployment, since: datetime) -> Activity:
        seen = Activity(deployment_id=deployment.id, deployed_at=deployment.deployed_at)
        newest = next(iter(self._executions(deployment, 1)), None)
        if newest is not None:
            seen = replace(seen, last_run_at=newest["startDate"])
            if newest["startDate"] >= since:
                return replace(seen, active=newest["status"] == "RUNNING")
            if self._executions(deployment, 1, statusFilter="RUNNING"):  # it may run for a year
                return replace(seen, active=True, last_run_at=datetime.now(UTC))
        return seen if seen.deployed_at is not None else self._deployed(deployment, seen, newest)

    def _deployed(self, deployment: Deployment, seen: Activity, newest: Object | None) -> Activity:
        """When it was deployed, where its last execution ran with the revision that stands."""
        if newest is None:
            return replace(seen, unknown=UNKNOWN)
        with failures(f"reading the revision of the last execution of {deployment.id}"):
            ran = self._client.describe_state_machine_for_execution(executionArn=newest["executionArn"])
            stands = self._client.describe_state_machine(stateMachineArn=deployment.arn)
        if ran.get("revisionId") != stands.get("revisionId"):
            return replace(seen, unknown=UNKNOWN)
        return replace(seen, deployed_at=ran.get("updateDate") or newest["startDate"])

    def _executions(self, deployment: Deployment, limit: int, **status: str) -> list[Object]:
        with failures(f"listing the executions of {deployment.id}"):
            try:
                answer = self._client.list_executions(stateMachineArn=deployment.arn, maxResults=limit, **status)
            except self._client.exceptions.StateMachineDoesNotExist:
                return []
        return list(answer["executions"])

    def _leftovers(self, rules: Mapping[str, Object], machines: set[str]) -> list[DeploymentRow]:
        standing = {rule_name(name) for name in machines}
        return [
            DeploymentRow(id=name, orchestrator="step-functions", parts=(f"rule {name}",))
            for name, rule in rules.items()
            if name not in standing and str(rule.get("Description", "")) == f"{RULE_DESCRIPTION}{name}"
        ]

    def _why_kept(self, rule: str, targets: Sequence[str]) -> str | None:
        """Why a rule is not left over, as the end of a sentence; None: it is."""
        machines = {str(one["name"]): str(one["stateMachineArn"]) for one in self._machines()}
        again = next((name for name in machines if rule_name(name) == rule), None)
        if again is not None:
            return f"the state machine {again} was deployed while the others were looked at"
        # behind a state machine's ARN a version's number or an alias may stand
        started = next((arn for arn in targets if ":".join(arn.split(":")[:ARN_PARTS]) in machines.values()), None)
        started = started or next((arn for arn in targets if ":stateMachine:" not in arn), None)
        return f"it starts {started}" if started is not None else None

    def _each(self, ask: Callable[[T], R], items: Sequence[T]) -> list[R]:
        """Ask for several at a time; the first error ends it."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            waiting = [pool.submit(ask, item) for item in items]
            try:
                return [one.result() for one in waiting]
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise


def _row(deployment: Deployment) -> DeploymentRow:
    return DeploymentRow(id=deployment.id, orchestrator="step-functions", deployment=deployment)
