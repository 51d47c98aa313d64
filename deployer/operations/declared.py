"""Parameters of what is deployed: recorded when it is deployed, checked when it is triggered without its flow file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from deployer.operations.handle import FlowHandle
from deployer.orchestrators.declared import recorded
from deployer.outcome import DeclaredParameters, Deployment, Failure, FailureReason, FlowDescription, Provenance
from deployer.worker.parameters import convert_declared

UPLOADS = frozenset({"argo-workflows"})
"""Orchestrators for which Metaflow's `from_deployment` uploads the file of an IncludeFile."""


@dataclass(frozen=True, kw_only=True)
class Checked:
    """Values that were held against what a deployment declares."""

    values: Mapping[str, Any]
    failures: tuple[Failure, ...] = ()
    warnings: tuple[str, ...] = ()


def stating_parameters(provenance: Provenance, description: FlowDescription | None) -> Provenance:
    """The provenance of a flow with its Parameters, which `trigger` without the flow file is checked against."""
    return replace(provenance, parameters=recorded(description.parameters)) if description is not None else provenance


def checked_values(handle: FlowHandle, deployment: Deployment) -> Checked:
    """The values for a run: checked here where the deployment alone is known, else by the flow's process."""
    values, job = handle.parameters, handle.job
    if job.inputs.deployment_id is None:
        return Checked(values=values)
    return check_values(deployment, values, job.folder)


def check_values(deployment: Deployment, values: Mapping[str, Any], folder: str) -> Checked:
    """Hold the input `parameters` against what a deployment declares, as the flow file would be.

    Args:
        deployment: what is triggered, read from its orchestrator.
        values: what was given.
        folder: where a relative path of an IncludeFile starts.

    Returns:
        The converted values, what is wrong with them, and what could not be checked.
    """
    declared = deployment.declared
    if declared is None:
        return Checked(values=values)
    converted, failures = convert_declared(declared.parameters, values, folder, complete=declared.complete)
    files = () if deployment.orchestrator in UPLOADS else _files(declared, values)
    unchecked = _unchecked(deployment, declared, values)
    return Checked(values=converted, failures=(*failures, *files), warnings=(unchecked,) if unchecked else ())


def _files(declared: DeclaredParameters, values: Mapping[str, Any]) -> tuple[Failure, ...]:
    named = [one.name for one in declared.parameters if one.type == "IncludeFile" and one.name in values]
    return tuple(
        Failure(
            reason=FailureReason.INPUT,
            input="parameters",
            message=f"The parameter `{name}` is an IncludeFile, whose file Metaflow uploads only with the flow file.",
            advice="Give `flow` in the place of `deployment-id`, or leave the parameter out, so that the file is taken "
            "that the flow was deployed with.",
        )
        for name in named
    )


def _unchecked(deployment: Deployment, declared: DeclaredParameters, values: Mapping[str, Any]) -> str | None:
    """What nobody can tell of a deployment that plain Metaflow made."""
    kinds = {one.name: one.type for one in declared.parameters}
    unknown = [name for name in values if not kinds.get(name)]
    if not unknown:
        return None
    names = ", ".join(f"`{name}`" for name in unknown)
    what = "whether the flow has them, and of which type," if not declared.complete else "of which type they are"
    return (
        f"{deployment.id} does not say {what} for {names}: the values are passed on as they are. Deploy it with this "
        "action, or give `flow`, to have them checked."
    )
