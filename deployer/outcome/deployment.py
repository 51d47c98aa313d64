"""What stands at an orchestrator, where it came from, and what was done to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from deployer.outcome.flow import DeclaredParameters, FlowParameter


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where a deployment came from; stamped on what is deployed, read back, left out of every comparison."""

    repository: str
    """OWNER/NAME."""
    flow: str
    """The flow file, relative to the repository's root."""
    commit: str
    """The commit's full SHA."""
    commit_time: str | None = None
    """ISO 8601, UTC."""
    pull_request: int | None = None
    workflow_run: str | None = None
    """The id of the workflow run that deployed."""
    run_attempt: int | None = None
    environment: str | None = None
    """The GitHub environment of the job."""
    deployed_at: str | None = None
    """When it was stamped, ISO 8601, UTC."""
    parameters: tuple[FlowParameter, ...] | None = None
    """What the flow declares, without defaults and help: not every orchestrator keeps names and types."""


class Action(StrEnum):
    """What was done to an object of an orchestrator."""

    CREATED = "created"
    CHANGED_BACK = "changed back"
    REMOVED = "removed"
    SUSPENDED = "suspended"
    RESUMED = "resumed"
    TERMINATED = "terminated"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, kw_only=True)
class Change:
    """One thing that was done at an orchestrator, or left undone for a reason."""

    kind: str
    """The object's kind in the orchestrator's words: `WorkflowTemplate`, `Workflow`, `state machine`, `rule`."""
    name: str
    action: Action
    namespace: str | None = None
    """The Kubernetes namespace."""
    note: str | None = None
    """Why it was left unchanged, or what else is to be said: `it has ended already (succeeded)`."""

    def __str__(self) -> str:
        """`CronWorkflow recsys.prod.dailyflow in flows: removed`."""
        where = f" in {self.namespace}" if self.namespace else ""
        note = f", {self.note}" if self.note else ""
        return f"{self.kind} {self.name}{where}: {self.action}{note}"


class Standing(StrEnum):
    """What stands under the deployment identifier when the operation is over."""

    DEPLOYED = "deployed"
    """What this job deployed."""
    AS_BEFORE = "as-before"
    """What stood before this job, untouched or put back; nothing, where nothing stood."""
    HALF_DEPLOYED = "half-deployed"
    """A part of what this job deploys."""
    UNKNOWN = "unknown"
    """The orchestrator could not be asked, or the action itself failed meanwhile."""


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """What stands at the orchestrator, read back from it."""

    id: str
    """The deployment identifier: the name of the WorkflowTemplate or state machine, never an ARN."""
    orchestrator: str
    """Deployer's TYPE: `argo-workflows`, `step-functions`, or a plug-in's."""
    flow_name: str
    namespace: str | None = None
    """The Kubernetes namespace."""
    arn: str | None = None
    region: str | None = None
    """The AWS region."""
    url: str | None = None
    """The page of the deployment, where it can be known."""
    schedule: str | None = None
    """The cron expression, as the orchestrator has it."""
    timezone: str | None = None
    triggers: tuple[str, ...] = ()
    """What else starts a run, each in words: `when TrainFlow finishes`, `on event data_arrived`."""
    metaflow_namespace: str | None = None
    """What to pass to `namespace(...)` to read its runs: `production:…` or `user:…`."""
    owner: str | None = None
    """The METAFLOW_USER that deployed."""
    project: str | None = None
    project_branch: str | None = None
    """Metaflow's branch name: `prod`, `prod.x`, `test.x`, `user.x`."""
    version: str | None = None
    """What tells one version of a deployment from the next (resourceVersion, revision)."""
    provenance: Provenance | None = None
    production_token: str | None = None
    """What Metaflow asks for before another user changes the deployment; it guards against accidents, and is no
    secret."""
    tags: tuple[str, ...] = ()
    """The Metaflow tags that its runs get."""
    deployed_at: datetime | None = None
    """When this very deployment was written last; None where nothing tells."""
    declared: DeclaredParameters | None = None
    """Its Parameters; None where nothing tells of them."""
    problems: tuple[str, ...] = ()
    """What is missing or refused of it, a sentence each: a schedule or a trigger that Metaflow promised."""
