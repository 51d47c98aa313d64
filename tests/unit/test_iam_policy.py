"""docs/iam-policy.json: it has what the code here and Metaflow's ask AWS for, and nothing but what is told why; for
the names that Metaflow makes, and for no others."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3.session
import pytest
from iam_evaluation import allows
from metaflow.plugins.aws.batch.batch_client import BatchJob
from metaflow.plugins.aws.step_functions import event_bridge_client, step_functions_cli, step_functions_client

from deployer.orchestrators.clients import aws_checks
from deployer.orchestrators.provenance import to_tags
from deployer.orchestrators.step_functions import driver as step_functions
from deployer.orchestrators.step_functions import event_bridge
from deployer.orchestrators.step_functions import inventory as step_functions_inventory
from deployer.outcome import Provenance
from deployer.worker.checks import FOLDER

POLICY = Path(__file__).resolve().parent.parent.parent / "docs" / "iam-policy.json"
PREFIXES = {"stepfunctions": "states", "events": "events", "resourcegroupstaggingapi": "tag", "batch": "batch"}
"""What IAM calls a service, by boto3's name of it."""
MODULES = (
    (aws_checks, ("stepfunctions", "events", "batch")),
    (event_bridge, ("events",)),
    (step_functions, ("stepfunctions",)),
    (step_functions_inventory, ("stepfunctions", "events", "resourcegroupstaggingapi")),
    (event_bridge_client, ("events",)),
    (step_functions_client, ("stepfunctions",)),
)
BESIDE = {
    "iam:PassRole",  # the roles that state machines, rules and job definitions are given
    "s3:ListBucket",  # a HEAD of what is not there is answered with 404, and not with 403
    *("s3:GetObject", "s3:PutObject", "s3:DeleteObject"),  # the code package; what the doctor tries and removes
    "dynamodb:DescribeTable",  # the doctor alone
}
"""What no call of these services says by its name."""
ROLES = ("RoleOfTheStateMachines", "RoleOfTheSchedules", "RoleOfTheTasks")
STATES = "arn:aws:states:eu-west-1:123456789012"
EVENTS = "arn:aws:events:eu-west-1:123456789012"
BATCH = "arn:aws:batch:eu-west-1:123456789012"
IAM = "arn:aws:iam::123456789012:role"
TAG = f"aws:ResourceTag/{step_functions.TAG_PREFIX}repository"
PASSED = "iam:PassedToService"


def operations(service: str) -> dict[str, str]:
    """What IAM calls the operations of a service, by the names of boto3's methods."""
    model = boto3.session.Session()._session.get_service_model(service)
    snake = re.compile(r"(?<=[a-z])(?=[A-Z])")
    return {snake.sub("_", name).lower(): f"{PREFIXES[service]}:{name}" for name in model.operation_names}


def called(source: str, services: tuple[str, ...]) -> Iterator[str]:
    names = set(re.findall(r"\.(\w+)\(", source)) | set(re.findall(r"get_paginator\(\s*\"(\w+)\"", source))
    for service in services:
        known = operations(service)
        yield from (known[name] for name in names & known.keys())


def test_the_policy_has_what_is_asked_for_and_nothing_else() -> None:
    statements: list[dict[str, Any]] = json.loads(POLICY.read_text())["Statement"]
    allowed = [
        action
        for one in statements
        if one["Effect"] == "Allow" and one["Sid"] not in ROLES[1:]
        for action in ([one["Action"]] if isinstance(one["Action"], str) else one["Action"])
    ]
    assert len(allowed) == len(set(allowed))
    assert {one["Action"] for one in statements if one["Sid"] in ROLES} == {"iam:PassRole"}
    asked = {action for module, services in MODULES for action in called(inspect.getsource(module), services)}
    asked |= set(called(inspect.getsource(BatchJob), ("batch",))) - {"batch:SubmitJob"}  # the state machine's role does
    asked -= {"events:ListTagsForResource"}  # Step Functions' method has the same name
    assert set(allowed) == asked | BESIDE


@pytest.fixture
def policy() -> dict[str, Any]:
    return dict(json.loads(POLICY.read_text()))


@pytest.fixture(params=["TrainFlow", "t" * 71], ids=["short", "long"])
def machine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a state machine as Metaflow itself makes it, with the prefix that the document asks for."""
    monkeypatch.setattr(step_functions_cli, "SFN_STATE_MACHINE_PREFIX", "metaflow")
    monkeypatch.setattr(step_functions_cli, "current", {})
    name, _, _ = step_functions_cli.resolve_state_machine_name(SimpleNamespace(), request.param)
    assert name == f"metaflow_{request.param}"
    return str(name)


def test_what_metaflow_makes_may_be_deployed_and_operated(policy: dict[str, Any], machine: str) -> None:
    arn, rule = f"{STATES}:stateMachine:{machine}", f"{EVENTS}:rule/{event_bridge_client.format(machine)}"
    written = to_tags(Provenance(repository="octo-org/flows", flow="flows/train.py", commit="a" * 40))
    ours: Mapping[str, str] = {TAG: written["repository"]}
    for context in ({}, ours):  # as Metaflow makes it, and once it is stamped
        for action in ("Create", "Update", "Delete", "Describe"):
            assert allows(policy, f"states:{action}StateMachine", arn, context), action
        for action in ("StartExecution", "TagResource", "UntagResource", "ListTagsForResource", "ListExecutions"):
            assert allows(policy, f"states:{action}", arn, context), action
    for action in ("DescribeExecution", "StopExecution", "DescribeStateMachineForExecution"):
        assert allows(policy, f"states:{action}", f"{STATES}:execution:{machine}:sfn-1"), action
    for action in ("PutRule", "DescribeRule", "DisableRule", "ListTargetsByRule", "RemoveTargets", "DeleteRule"):
        assert allows(policy, f"events:{action}", rule), action
    assert allows(policy, "events:PutTargets", rule, {"events:TargetArn": arn})
    definition = re.search(r'"(metaflow_)%s"', inspect.getsource(BatchJob))
    assert definition is not None
    assert allows(policy, "batch:RegisterJobDefinition", f"{BATCH}:job-definition/{definition[1]}{'a' * 56}")
    assert allows(policy, "s3:PutObject", "arn:aws:s3:::metaflow/metaflow/TrainFlow/data/ab/abc")
    assert allows(policy, "s3:DeleteObject", f"arn:aws:s3:::metaflow/metaflow/{FOLDER}/1")


@pytest.mark.parametrize(
    ("role", "service"),
    [
        ("metaflow-step-functions", "states.amazonaws.com"),
        ("metaflow-events", "events.amazonaws.com"),
        ("metaflow-task", "ecs-tasks.amazonaws.com"),
    ],
)
def test_each_role_is_handed_to_its_own_service_alone(policy: dict[str, Any], role: str, service: str) -> None:
    assert allows(policy, "iam:PassRole", f"{IAM}/{role}", {PASSED: service})
    for other in ("lambda.amazonaws.com", "ec2.amazonaws.com", "glue.amazonaws.com", "sagemaker.amazonaws.com"):
        assert not allows(policy, "iam:PassRole", f"{IAM}/{role}", {PASSED: other}), other
    assert not allows(policy, "iam:PassRole", f"{IAM}/{role}")
    assert not allows(policy, "iam:PassRole", f"{IAM}/administrator", {PASSED: service})


@pytest.mark.parametrize(
    ("action", "resource", "context"),
    [
        ("states:UpdateStateMachine", f"{STATES}:stateMachine:payroll", {}),
        ("states:StartExecution", f"{STATES}:stateMachine:payroll", {}),
        ("states:UpdateStateMachine", f"{STATES}:stateMachine:metaflow_A", {TAG: "octo-org/other"}),
        ("states:DeleteStateMachine", f"{STATES}:stateMachine:metaflow_A", {TAG: "octo-org/other"}),
        ("states:TagResource", f"{STATES}:stateMachine:metaflow_A", {TAG: "octo-org/other"}),
        ("states:UntagResource", f"{STATES}:stateMachine:metaflow_A", {TAG: "octo-org/other"}),
        ("states:StopExecution", f"{STATES}:execution:payroll:1", {}),
        ("events:PutRule", f"{EVENTS}:rule/nightly-billing", {}),
        ("events:DeleteRule", f"{EVENTS}:rule/nightly-billing", {}),
        (
            "events:PutTargets",
            f"{EVENTS}:rule/metaflow_A",
            {"events:TargetArn": "arn:aws:lambda:eu-west-1:123456789012:function:x"},
        ),
        ("events:PutTargets", f"{EVENTS}:rule/metaflow_A", {"events:TargetArn": f"{STATES}:stateMachine:payroll"}),
        ("batch:RegisterJobDefinition", f"{BATCH}:job-definition/other", {}),
        ("batch:RegisterJobDefinition", f"{BATCH}:job-definition/metaflow_a", {"batch:Privileged": "true"}),
        ("batch:SubmitJob", f"{BATCH}:job-queue/metaflow-queue", {}),
        ("s3:GetObject", "arn:aws:s3:::metaflow/payroll/1", {}),
        ("s3:DeleteObject", "arn:aws:s3:::metaflow/metaflow/TrainFlow/data/ab/abc", {}),
    ],
)
def test_what_is_not_metaflows_is_out_of_reach(
    policy: dict[str, Any], action: str, resource: str, context: dict[str, str]
) -> None:
    assert not allows(policy, action, resource, context)
