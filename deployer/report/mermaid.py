"""A flow's steps as a Mermaid flowchart, coloured by what its run did."""

from __future__ import annotations

import re

from deployer.outcome import FlowDescription, Run, RunStatus, Step

# Words that Mermaid's grammar keeps for itself; a step may bear them as a name.
RESERVED = frozenset(
    {"end", "graph", "flowchart", "subgraph", "class", "classDef", "click", "style", "linkStyle", "default", "call"}
    | {"href", "direction", "interpolate", "o", "x", "v", "TB", "TD", "BT", "RL", "LR", "accTitle", "accDescr"}
)
MOST_STEPS = 60
"""Steps, above which a chart explains nothing any more; Mermaid itself stops at 500 edges and 50,000 characters."""
CLASSES = {
    "default": "fill:#f6f8fa,stroke:#8c959f,color:#1f2328",
    "done": "fill:#dafbe1,stroke:#1a7f37,color:#1a7f37",
    "running": "fill:#fff8c5,stroke:#9a6700,color:#9a6700",
    "failed": "fill:#ffebe9,stroke:#cf222e,color:#cf222e",
    "todo": "fill:#f6f8fa,stroke:#8c959f,color:#57606a",
}


def flowchart(description: FlowDescription, run: Run | None = None) -> str:
    """The chart's source; empty where there are no steps, or more than a chart can show.

    Args:
        description: the flow's steps.
        run: colours the steps; without it they have no colour.
    """
    steps = description.steps
    if not 0 < len(steps) <= MOST_STEPS:
        return ""
    nodes = {step.name: _node(step.name, number) for number, step in enumerate(steps)}
    states = {step.name: _state(step, run) for step in steps} if run is not None else {}
    lines = ["flowchart LR"]
    for step in steps:
        state = f":::{states[step.name]}" if step.name in states else ""
        lines.append(f"    {nodes[step.name]}{_shape(step, description, run)}{state}")
    for step in steps:
        lines += [f"    {nodes[step.name]} --> {nodes[following]}" for following in step.next if following in nodes]
    used = set(states.values()) or {"default"}
    lines += [f"    classDef {name} {style}" for name, style in CLASSES.items() if name in used]
    return "\n".join(lines)


def _node(name: str, number: int) -> str:
    """A node's id: the step's name, an underscore after words that Mermaid keeps; a number where it is not ASCII."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        return f"step{number}_"
    return f"{name}_" if name.rstrip("_") in RESERVED or re.fullmatch(r"step\d+_+", name) else name


def _shape(step: Step, description: FlowDescription, run: Run | None) -> str:
    label = re.sub(r"\W", "", step.name)
    well, tasks = run.step_tasks.get(step.name, (0, 0)) if run is not None else (0, 0)
    is_many = any(step.name in before.next and before.type == "foreach" for before in description.steps)
    if is_many or tasks > 1:
        if tasks:
            label += f" ×{tasks}" if well == tasks else f" {well}/{tasks}"
        return f'[["{label}"]]'
    if step.name in ("start", "end"):
        return f'(["{label}"])'
    return f'{{{{"{label}"}}}}' if step.type == "split-switch" else f'["{label}"]'


def _state(step: Step, run: Run | None) -> str:
    assert run is not None
    if run.failed_task is not None and run.failed_task.step == step.name:
        return "failed"
    if step.name not in run.step_tasks:
        return "todo"
    well, tasks = run.step_tasks[step.name]
    if run.status is RunStatus.SUCCEEDED or (tasks and well == tasks):
        return "done"
    if any(following in run.step_tasks for following in step.next):
        return "done"
    return "running" if not run.status.is_terminal else "failed"
