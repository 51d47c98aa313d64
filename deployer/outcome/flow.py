"""What a flow file holds, and what will run it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class FlowParameter:
    """One `Parameter` of a flow, as Metaflow declares it."""

    name: str
    type: str
    """str, int, float, bool, JSONType or IncludeFile; `count`, `list of str` or `list of 2 str`; of what is deployed
    also `number`, for an int or a float, and empty where it is not known."""
    required: bool = False
    default: str | None = None
    """The default as text; None where there is none or where it is computed at deploy time."""
    help: str | None = None


@dataclass(frozen=True, kw_only=True)
class DeclaredParameters:
    """The Parameters of what is deployed, as far as the deployment itself carries them."""

    parameters: tuple[FlowParameter, ...] = ()
    complete: bool = True
    """Whether there are no others. A state machine that plain Metaflow deployed lacks those without a default."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of a flow's graph."""

    name: str
    type: str
    """Metaflow's word: start, linear, split, foreach, split-switch, join, end."""
    next: tuple[str, ...] = ()
    line: int | None = None
    """Where the step is defined in the flow file, counted from 1."""


@dataclass(frozen=True, kw_only=True)
class FlowDescription:
    """What a flow file holds, as Metaflow understands it."""

    name: str
    """The name of the FlowSpec subclass."""
    parameters: tuple[FlowParameter, ...] = ()
    steps: tuple[Step, ...] = ()
    project: str | None = None
    """The name given to @project."""
    configs: tuple[str, ...] = ()
    """The names of its Configs."""
    configs_in_environment: bool = False
    """Whether METAFLOW_FLOW_CONFIG or METAFLOW_FLOW_CONFIG_VALUE is there, which gives what the job does not."""
    upstream: tuple[str, ...] = ()
    """The flows that @trigger_on_finish names."""


@dataclass(frozen=True, kw_only=True)
class ConfigUse:
    """Where a Config of a flow got its value from."""

    name: str
    given: bool = False
    """Whether the job gave it, else it is the flow's default or of METAFLOW_FLOW_CONFIG."""
    path: str | None = None
    """The file that the job named, relative to the working directory; None where it gave a value."""


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """The Python and the Metaflow that deployed, and what they will make the tasks run on."""

    python: str
    """The interpreter's version, `3.13.1`."""
    metaflow: str
    """Metaflow's version, `2.19.39`."""
    task_image: str | None = None
    """The image that is configured for tasks; None where Metaflow takes `python:X.Y` of the interpreter."""
