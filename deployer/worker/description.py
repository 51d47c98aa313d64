"""What a flow holds, from the objects that Metaflow makes of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from deployer.outcome import FlowDescription, Step
from deployer.worker import internals
from deployer.worker.parameters import describe_parameter
from deployer.worker.protocol import Target

NAMES = {"argo-workflows": "workflow_name", "step-functions": "state_machine_name", "airflow": "dag_name"}
"""Where Metaflow's command group keeps the name that it has resolved."""

CONFIGS_IN_ENVIRONMENT = ("METAFLOW_FLOW_CONFIG", "METAFLOW_FLOW_CONFIG_VALUE")
"""What Metaflow takes Configs from where no option gives them (metaflow.user_configs.config_options)."""


def describe_flow(flow: Any, graph: Any, flow_file: str) -> FlowDescription:
    """What a flow holds.

    Args:
        flow: Metaflow's FlowSpec object, its Configs resolved and its mutators applied.
        graph: its FlowGraph.
        flow_file: the absolute path of the flow's file.
    """
    from metaflow import current

    return FlowDescription(
        name=str(flow.name),
        parameters=tuple(describe_parameter(parameter) for parameter in internals.flow_parameters(flow)),
        configs=internals.flow_configs(flow),
        configs_in_environment=any(os.environ.get(name) for name in CONFIGS_IN_ENVIRONMENT),
        steps=describe_steps(graph, flow_file),
        project=current.get("project_name"),
        upstream=_upstream(flow),
    )


def describe_target(state: Any, group: str) -> Target:
    """Where a flow deploys, from the state of Metaflow's command line once the orchestrator's group was invoked."""
    from metaflow import current

    return Target(
        deployment_id=str(getattr(state, NAMES[group])),
        project=current.get("project_name"),
        branch=current.get("branch_name"),
        production=bool(current.get("is_production", False)),
        user_branch=bool(current.get("is_user_branch", False)),
    )


def _upstream(flow: Any) -> tuple[str, ...]:
    """The flows whose end triggers this one, as @trigger_on_finish names them."""
    names = []
    for decorator in internals.flow_decorators(flow, "trigger_on_finish"):
        for trigger in getattr(decorator, "triggers", ()):
            name = trigger.get("flow") or trigger.get("fq_name") if isinstance(trigger, Mapping) else None
            if isinstance(name, str):
                names.append(name)
    return tuple(dict.fromkeys(names))


def describe_steps(graph: Any, flow_file: str) -> tuple[Step, ...]:
    """The steps of a FlowGraph in the order in which they run, the first one first."""
    nodes = {node.name: node for node in graph}
    depths = _depths(nodes, str(getattr(graph, "start_step", None) or "start"))
    order = sorted(nodes, key=lambda name: depths.get(name, len(nodes)))
    return tuple(
        Step(
            name=name,
            type=str(nodes[name].type or "linear"),
            next=tuple(nodes[name].out_funcs),
            line=getattr(nodes[name], "func_lineno", None) if _defined_in(nodes[name], flow_file) else None,
        )
        for name in order
    )


def _defined_in(node: Any, flow_file: str) -> bool:
    source = getattr(node, "source_file", None)
    return source is not None and os.path.realpath(source) == os.path.realpath(flow_file)


def _depths(nodes: Mapping[str, Any], first: str) -> dict[str, int]:
    depths: dict[str, int] = {}
    level = [first]
    while level:
        for name in level:
            depths[name] = len(depths)
        following = (out for name in level for out in getattr(nodes.get(name), "out_funcs", ()))
        level = list(dict.fromkeys(name for name in following if name in nodes and name not in depths))
    return depths
