"""The Parameters of what is deployed: recorded with the provenance, or read from what Metaflow itself left there.

What each orchestrator keeps of Metaflow (2.19.39), where this action recorded nothing:

- a WorkflowTemplate has names, types and need in an annotation (`metaflow/parameters`), and all names as arguments;
- a DAG file has all names; the types are those of the defaults, bool, JSON and files among `string`;
- a state machine has the names and values of the defaults alone (METAFLOW_DEFAULT_PARAMETERS of the start task). Of a
  Parameter without a default it has nothing but that there may be one (METAFLOW_PARAMETERS).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any
from urllib.parse import quote, unquote

from deployer.outcome import DeclaredParameters, FlowParameter, Provenance

METAFLOWS_TYPES = {"JSON": "JSONType", "FilePath": "IncludeFile"}
"""Metaflow's own words for types, by those of its documentation."""
JSON_TYPES = {"integer": "int", "number": "float"}
NOTHING = "none"
"""What stands for a flow without Parameters, in text that may not be empty."""
REQUIRED = "+"


def recorded(parameters: Iterable[FlowParameter]) -> tuple[FlowParameter, ...]:
    """What is recorded of a flow's Parameters: defaults and help may be long, and are not asked for again."""
    return tuple(replace(one, default=None, help=None) for one in parameters)


def to_text(parameters: Iterable[FlowParameter]) -> str:
    """Parameters as words that AWS takes in a tag: `day=str epochs=int+`, the sign for a required one."""
    words = [f"{_quoted(one.name)}={_quoted(one.type)}{REQUIRED if one.required else ''}" for one in parameters]
    return " ".join(words) or NOTHING


def from_text(text: str) -> tuple[FlowParameter, ...] | None:
    """Parameters from such words; None where it is something else."""
    if text == NOTHING:
        return ()
    found = []
    for word in text.split():
        name, equals, kind = word.partition("=")
        if not name or not equals:
            return None
        found.append(
            FlowParameter(
                name=unquote(name), type=unquote(kind.removesuffix(REQUIRED)), required=kind.endswith(REQUIRED)
            )
        )
    return tuple(found) or None


def of_provenance(provenance: Provenance | None) -> DeclaredParameters | None:
    """What this action recorded when it deployed; None where it did not."""
    if provenance is None or provenance.parameters is None:
        return None
    return DeclaredParameters(parameters=provenance.parameters)


def of_template(annotation: str | None, arguments: Iterable[str]) -> DeclaredParameters:
    """Of a WorkflowTemplate.

    Args:
        annotation: `metaflow/parameters`, which older releases of Metaflow do not write.
        arguments: the names of the template's arguments.
    """
    with suppress(ValueError, TypeError, KeyError, AttributeError):
        described = json.loads(annotation or "")
        return DeclaredParameters(parameters=tuple(_of_annotation(one) for one in described.values()))
    return DeclaredParameters(parameters=tuple(FlowParameter(name=name, type="") for name in arguments))


def of_dag(parameters: Iterable[Mapping[str, Any]]) -> DeclaredParameters:
    """Of a DAG's params, as Metaflow compiled them. None is required: each has a default."""
    found = (FlowParameter(name=str(one["name"]), type=_of_default(one)) for one in parameters)
    return DeclaredParameters(parameters=tuple(found))


def of_start_task(environment: Mapping[str, str]) -> DeclaredParameters | None:
    """Of the start task of a state machine; None where its environment is not one that Metaflow writes."""
    if "METAFLOW_PARAMETERS" not in environment:
        return DeclaredParameters()
    with suppress(ValueError, AttributeError):
        defaults = json.loads(environment.get("METAFLOW_DEFAULT_PARAMETERS", ""))
        found = (FlowParameter(name=name, type=_of_value(value)) for name, value in defaults.items())
        return DeclaredParameters(parameters=tuple(found), complete=False)
    return None


def _of_annotation(one: Mapping[str, Any]) -> FlowParameter:
    kind = str(one["type"])
    has_default = one.get("value") not in (None, "null")
    return FlowParameter(
        name=str(one["name"]),
        type=METAFLOWS_TYPES.get(kind, kind),
        required=bool(one.get("is_required")) and not has_default,
    )


def _of_default(parameter: Mapping[str, Any]) -> str:
    """Airflow itself takes a number's type from the default; of `string` the type is not known."""
    return JSON_TYPES.get(str(parameter.get("type")), "")


def _of_value(default: object) -> str:
    """As much of the type as a default tells: 1 may be of an int or a float, and text of anything."""
    if isinstance(default, bool):
        return "bool"
    if isinstance(default, int | float):
        return "number" if isinstance(default, int) else "float"
    return "JSONType" if isinstance(default, dict | list) else ""


def _quoted(word: str) -> str:
    return quote(word, safe="")
