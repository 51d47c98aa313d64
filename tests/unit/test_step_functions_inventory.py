"""What stands in Step Functions, over clients that count what they are asked."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from threading import Lock
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from deployer.orchestrators.driver import MetaflowSettings
from deployer.orchestrators.inventory import DeploymentFilter
from deployer.orchestrators.step_functions import objects as documents
from deployer.orchestrators.step_functions.driver import StepFunctions
from deployer.orchestrators.step_functions.event_bridge import rule_name
from deployer.orchestrators.step_functions.inventory import InventoryClients, StepFunctionsInventory
from deployer.outcome import Action, DeployError, DeploymentRow, Provenance, RunStatus

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
ARN = "arn:aws:states:eu-west-1:123456789012:stateMachine:"


def definition(flow: str = "TrainFlow", owner: str = "me") -> str:
    start = {
        "Parameters": {"metaflow.owner": owner, "metaflow.production_token": "t-0", "metaflow.flow_name": flow},
        "ContainerOverrides": {"Command": ["bash", "-c", "python f.py init --tag nightly --tag gpu; python f.py step"]},
    }
    return json.dumps({"StartAt": "start", "States": {"start": {"Parameters": start}}})


class Gone(Exception):
    """A state machine that is not there."""


class Aws:
    """AWS's three APIs, as far as they are asked, with what was asked counted."""

    exceptions = SimpleNamespace(StateMachineDoesNotExist=Gone, ResourceNotFound=Gone, ResourceNotFoundException=Gone)
    meta = SimpleNamespace(region_name="eu-west-1", endpoint_url="https://states.eu-west-1.amazonaws.com")

    def __init__(self, machines: dict[str, dict[str, Any]]) -> None:
        self.machines = machines
        self.rules: list[dict[str, Any]] = []
        self.tags: dict[str, dict[str, str]] = {}
        self.executions: dict[str, list[dict[str, Any]]] = {}
        self.ran_with: dict[str, dict[str, Any]] = {}
        self.may_list_tags = True
        self.asked: Counter[str] = Counter()
        self._lock = Lock()

    def _count(self, name: str) -> None:
        with self._lock:
            self.asked[name] += 1

    def get_paginator(self, name: str) -> Any:
        items, key = {
            "list_state_machines": (
                [{"name": n, "stateMachineArn": ARN + n, "type": "STANDARD"} for n in self.machines],
                "stateMachines",
            ),
            "list_rules": (self.rules, "Rules"),
            "get_resources": (
                [
                    {"ResourceARN": arn, "Tags": [{"Key": k, "Value": v} for k, v in tags.items()]}
                    for arn, tags in self.tags.items()
                ],
                "ResourceTagMappingList",
            ),
        }[name]

        def paginate(PaginationConfig: dict[str, int], **_: Any) -> Iterator[dict[str, Any]]:  # noqa: N803  # AWS's word
            size = PaginationConfig["PageSize"]
            if name == "get_resources" and not self.may_list_tags:
                self._count(name)
                raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "GetResources")
            for start in range(0, max(len(items), 1), size):
                self._count(name)
                yield {key: items[start : start + size]}

        return SimpleNamespace(paginate=paginate)

    def describe_state_machine(self, stateMachineArn: str) -> dict[str, Any]:  # noqa: N803
        self._count("describe_state_machine")
        name = stateMachineArn.removeprefix(ARN)
        if self.machines[name] is None:
            raise Gone
        made = {"name": name, "stateMachineArn": stateMachineArn, "definition": definition(), "roleArn": "r"}
        return {**made, "creationDate": NOW - timedelta(days=300), **self.machines[name]}

    def list_tags_for_resource(self, resourceArn: str) -> dict[str, Any]:  # noqa: N803
        self._count("list_tags_for_resource")
        return {"tags": [{"key": k, "value": v} for k, v in self.tags.get(resourceArn, {}).items()]}

    def list_executions(self, stateMachineArn: str, maxResults: int, statusFilter: str = "") -> dict[str, Any]:  # noqa: N803
        self._count("list_executions")
        found = self.executions.get(stateMachineArn.removeprefix(ARN), [])
        return {"executions": [one for one in found if statusFilter in ("", one["status"])][:maxResults]}

    def describe_state_machine_for_execution(self, executionArn: str) -> dict[str, Any]:  # noqa: N803
        self._count("describe_state_machine_for_execution")
        return self.ran_with.get(executionArn, {})


def inventory(aws: Aws, prefix: str | None = None) -> StepFunctionsInventory:
    machine = StepFunctions(aws, aws, MetaflowSettings(state_machine_prefix=prefix))
    clients = InventoryClients(stepfunctions=aws, events=aws, tagging=aws)
    return StepFunctionsInventory(clients, describe=machine._listed, run=machine._listed_run)


def execution(name: str, days: float, status: str = "SUCCEEDED") -> dict[str, Any]:
    start = NOW - timedelta(days=days)
    return {"name": name, "executionArn": f"x:{name}", "startDate": start, "stopDate": start, "status": status}


def test_a_thousand_state_machines_are_one_description_each_and_few_pages() -> None:
    aws = Aws({f"Flow{number}": {} for number in range(1000)})
    aws.tags = {f"{ARN}Flow{number}": {"team": "ml"} for number in range(1000)}
    listing = inventory(aws).listing(DeploymentFilter(), runs=False, leftovers=True)
    assert len(listing.rows) == listing.standing == 1000
    assert aws.asked == {"list_state_machines": 1, "list_rules": 1, "get_resources": 10, "describe_state_machine": 1000}
    aws.asked.clear()
    aws.executions = {f"Flow{number}": [execution("e", 100)] for number in range(500)}
    deployments = [row.deployment for row in listing.rows if row.deployment is not None]
    seen = inventory(aws).activity(deployments, SINCE)
    assert (len(seen), len([one for one in seen if one.last_run_at])) == (1000, 500)
    assert aws.asked == {"list_executions": 1500}, "where one ran long ago, whether it still runs is asked too"


def test_a_run_under_way_behind_one_that_has_ended_counts_unless_the_newest_is_young_enough() -> None:
    aws = Aws({"Train": {}})
    aws.executions = {"Train": [execution("newer", 3), execution("older", 4, "RUNNING")]}
    rows = inventory(aws).listing(DeploymentFilter(), runs=False).rows
    deployments = [row.deployment for row in rows if row.deployment is not None]
    (seen,) = inventory(aws).activity(deployments, datetime.now(UTC))
    assert seen.active
    (young,) = inventory(aws).activity(deployments, SINCE)
    assert young.last_run_at == NOW - timedelta(days=3), "it is kept for its date"


def test_last_runs_are_asked_for_as_many_as_aws_answers_at_once() -> None:
    few, many = Aws({f"F{number}": {} for number in range(200)}), Aws({f"F{number}": {} for number in range(201)})
    assert inventory(few).listing(DeploymentFilter()).warnings == ()
    assert few.asked["list_executions"] == 200
    (warning,) = inventory(many).listing(DeploymentFilter()).warnings
    assert "Last runs are not shown" in warning
    assert many.asked["list_executions"] == 0


def test_tags_are_asked_for_one_by_one_only_where_they_may_not_be_listed() -> None:
    aws = Aws({"A": {}, "B": {}})
    provenance = {"repository": "o/r", "flow": "a.py", "commit": "c" * 40}
    aws.tags = {ARN + "A": {f"metaflow-deploy:{key}": value for key, value in provenance.items()}}
    aws.may_list_tags = False
    listed = inventory(aws).listing(DeploymentFilter(), runs=False)
    assert aws.asked["list_tags_for_resource"] == 2
    assert [row.deployment.provenance.flow for row in listed.rows if row.deployment and row.deployment.provenance] == [
        "a.py"
    ]


def test_what_is_not_metaflows_or_went_meanwhile_is_left_out() -> None:
    odd = {
        "Other": {"definition": '{"StartAt": "a", "States": {"a": {"Type": "Pass"}}}'},
        "Broken": {"definition": "no"},
    }
    aws = Aws({"Mine": {}, "Going": {"status": "DELETING"}, "Gone": None, **odd})  # type: ignore[dict-item]
    listing = inventory(aws).listing(DeploymentFilter(), runs=False)
    assert [row.id for row in listing.rows] == ["Mine"]
    assert listing.standing == 1
    (row,) = listing.rows
    assert row.deployment is not None
    assert (row.deployment.owner, row.deployment.production_token, row.deployment.tags) == (
        "me",
        "t-0",
        ("nightly", "gpu"),
    )


def test_one_refusal_ends_the_listing() -> None:
    class Refusing(Aws):
        def describe_state_machine(self, stateMachineArn: str) -> dict[str, Any]:  # noqa: N803
            raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "DescribeStateMachine")

    with pytest.raises(DeployError) as caught:
        inventory(Refusing({"A": {}, "B": {}})).listing(DeploymentFilter())
    assert caught.value.failure.reason == "permission"


def test_rules_of_state_machines_that_are_gone_are_told() -> None:
    aws = Aws({"Mine": {}, "x" * 70: {}})
    aws.rules = [
        {"Name": name, "Description": f"Metaflow generated rule for {name}", "State": "DISABLED"}
        for name in ("Mine", "Gone", rule_name("x" * 70))
    ]
    aws.rules.append({"Name": "Somebodys", "Description": "every hour"})
    listing = inventory(aws).listing(DeploymentFilter(), runs=False, leftovers=True)
    alone = [row for row in listing.rows if row.deployment is None]
    assert [(row.id, row.parts) for row in alone] == [("Gone", ("rule Gone",))]
    filtered = inventory(aws).listing(DeploymentFilter(project="p"), runs=False, leftovers=True)
    assert filtered.rows == (), "a rule does not say which project it is of"


def test_a_rule_is_deleted_only_where_what_it_starts_is_still_gone() -> None:
    class Events(Aws):
        targets: dict[str, list[str]] = {}  # noqa: RUF012  # replaced whole below

        def list_targets_by_rule(self, Rule: str) -> dict[str, Any]:  # noqa: N803
            if Rule not in self.targets:
                raise Gone
            return {"Targets": [{"Id": f"{n}", "Arn": arn} for n, arn in enumerate(self.targets[Rule])]}

        def remove_targets(self, Rule: str, Ids: list[str]) -> None:  # noqa: N803
            assert len(Ids) == len(self.targets[Rule])
            self.targets = {**self.targets, Rule: []}

        def delete_rule(self, Name: str) -> None:  # noqa: N803
            assert not self.targets[Name]
            self.targets = {name: arns for name, arns in self.targets.items() if name != Name}

    def row(name: str) -> DeploymentRow:
        return DeploymentRow(id=name, orchestrator="step-functions", parts=(f"rule {name}",))

    aws = Events({"Again": {}, "x" * 70: {}})
    long = rule_name("x" * 70)
    aws.targets = {
        "Gone": [ARN + "Gone"],
        "Empty": [],
        "Again": [],
        long: [ARN + "Gone"],
        "Else": [ARN + "Gone", ARN + "Again:live"],
        "Lambda": ["arn:aws:lambda:eu-west-1:123456789012:function:hook"],
    }
    over = inventory(aws)
    kept = {}
    for name in list(aws.targets):
        (change,) = over.delete_leftovers(row(name))
        if change.action is Action.UNCHANGED:
            kept[name] = change.note
    assert set(aws.targets) == set(kept) == {"Again", long, "Else", "Lambda"}
    assert kept["Again"] == "the state machine Again was deployed while the others were looked at"
    assert kept["Else"] == f"it starts {ARN}Again:live"
    assert over.delete_leftovers(row("Gone")) == (), "it was gone already"


SINCE = NOW - timedelta(days=90)


def used(aws: Aws, name: str = "A") -> Any:
    over = inventory(aws)
    (row,) = [row for row in over.listing(DeploymentFilter(), runs=False).rows if row.id == name]
    assert row.deployment is not None
    aws.asked.clear()
    (activity,) = over.activity([row.deployment], SINCE)
    return activity


def test_what_ran_lately_costs_one_request() -> None:
    aws = Aws({"A": {}})
    aws.executions["A"] = [execution("e", 3)]
    seen = used(aws)
    assert seen.last_run_at == NOW - timedelta(days=3)
    assert not seen.active
    assert aws.asked == {"list_executions": 1}


def test_an_old_run_that_goes_on_is_found_behind_newer_ones() -> None:
    aws = Aws({"A": {}})
    aws.executions["A"] = [execution("e2", 100), execution("e1", 150, "RUNNING")]
    assert used(aws).active


def test_the_first_revision_was_deployed_when_the_machine_was_made() -> None:
    seen = used(Aws({"A": {}}))
    assert (seen.deployed_at, seen.last_run_at, seen.unknown) == (NOW - timedelta(days=300), None, None)


def test_a_later_revision_is_known_by_its_stamp_or_by_the_run_that_had_it() -> None:
    aws = Aws({"A": {"revisionId": "r2"}})
    assert "is not known" in used(aws).unknown, "it never ran, and nothing says when it was updated"
    aws.executions["A"] = [execution("e", 100)]
    aws.ran_with["x:e"] = {"revisionId": "r1", "updateDate": NOW - timedelta(days=200)}
    assert "is not known" in used(aws).unknown, "it was updated after its last run"
    aws.ran_with["x:e"] = {"revisionId": "r2", "updateDate": NOW - timedelta(days=120)}
    assert used(aws).deployed_at == NOW - timedelta(days=120)
    stamp = {"repository": "o/r", "flow": "a.py", "commit": "c" * 40, "deployed_at": "2026-11-20T08:00:00+00:00"}
    stamp["revision"] = "r2"
    aws.tags = {ARN + "A": {f"metaflow-deploy:{key}": value for key, value in stamp.items()}}
    assert used(aws).deployed_at == datetime(2026, 11, 20, 8, tzinfo=UTC)
    aws.machines["A"] = {"revisionId": "r3"}  # somebody deployed it beside this action
    assert "is not known" in used(aws).unknown


def test_the_latest_runs_are_told_as_aws_lists_them() -> None:
    aws = Aws({"A": {}})
    aws.executions["A"] = [execution("e2", 1, "ABORTED"), execution("e1", 2, "TIMED_OUT")]
    over = inventory(aws)
    (row,) = over.listing(DeploymentFilter()).rows
    assert row.deployment is not None
    runs = over.latest_runs(row.deployment, 5)
    assert [(run.id, run.status) for run in runs] == [
        ("sfn-e2", RunStatus.TERMINATED),
        ("sfn-e1", RunStatus.TIMED_OUT),
    ]


@pytest.mark.parametrize(
    ("name", "flow", "prefix", "found"),
    [
        ("recsys.prod.TrainFlow", "TrainFlow", None, ("recsys", "prod")),
        ("recsys.test.x.TrainFlow", "TrainFlow", None, ("recsys", "test.x")),
        ("recsys.user.octo-org.flows.TrainFlow", "TrainFlow", None, ("recsys", "user.octo-org.flows")),
        ("team_recsys.prod.TrainFlow", "TrainFlow", "team", ("recsys", "prod")),
        ("TrainFlow", "TrainFlow", None, (None, None)),
        ("recsys.prod.OtherFlow", "TrainFlow", None, (None, None)),
        ("a.b.TrainFlow", "TrainFlow", None, (None, None)),
        ("recsys.prod." + "L" * 48 + "-abcdefghij234567", "L" * 70, None, ("recsys", "prod")),
    ],
)
def test_the_project_stands_in_the_name(
    name: str, flow: str, prefix: str | None, found: tuple[str | None, str | None]
) -> None:
    assert documents.project_of(name, flow, prefix) == found


def test_a_stamp_counts_for_the_revision_that_it_was_written_for() -> None:
    stamp = Provenance(repository="o/r", flow="a.py", commit="c", deployed_at="2026-11-20T08:00:00+00:00")
    made = {"creationDate": NOW}
    assert documents.deployed_at(made, stamp, "first") == datetime(2026, 11, 20, 8, tzinfo=UTC)
    assert documents.deployed_at(made, None, None) == NOW
    assert documents.deployed_at({**made, "revisionId": "r2"}, stamp, "first") is None
    assert documents.deployed_at({**made, "revisionId": "r2"}, stamp, "r2") == datetime(2026, 11, 20, 8, tzinfo=UTC)
