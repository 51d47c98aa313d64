"""docs/iam-policy.json: it has what the code here and Metaflow's ask AWS for, and nothing else but what is told why."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3.session
from metaflow.plugins.aws.batch.batch_client import BatchJob
from metaflow.plugins.aws.step_functions import event_bridge_client, step_functions_client

from deployer.orchestrators import aws_checks, event_bridge, step_functions, step_functions_inventory

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
        for action in ([one["Action"]] if isinstance(one["Action"], str) else one["Action"])
    ]
    assert len(allowed) == len(set(allowed))
    asked = {action for module, services in MODULES for action in called(inspect.getsource(module), services)}
    asked |= set(called(inspect.getsource(BatchJob), ("batch",))) - {"batch:SubmitJob"}  # the state machine's role does
    asked -= {"events:ListTagsForResource"}  # Step Functions' method has the same name
    assert set(allowed) == asked | BESIDE
