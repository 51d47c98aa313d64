"""What a flow holds, from the objects that Metaflow makes of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from deployer.outcome import Step


def describe_steps(flow_class: Any, flow_file: str) -> tuple[Step, ...]:
    """The steps in the order in which they run, `start` first."""
    graph = flow_class._graph  # noqa: SLF001  # Metaflow's own plug-ins read it so
    nodes = {node.name: node for node in graph}
    order = sorted(nodes, key=lambda name: _depths(nodes).get(name, len(nodes)))
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


def _depths(nodes: Mapping[str, Any]) -> dict[str, int]:
    depths: dict[str, int] = {}
    level = ["start"]
    while level:
        for name in level:
            depths[name] = len(depths)
        following = (out for name in level for out in getattr(nodes.get(name), "out_funcs", ()))
        level = list(dict.fromkeys(name for name in following if name in nodes and name not in depths))
    return depths
