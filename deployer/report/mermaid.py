"""A flow's steps as a Mermaid flowchart, coloured by what its run did."""

from __future__ import annotations

from deployer.outcome import FlowDescription, Run, RunStatus, Step

RESERVED = frozenset({"end", "graph", "subgraph", "class", "click", "style", "default", "call", "href", "o", "x"})
CLASSES = {
    "done": "fill:#dafbe1,stroke:#1a7f37,color:#1a7f37",
    "running": "fill:#fff8c5,stroke:#9a6700,color:#9a6700",
    "failed": "fill:#ffebe9,stroke:#cf222e,color:#cf222e",
    "todo": "fill:#f6f8fa,stroke:#8c959f,color:#57606a",
}


def flowchart(description: FlowDescription, run: Run | None = None) -> str:
    """The chart's source.

    Args:
        description: the flow's steps.
        run: colours the steps; without it they have no colour.
    """
    lines = ["flowchart LR"]
    states = {step.name: _state(step, run) for step in description.steps} if run is not None else {}
    for step in description.steps:
        state = f":::{states[step.name]}" if step.name in states else ""
        lines.append(f"    {_node(step.name)}{_shape(step, description, run)}{state}")
    lines += [f"    {_node(step.name)} --> {_node(following)}" for step in description.steps for following in step.next]
    used = [name for name in CLASSES if name in states.values()]
    lines += [f"    classDef {name} {CLASSES[name]}" for name in used]
    return "\n".join(lines)


def _node(name: str) -> str:
    """A node's id; the names that Mermaid keeps for itself get an underscore."""
    return f"{name}_" if name in RESERVED else name


def _shape(step: Step, description: FlowDescription, run: Run | None) -> str:
    label = step.name
    well, tasks = run.step_tasks.get(step.name, (0, 0)) if run is not None else (0, 0)
    is_many = any(step.name in before.next and before.type == "foreach" for before in description.steps)
    if is_many or tasks > 1:
        if tasks:
            label += f" ×{tasks}" if well == tasks else f" {well}/{tasks}"
        return f'[["{label}"]]'
    if step.name in ("start", "end"):
        return f'(["{label}"])'
    return f'{{{{"{label}"}}}}' if step.type == "split-switch" else f'["{label}"]'


def _state(step: Step, run: Run) -> str:
    if run.failed_task is not None and run.failed_task.step == step.name:
        return "failed"
    if step.name not in run.step_tasks:
        return "todo"
    if run.status is RunStatus.SUCCEEDED or any(following in run.step_tasks for following in step.next):
        return "done"
    well, tasks = run.step_tasks[step.name]
    if tasks and well == tasks:
        return "done"
    return "running" if not run.status.is_terminal else "failed"
