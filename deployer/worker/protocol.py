"""What the action's process and a flow's process say to each other: one JSON document a line, request and reply.

The requests carry all that they need. A session that had to be ended (a call that never came back) is opened again
and goes on where the other stopped.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from deployer.orchestrators.airflow.settings import AirflowSettings
from deployer.orchestrators.driver import MetaflowSettings, Snapshot
from deployer.outcome import Deployment, Failure, FlowDescription, Provenance, Run, Runtime
from deployer.worker.inventory_protocol import InventoryRequest


class Open(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """Open the orchestrator; answers `Opened`. A flow file is only imported here for an extension's orchestrator, whose
    Deployer needs it; `Compile` opens it for all others."""

    orchestrator: str
    folder: str
    """The absolute folder that the flow is deployed from."""
    flow_file: str | None = None
    """The absolute path of the flow file."""
    repository_root: str = "/"
    """Absolute; paths in failures are made relative to it."""
    deployer_options: dict[str, Any] = {}
    """Deployer's top-level options (environment, decospecs, …)."""
    shares_configs: bool = False
    """Whether the Configs among them are for several flows: each takes those that it declares. Else Metaflow refuses
    one that the flow does not declare, and says which it has."""
    production: bool | None = None
    """None: nobody asked; decided by `production_by_default` for a @project flow."""
    production_by_default: bool = False
    project_branch: str | None = None
    deployment_name: str | None = None
    airflow: AirflowSettings | None = None
    """Where Airflow is; None for every other orchestrator."""


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """What a flow's process found."""

    runtime: Runtime
    settings: MetaflowSettings
    orchestrators: tuple[str, ...]
    """Deployer's TYPEs that are installed."""
    warnings: tuple[str, ...] = ()


Phase = Literal["import", "open", "command"]
"""How far a command of Metaflow came: it imported the flow's file; it opened the flow (its Configs, mutators, graph and
decorators); it invoked the command itself."""


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """Where a flow deploys, as Metaflow says of the flow that it has opened."""

    deployment_id: str | None
    """None for an extension's orchestrator, where only deploying tells it."""
    project: str | None = None
    """The name given to @project; None for a flow without it, and so for the three below."""
    branch: str | None = None
    """Metaflow's branch name: `prod`, `prod.x`, `test.x`, `user.x`."""
    production: bool = False
    """Whether @project says production."""
    user_branch: bool = False
    """Whether nothing named a branch: `user.x`."""
    production_by_default: bool = False
    """Whether it is production since nothing said otherwise, and the job deploys the default branch."""
    takes_options: bool = False
    """Whether Metaflow's command line takes `--branch` and `--production` for this flow: not where only a mutator adds
    @project."""


class Write(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that `create` writes to an orchestrator, in the order of `create`."""

    kind: str
    """WorkflowTemplate, CronWorkflow, Sensor, jobDefinition, stateMachine, rule, dag; `deleted-Sensor` and
    `replaced-name` for what `create` deletes."""
    name: str
    namespace: str | None = None
    """The Kubernetes namespace."""
    body: Any = None
    """What Metaflow's client is handed, as JSON."""


class TriggerRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A run that Metaflow would trigger, its Parameters converted by Metaflow."""

    deployment_id: str
    parameters: dict[str, Any]


class CommandError(msgspec.Struct, frozen=True, kw_only=True):
    """The exception that ended a command of Metaflow."""

    phase: Phase
    flow_name: str | None = None
    """The name of the flow's class, where Metaflow came as far as that."""
    module: str
    """The module of the exception's class."""
    type: str
    bases: tuple[str, ...]
    """The qualified names of its class and of all its base classes."""
    message: str
    headline: str | None = None
    """Metaflow's own words for the kind of exception."""
    path: str | None = None
    """The file of the repository that it arose in, relative to its root."""
    line: int | None = None
    expression: str | None = None
    """The expression on a Config that could not be computed, as far as it is known."""
    traceback: str = ""


class Compile(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """Have Metaflow open the flow and compile it, and write nothing to the orchestrator; answers `Compiled`."""

    command: Literal["describe", "create", "trigger"]
    """`describe` opens, checks and names the flow alone."""
    options: dict[str, Any] = {}
    """The options of `create`."""
    provenance: Provenance | None = None
    """For `create`, whose tags name where the deployment comes from."""
    parameters: dict[str, Any] = {}
    """For `trigger`, values of the flow's Parameters, unchecked."""


class Compiled(msgspec.Struct, frozen=True, kw_only=True):
    """A flow as plain data."""

    description: FlowDescription
    target: Target
    writes: tuple[Write, ...] = ()
    trigger: TriggerRequest | None = None
    warnings: tuple[str, ...] = ()


class Deploy(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """Write what was compiled to the orchestrator; an extension's Deployer creates the deployment from the flow file.
    Answers `Deployed`."""

    flow_name: str
    writes: tuple[Write, ...] = ()
    options: dict[str, Any] = {}
    """The options of `create`, for an extension's Deployer."""
    provenance: Provenance


class Deployed(msgspec.Struct, frozen=True, kw_only=True):
    """What was deployed."""

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
    """Trigger a run; answers a `Run`."""

    deployment: Deployment
    parameters: dict[str, Any] = {}
    """Values of the flow's types."""
    compiled: bool = False
    """Whether Metaflow has converted them already; else what is deployed tells their types, as far as it can."""
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
    | Compile
    | Deploy
    | Loaded
    | StackTrace
    | NotLoaded
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
    error: CommandError | None = None
    """The exception that ended a command of Metaflow."""


Reply = Ready | Answer | Refusal
