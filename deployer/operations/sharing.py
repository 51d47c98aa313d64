"""`parameters` and `config` of a job, shared out to its flows once all of them are compiled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from deployer.inputs import InputErrors
from deployer.operations.assignment import Assignment, Declaration, assign
from deployer.operations.handle import FlowHandle
from deployer.outcome import FlowDescription, FlowOutcome


def share_values(
    handles: Sequence[FlowHandle], outcomes: Sequence[FlowOutcome], *, runs: bool
) -> tuple[FlowOutcome, ...]:
    """Give each flow the Parameters that it declares, and say where a name goes to a part of the flows alone.

    Configs were shared out when the flows were compiled, since they decide what is compiled: here is only said whom
    they went to, and which no flow declares.

    Args:
        handles: the flows; each keeps its Parameters.
        outcomes: theirs, with the descriptions of those that could be compiled.
        runs: whether the flows are run, and so take Parameters.

    Returns:
        The outcomes, with what is to be said as warnings.

    Raises:
        InputErrors: a name is declared by no flow. Nothing is deployed then, whatever `fail-fast` says: the mistake is
            the job's.
    """
    if len(handles) < 2:  # noqa: PLR2004  # Metaflow refuses by itself what a single flow does not declare
        return tuple(outcomes)
    inputs = handles[0].job.inputs
    configs = _assigned(inputs.config, outcomes, "config")
    parameters = _assigned(inputs.parameters if runs else {}, outcomes, "parameters")
    failures = (*configs.failures, *parameters.failures)
    if failures:
        raise InputErrors(failures)
    for handle, values in zip(handles, parameters.values, strict=True):
        handle.parameters = values
    return _noted(outcomes, (*configs.notices, *parameters.notices))


def _assigned(values: Mapping[str, Any], outcomes: Sequence[FlowOutcome], input_name: str) -> Assignment[Any]:
    declared = [
        Declaration(
            flow=outcome.name,
            names=_names(outcome.description, input_name) if outcome.description is not None else None,
        )
        for outcome in outcomes
    ]
    return assign(values, declared, input_name=input_name, kind="Config" if input_name == "config" else "parameter")


def _names(description: FlowDescription, input_name: str) -> frozenset[str]:
    if input_name == "config":
        return frozenset(description.configs)
    return frozenset(parameter.name for parameter in description.parameters)


def _noted(outcomes: Sequence[FlowOutcome], notices: Sequence[str]) -> tuple[FlowOutcome, ...]:
    """What is said of the job's values, on the first flow: the report shows it once."""
    first, *others = outcomes
    return (replace(first, warnings=(*first.warnings, *notices)), *others)
