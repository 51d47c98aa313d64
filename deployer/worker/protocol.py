"""What the action's process and a flow's process say to each other: one JSON document a line, request and reply.

The requests carry all that they need. A session that had to be ended (a call that never came back) is opened again
and goes on where the other stopped.
"""

from __future__ import annotations

from typing import Any

import msgspec

from deployer.orchestrators.airflow.settings import AirflowSettings
from deployer.orchestrators.protocol import MetaflowSettings, Snapshot
from deployer.outcome import Deployment, Failure, FlowDescription, Provenance, Run, Runtime
from deployer.worker.inventory_protocol import InventoryRequest


class Open(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """Import the flow and look at it; answers `Opened`. Without `flow_file` only the orchestrator is opened."""

    orchestrator: str
    folder: str
    """The absolute folder that the flow is deployed from."""
    flow_file: str | None = None
    """The absolute path of the flow file."""
    repository_root: str = "/"
    """Absolute; paths in failures are made relative to it."""
    deployer_options: dict[str, Any] = {}
    """Deployer's top-level options (environment, decospecs, …)."""
    production: bool | None = None
    """None: nobody asked; decided by `production_by_default` for a @project flow."""
    production_by_default: bool = False
    project_branch: str | None = None
    deployment_name: str | None = None
    airflow: AirflowSettings | None = None
    """Where Airflow is; None for every other orchestrator."""


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """What the flow's process found."""

    runtime: Runtime
    settings: MetaflowSettings
    orchestrators: tuple[str, ...]
    """Deployer's TYPEs that are installed."""
    description: FlowDescription | None = None
    production: bool | None = None
    """Whether --production is passed on; None for a flow without @project."""
    warnings: tuple[str, ...] = ()


class CheckParameters(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """Convert the parameters to the flow's types; answers the values as text, by name. Nothing is triggered."""

    parameters: dict[str, Any]


class Create(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """Deploy the flow; answers `Created`."""

    options: dict[str, Any]
    """Deployer's options of `create`."""
    provenance: Provenance


class Created(msgspec.Struct, frozen=True, kw_only=True):
    """What Deployer returned."""

    deployment_id: str
    flow_name: str
    notes: tuple[str, ...] = ()
    """What is to be said of it in the log, a sentence each."""
    warnings: tuple[str, ...] = ()


class Loaded(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """Ask whether Airflow has loaded what was delivered; answers as `Airflow.loaded`. For Airflow alone."""

    deployment_id: str
    before: str | None = None


class StackTrace(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """Ask why Airflow cannot load the DAG's file as it stands; answers its stack trace, or null. For Airflow alone."""

    deployment_id: str


class NotLoaded(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """Ask why Airflow has not loaded the file in time; answers a `Failure`. For Airflow alone."""

    deployment_id: str


class Name(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """Ask under which identifier Metaflow deploys the opened flow; answers the identifier, or null: not known."""


class Read(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """Ask the orchestrator what stands; answers a `Deployment` or null."""

    deployment_id: str
    flow_name: str | None = None


class Stamp(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """Write the provenance to what is deployed; answers null."""

    deployment_id: str
    provenance: Provenance


class TakeSnapshot(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """Take all objects of a deployment as they stand; answers a `Snapshot`, or null where the orchestrator has none."""

    deployment_id: str


class Restore(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """Put all objects of a deployment back; answers the `Change`s that it took."""

    snapshot: Snapshot


class Trigger(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """Trigger a run; answers a `Run`. Parameters are values of the flow's types, unchecked ones are converted."""

    deployment: Deployment
    parameters: dict[str, Any] = {}
    key: str
    """The same key never starts a second run, where the orchestrator offers that."""


class Observe(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """Look at a run; answers a `Run` as it is now."""

    deployment: Deployment
    run: Run
    diagnose: bool = False
    """Whether to find the failed task and count the tasks: worth its requests only at the end."""


class Terminate(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """End a run; answers a `Change`."""

    deployment: Deployment
    run: Run


class Examine(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """Look at one area of what deploying needs; answers `Check`s. Needs no `Open`."""

    area: str
    """The name of an `Area` of `deployer.orchestrators.checks`."""
    orchestrator: str
    airflow: AirflowSettings | None = None
    """Where Airflow is; None for every other orchestrator."""


Request = (
    Open
    | Examine
    | CheckParameters
    | Create
    | Loaded
    | StackTrace
    | NotLoaded
    | Name
    | Read
    | Stamp
    | TakeSnapshot
    | Restore
    | Trigger
    | Observe
    | Terminate
    | InventoryRequest
)


class Ready(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """The first line of a session: it stands, in a process group of its own that bears its pid."""

    pid: int


class Answer(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """A request was done; `value` is what the request's own docstring says."""

    value: msgspec.Raw = msgspec.Raw(b"null")


class Refusal(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """A request failed, or several things were wrong with it."""

    failures: tuple[Failure, ...]
    from_output: bool = False
    """Whether the cause is in what the command printed, and not in the failure itself."""


Reply = Ready | Answer | Refusal
