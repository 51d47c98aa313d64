"""The outcome without secrets: masked as plain data, before any report is made of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any, TypeVar

from deployer.masking.names import is_secret_name
from deployer.masking.registry import SecretRegistry
from deployer.masking.rules import MASK
from deployer.outcome import (
    Deployment,
    DeploymentRow,
    FlowDescription,
    FlowOutcome,
    FlowParameter,
    JobContext,
    Outcome,
    Provenance,
    Run,
    Runtime,
)

T = TypeVar("T")

IDENTIFIERS: dict[type, tuple[str, ...]] = {
    Outcome: ("operation",),
    FlowOutcome: ("flow", "operation", "orchestrator"),
    FlowDescription: ("name", "project"),
    Runtime: ("python", "metaflow", "task_image"),
    Deployment: (
        *("id", "orchestrator", "flow_name", "namespace", "arn", "region", "metaflow_namespace", "owner"),
        *("project", "project_branch", "version", "production_token", "timezone"),
    ),
    Provenance: ("repository", "flow", "commit", "workflow_run", "environment"),
    Run: ("id", "pathspec"),
    DeploymentRow: ("id", "orchestrator"),
    JobContext: ("repository", "server_url", "commit", "workflow", "job", "run_id", "branch", "environment", "run_url"),
}
"""What belongs in outputs and is no secret."""


def masked_outcome(outcome: Outcome, registry: SecretRegistry, *, hide_parameters: bool = False) -> Outcome:
    """An outcome in which every text is masked.

    Identifiers are protected first (`SecretRegistry.protect`), here and in all that is written afterwards.

    Args:
        outcome: what is about to be reported.
        registry: the job's secrets.
        hide_parameters: whether no value of a Parameter may be shown, whatever its name.
    """
    registry.protect(identifiers(outcome))
    return _walk(_without_parameters(outcome, hide_all=hide_parameters), registry.mask)


def identifiers(value: Any) -> Iterator[str]:
    """Every identifier of an outcome."""
    if isinstance(value, tuple | list):
        for one in value:
            yield from identifiers(one)
    elif is_dataclass(value):
        for name in IDENTIFIERS.get(type(value), ()):
            found = getattr(value, name)
            if isinstance(found, str):
                yield found
        for one in fields(value):
            yield from identifiers(getattr(value, one.name))


def _without_parameters(outcome: Outcome, *, hide_all: bool) -> Outcome:
    """The outcome without the values of secret Parameters; they may be too short to be found in a text."""

    def hidden(value: Any) -> Any:
        if isinstance(value, Run):
            values = value.parameters.items()
            shown = {name: MASK if hide_all or is_secret_name(name) else text for name, text in values}
            return replace(value, parameters=shown)
        if isinstance(value, FlowParameter) and value.default and (hide_all or is_secret_name(value.name)):
            return replace(value, default=MASK)
        return value

    return _walk(outcome, lambda text: text, hidden)


def _walk(value: T, mask: Callable[[str], str], change: Callable[[Any], Any] = lambda value: value) -> T:
    """A copy of plain data, each text of it masked and each dataclass changed."""
    found: Any = value
    if isinstance(found, Enum):
        return value
    if isinstance(found, str):
        found = mask(found)
    elif isinstance(found, tuple | list):
        found = type(found)(_walk(one, mask, change) for one in found)
    elif isinstance(found, dict):
        found = {_walk(key, mask, change): _walk(one, mask, change) for key, one in found.items()}
    elif is_dataclass(found) and not isinstance(found, type):
        parts = {one.name: _walk(getattr(found, one.name), mask, change) for one in fields(found)}
        found = change(replace(found, **parts))
    return found  # type: ignore[no-any-return]
