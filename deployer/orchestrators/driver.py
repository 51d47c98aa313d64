"""What every orchestrator module offers, over its own client (kubernetes, boto3), without Metaflow.

`deployer.worker` calls these in the flow's process: there the clients are imported already and a call that hangs is
ended with its process. Metaflow's configuration is handed in as `MetaflowSettings`; clients are handed in, not found.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from deployer.orchestrators.inventory import Inventory
from deployer.outcome import Change, Deployment, Provenance, RunStatus


@dataclass(frozen=True, kw_only=True)
class MetaflowSettings:
    """What an orchestrator module has to know of Metaflow's configuration, as Metaflow itself resolved it."""

    user: str | None = None
    ui_url: str | None = None
    """METAFLOW_UI_URL."""
    kubernetes_namespace: str = "default"
    """METAFLOW_KUBERNETES_NAMESPACE."""
    kubernetes_namespace_is_set: bool = False
    """Whether somebody chose it, in the environment or in Metaflow's configuration; else it is Metaflow's default."""
    sensor_namespace: str | None = None
    """METAFLOW_ARGO_EVENTS_SENSOR_NAMESPACE, where Metaflow puts Sensors; None: to the flows' own namespace."""
    argo_ui_url: str | None = None
    """METAFLOW_ARGO_WORKFLOWS_UI_URL."""
    region: str | None = None
    """The AWS region that boto3 resolves."""
    state_machine_prefix: str | None = None
    """METAFLOW_SFN_STATE_MACHINE_PREFIX."""


@dataclass(frozen=True, kw_only=True)
class TaskTrouble:
    """What the orchestrator says of one task that ended badly, where Metaflow may know nothing of it."""

    step: str
    what: str
    """In words, with what is known of it: `out of memory: the container used more than its limit of 64Mi`."""
    detail: str = ""
    """The orchestrator's own text, as it came."""
    decides: bool = False
    """Whether it says more than the exception that the task recorded: a killed task records none of its own."""
    advice: str = ""
    """What to do about it, as one sentence, where it is not the flow that has to be mended."""


@dataclass(frozen=True, kw_only=True)
class RunState:
    """A run as its orchestrator tells it."""

    status: RunStatus
    started_at: datetime | None = None
    finished_at: datetime | None = None
    message: str | None = None
    """The orchestrator's own words on why it is in that state (phase message, execution error and cause)."""
    waiting: tuple[str, ...] = ()
    """What keeps it or its tasks from running, each in words: `step train: pod unschedulable: …`."""
    troubles: tuple[TaskTrouble, ...] = ()
    """The tasks that ended badly, the first one first."""


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """All objects of one deployment together, as they stood: the one way to put things back.

    `objects` maps a kind (`WorkflowTemplate`, `CronWorkflow`, `Sensor`; `stateMachine`, `rule`) to the object as the
    orchestrator gave it, or to None where there was none.
    """

    deployment_id: str
    orchestrator: str
    objects: Mapping[str, Any] = field(default_factory=dict)


class Orchestrator(Protocol):
    """One orchestrator. Every method raises `deployer.outcome.DeployError` for what went wrong, with its reason
    (`orchestrator-unreachable`, `credentials`, `permission`, …), and never returns a made-up value."""

    @property
    def type(self) -> str:
        """Deployer's TYPE."""

    @property
    def name_limit(self) -> int | None:
        """The longest deployment identifier that the orchestrator takes, in characters."""

    def notices(self) -> tuple[str, ...]:
        """What is worth a warning before anything is deployed, a sentence each."""

    def settings_for_create(self) -> Mapping[str, str]:
        """METAFLOW_* that what is installed there asks for, where Metaflow cannot know it by itself."""

    def read(self, deployment_id: str, flow_name: str | None = None) -> Deployment | None:
        """What stands under this identifier, schedule, triggers and provenance included; None: nothing does.

        `flow_name` is what Deployer returned, for an orchestrator that cannot be asked.
        """

    def create_tags(self, provenance: Provenance) -> tuple[str, ...]:
        """The tags to hand to Deployer's `create(tags=…)` so that the request that deploys carries the provenance."""

    def stamp(self, deployment_id: str, provenance: Provenance) -> None:
        """Write the provenance to the deployment itself, where `create` cannot carry all of it."""

    def snapshot(self, deployment_id: str) -> Snapshot | None:
        """All objects of the deployment as they stand now; None: this orchestrator cannot be asked."""

    def restore(self, snapshot: Snapshot) -> tuple[Change, ...]:
        """Put all objects of the deployment back to the snapshot: changed ones changed back, new ones removed.

        Returns:
            What was done; nothing where all stood as in the snapshot.
        """

    def run_state(self, deployment: Deployment, run_id: str, *, diagnose: bool = False) -> RunState | None:
        """The state of a run by its Metaflow run id (`argo-…`, `sfn-…`); None: the orchestrator knows no such run.

        `diagnose`: whether to look for the tasks that ended badly, which is worth its requests only at the end.
        """

    def run_url(self, deployment: Deployment, run_id: str) -> str | None:
        """The page of a run: the Metaflow UI where METAFLOW_UI_URL is set, else the orchestrator's own page; None
        where it cannot be known."""

    def trigger(self, deployment: Deployment, parameters: Mapping[str, Any], *, key: str) -> str:
        """Run what stands under this identifier without its flow file; returns the Metaflow run id.

        `key` makes asking twice harmless: the same key never starts a second run.
        """

    def terminate(self, deployment: Deployment, run_id: str) -> Change:
        """End a run. A run that has ended already is told as `unchanged`."""

    def suspend(self, deployment: Deployment, run_id: str) -> Change:
        """Let a run begin no further task until it is resumed; those under way go on."""

    def unsuspend(self, deployment: Deployment, run_id: str) -> Change:
        """Let a suspended run go on."""

    def delete(self, deployment_id: str) -> tuple[Change, ...]:
        """Remove a deployment with its schedule and its triggers, and nothing that is another's; runs go on.

        Returns:
            What was removed, and what was left with the reason; nothing where nothing stood.
        """

    def inventory(self) -> Inventory:
        """What stands there, asked for many deployments at once."""
