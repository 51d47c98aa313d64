"""Options by name -> the arguments of `python flow.py … create`, as Metaflow's own command line declares them."""

from __future__ import annotations

import difflib
import json
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from deployer.outcome import DeployError, Failure, FailureReason
from deployer.worker.protocol import Open
from deployer.worker.server import forget_command_lines

MODULES = {
    "argo-workflows": ("metaflow.plugins.argo.argo_workflows_cli", "argo_workflows"),
    "step-functions": ("metaflow.plugins.aws.step_functions.step_functions_cli", "step_functions"),
    "airflow": ("metaflow.plugins.airflow.airflow_cli", "airflow"),
}
"""Where the command group of each orchestrator is declared, which is called as the orchestrator is."""
PAIRS = ("config", "config_value")
"""Options that Metaflow declares for a flow with Configs alone: pairs of a name and text."""
OF_THE_FLOW = {"branch": "project-branch", "production": "production"}
"""Options that Metaflow declares for a flow with @project alone, by the input that says the same."""
WITH_INPUT = ("authorize", "tags", "max_workers", "workflow_timeout")
"""Options of `create` that have an input of their own, which an orchestrator may not take."""
INTERNAL = frozenset({"only_json", "deployer_attribute_file", "file"})
"""Options of `create` that are for other programs, or given by this one."""
NEAR = 0.6


def create_arguments(request: Open, command: str, options: Mapping[str, Any], extra: Sequence[str] = ()) -> list[str]:
    """The arguments behind `python`.

    Args:
        request: the flow file, the orchestrator and the options before its name.
        command: `create` or `trigger`.
        options: those of `create`.
        extra: what follows them.

    Raises:
        DeployError: an option is unknown to this Metaflow, or has a value that no command line can carry.
    """
    assert request.flow_file is not None
    module, name = MODULES[request.orchestrator]
    top_level, group = _declared(module, name)
    before = {key: value for key, value in request.deployer_options.items() if key not in PAIRS}
    arguments = [request.flow_file, *_options(top_level, before, "deployer-options")]
    for pair in PAIRS:
        for key, value in request.deployer_options.get(pair) or ():
            arguments += [f"--{pair.replace('_', '-')}", str(key), _text(value)]
    arguments.append(request.orchestrator)
    if request.deployment_name is not None:
        arguments.append(f"--name={request.deployment_name}")
    arguments.append(command)
    if command == "create":
        arguments += _options(group.commands["create"].params, options, "create-options")
    return [*arguments, *extra]


def _declared(module: str, name: str) -> tuple[Sequence[Any], Any]:
    """The parameters of Metaflow's top level, and an orchestrator's command group.

    The modules are imported for a look and dropped again: they take up the Parameters of the flow that is current when
    they are imported, and there is none.
    """
    import importlib

    try:
        start = importlib.import_module("metaflow.cli").start
        group = getattr(importlib.import_module(module), name)
        return start.params, group
    finally:
        forget_command_lines(sys.modules)


def _options(declared: Sequence[Any], given: Mapping[str, Any], input_name: str) -> list[str]:
    by_name: dict[str, Any] = {}
    for parameter in declared:
        if parameter.name in INTERNAL or parameter.param_type_name != "option":
            continue
        for spelling in (parameter.name, *parameter.opts, *parameter.secondary_opts):
            by_name.setdefault(spelling.lstrip("-").replace("-", "_"), parameter)
    arguments: list[str] = []
    for name, value in given.items():
        key = name.replace("-", "_")
        if key not in by_name:
            raise DeployError(_unknown(name, sorted({one.name for one in by_name.values()}), input_name))
        if value is not None:
            arguments += _option(by_name[key], name, value, input_name)
    return arguments


def _option(parameter: Any, name: str, value: Any, input_name: str) -> list[str]:
    spelled = next((opt for opt in parameter.opts if opt.startswith("--")), parameter.opts[0])
    if getattr(parameter, "is_flag", False):
        if not isinstance(value, bool):
            raise DeployError(_misfit(name, "is true or false", value, input_name))
        off = parameter.secondary_opts[:1]
        return [spelled] if value else list(off)
    if parameter.multiple and parameter.nargs == 1:
        values = value if isinstance(value, list | tuple) else [value]
        return [f"{spelled}={_text(one)}" for one in values]
    if isinstance(value, list | tuple):
        raise DeployError(_misfit(name, "takes one value", value, input_name))
    return [f"{spelled}={_text(value)}"]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _unknown(name: str, names: Sequence[str], input_name: str) -> Failure:
    key = name.replace("-", "_")
    by_input = f" (or leave the input `{name.replace('_', '-')}` out)" if key in WITH_INPUT else ""
    if key in OF_THE_FLOW and input_name == "deployer-options":
        advice = f"Use the input `{OF_THE_FLOW[key]}`."
    else:
        near = difflib.get_close_matches(key, names, n=1, cutoff=NEAR)
        hint = f"Did you mean `{near[0]}`? " if near else ""
        advice = f"{hint}Take it out of `{input_name}`{by_input}, or write one of: {', '.join(names)}."
    return Failure(
        reason=FailureReason.INPUT,
        input=input_name,
        message=f"Metaflow knows no option `{name}` here.",
        advice=advice,
    )


def _misfit(name: str, what: str, value: Any, input_name: str) -> Failure:
    shown = re.sub(r"\s+", " ", json.dumps(value, default=str))[:80]
    return Failure(
        reason=FailureReason.INPUT,
        input=input_name,
        message=f"Metaflow's option `{name}` {what}, not {shown}.",
        advice=f"Correct it in `{input_name}`.",
    )
