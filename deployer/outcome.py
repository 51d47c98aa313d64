"""What happened: plain frozen dataclasses, JSON both ways (`to_json`, `from_json`).

This is the ground floor. Every room above it speaks in these words; none of them knows GitHub or Metaflow.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

import msgspec

T = TypeVar("T")


class Status(StrEnum):
    """How a flow's operation, or the whole job, ended. GitHub's words."""

    SUCCESS = "success"
    FAILURE = "failure"
    CANCELLED = "cancelled"
    PENDING = "pending"
    SKIPPED = "skipped"


class RunStatus(StrEnum):
    """The state of a run, as its orchestrator tells it."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TERMINATED = "terminated"

    @property
    def is_terminal(self) -> bool:
        """Whether the run can change no more."""
        return self not in (RunStatus.PENDING, RunStatus.RUNNING)


class FailureReason(StrEnum):
    """The closed list of the output `failure-reason`; what to do for each is in `deployer.report.advice`."""

    INPUT = "input"
    FLOW_INVALID = "flow-invalid"
    FLOW_IMPORT = "flow-import"
    CREDENTIALS = "credentials"
    PERMISSION = "permission"
    TOKEN = "token"  # noqa: S105  # a word of the list, no secret
    DATASTORE = "datastore"
    ORCHESTRATOR_UNREACHABLE = "orchestrator-unreachable"
    DEPLOY = "deploy"
    HALF_DEPLOYED = "half-deployed"
    TRIGGER = "trigger"
    START_TIMEOUT = "start-timeout"
    RUN_FAILED = "run-failed"
    RUN_TIMEOUT = "run-timeout"
    CANCELLED = "cancelled"
    INTERNAL = "internal"


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why something failed, in the form in which every failure is told.

    `message` is one sentence on what is wrong, `advice` one on what to do, `evidence` the text that shows it (the
    tail of a log, a traceback), already masked but not escaped.
    """

    reason: FailureReason
    message: str
    advice: str
    evidence: str = ""
    input: str | None = None
    """The input that is at fault, in kebab-case."""
    path: str | None = None
    """The file at fault, relative to the repository's root."""
    line: int | None = None
    """The line at fault in `path`, counted from 1."""


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


@dataclass(frozen=True, kw_only=True)
class FlowParameter:
    """One `Parameter` of a flow, as Metaflow declares it."""

    name: str
    type: str
    """str, int, float, bool, JSONType or IncludeFile."""
    required: bool = False
    default: str | None = None
    """The default as text; None where there is none or where it is computed at deploy time."""
    help: str | None = None


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


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """The Python and the Metaflow that deployed, and what they will make the tasks run on."""

    python: str
    """The interpreter's version, `3.13.1`."""
    metaflow: str
    """Metaflow's version, `2.19.39`."""
    task_image: str | None = None
    """The image that is configured for tasks; None where Metaflow takes `python:X.Y` of the interpreter."""


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
    """The orchestrator could not be asked."""


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
    problems: tuple[str, ...] = ()
    """What is missing or refused of it, a sentence each: a schedule or a trigger that Metaflow promised."""


@dataclass(frozen=True, kw_only=True)
class TaskFailure:
    """The first task of a run that failed."""

    step: str
    task_id: str | None = None
    exception: str | None = None
    """The last line of the traceback: `ValueError: Input X contains NaN`."""
    path: str | None = None
    """The file of the user's own code where it was raised, relative to the repository's root."""
    line: int | None = None
    log: str = ""
    """The tail of the task's log."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """A triggered run."""

    id: str
    """`argo-…`, `sfn-…`."""
    pathspec: str
    """FlowName/run id."""
    status: RunStatus
    url: str | None = None
    parameters: dict[str, str] = field(default_factory=dict)
    """What the run was triggered with, as text."""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    begun: bool = False
    """Whether Metaflow's `Run` exists, which it does once the start task has registered."""
    step_tasks: dict[str, tuple[int, int]] = field(default_factory=dict)
    """For each step that has begun: how many of its tasks succeeded, and how many there are."""
    failed_task: TaskFailure | None = None
    waiting: tuple[str, ...] = ()
    """What keeps its tasks from running, as the orchestrator tells it: `step train: pod unschedulable: …`."""
    note: str | None = None
    """What else is to be said of it: `left running after 60m`, `terminated after 60m`."""

    @property
    def duration(self) -> float | None:
        """Seconds from start to end, where both are known."""
        if self.started_at is None or self.finished_at is None:
            return None
        return (self.finished_at - self.started_at).total_seconds()


@dataclass(frozen=True, kw_only=True)
class FlowOutcome:
    """What became of one flow."""

    flow: str
    """The flow file, relative to the repository's root; the deployment's identifier where no file is given."""
    operation: str
    """deploy, trigger."""
    orchestrator: str
    status: Status
    description: FlowDescription | None = None
    runtime: Runtime | None = None
    deployment: Deployment | None = None
    replaced: Deployment | None = None
    """What stood under the same identifier before."""
    run: Run | None = None
    failure: Failure | None = None
    standing: Standing | None = None
    """What stands after a deployment was tried; None where that follows from the failure's reason alone."""
    warnings: tuple[str, ...] = ()
    production: bool | None = None
    """Whether it was deployed with --production; None where the flow has no @project."""
    production_by_default: bool = False
    """Whether --production was nobody's input, but follows from the default branch being deployed."""
    seconds: float | None = None
    """How long it took, waiting for the run included."""

    @property
    def name(self) -> str:
        """The flow's name where it is known, else its file."""
        if self.description is not None:
            return self.description.name
        return self.deployment.flow_name if self.deployment is not None else self.flow


class CheckState(StrEnum):
    """What one look of `operation: doctor` found."""

    OK = "ok"
    WARNING = "warning"
    """Deploying works, something else does not, or soon will not."""
    BAD = "bad"
    """Deploying fails for it."""
    UNKNOWN = "unknown"
    """It could not be looked at; what stands in the way is a line of its own."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """One line of what `operation: doctor` found. No text of it holds a secret."""

    name: str
    """What was looked at: `Datastore`, `Rights in the cluster`."""
    state: CheckState
    found: str
    """What was found, as one sentence or a few words."""
    advice: str = ""
    """What to do, as one sentence; empty where all is well."""
    reason: FailureReason | None = None
    """The `failure-reason` that a deployment would fail with; of bad checks only."""
    evidence: str = ""

    @property
    def failure(self) -> Failure | None:
        """A bad check as a failure."""
        if self.state is not CheckState.BAD:
            return None
        reason = self.reason or FailureReason.INTERNAL
        return Failure(reason=reason, message=f"{self.name}: {self.found}", advice=self.advice, evidence=self.evidence)


class Fate(StrEnum):
    """What became of a deployment that an operation without a flow file looked at."""

    LISTED = "listed"
    KEPT = "kept"
    WOULD_BE_DELETED = "would be deleted"
    DELETED = "deleted"
    TERMINATED = "terminated"
    SUSPENDED = "suspended"
    UNSUSPENDED = "unsuspended"
    UNCHANGED = "unchanged"
    """It was so already: a run that had ended by itself, one that was suspended before."""
    FAILED = "failed"
    NOT_TRIED = "not tried"

    @property
    def is_change(self) -> bool:
        """Whether something at the orchestrator is not as it was before."""
        return self in (Fate.DELETED, Fate.TERMINATED, Fate.SUSPENDED, Fate.UNSUSPENDED)


@dataclass(frozen=True, kw_only=True)
class DeploymentRow:
    """One deployment that an operation without a flow file looked at, and what became of it."""

    id: str
    orchestrator: str
    deployment: Deployment | None = None
    """None where only parts of one stand, whose WorkflowTemplate or state machine is gone."""
    runs: tuple[Run, ...] = ()
    """Its latest runs, the newest first, as far as they were asked for."""
    last_run_at: datetime | None = None
    """When its last run started; the present for one that is under way."""
    active: bool = False
    """Whether a run is under way."""
    parts: tuple[str, ...] = ()
    """The objects that were changed, or that stand alone: `CronWorkflow helloflow`."""
    fate: Fate = Fate.LISTED
    why: str = ""
    """Why that became of it, as one sentence."""
    failure: Failure | None = None


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """The deployments that an operation without a flow file looked at."""

    rows: tuple[DeploymentRow, ...] = ()
    orchestrator: str = ""
    """Deployer's TYPE, or `airflow`."""
    place: str = ""
    """Where they stand, in words: `namespace ml`, `eu-west-1`."""
    filters: str = ""
    """What was asked for, in words; empty where it was everything."""
    dry_run: bool = False
    production_token: str | None = None
    """What `operation: production-token` was asked for."""


@dataclass(frozen=True, kw_only=True)
class JobContext:
    """What the report says of the job: facts of the event, none of them trusted text."""

    repository: str
    """OWNER/NAME."""
    server_url: str
    """https://github.com, or a GitHub Enterprise Server's."""
    commit: str
    actor: str
    workflow: str
    """The workflow's name."""
    job: str
    """The job's id (GITHUB_JOB)."""
    run_id: str
    run_attempt: int = 1
    branch: str | None = None
    """The branch that is deployed."""
    environment: str | None = None

    @property
    def run_url(self) -> str:
        """The page of the workflow run."""
        return f"{self.server_url}/{self.repository}/actions/runs/{self.run_id}/attempts/{self.run_attempt}"

    @property
    def commit_url(self) -> str:
        """The page of the commit."""
        return f"{self.server_url}/{self.repository}/commit/{self.commit}"

    def file_url(self, path: str, line: int | None = None) -> str:
        """The page of a file at this commit; `path` is relative to the repository's root."""
        from urllib.parse import quote

        anchor = f"#L{line}" if line else ""
        return f"{self.server_url}/{self.repository}/blob/{self.commit}/{quote(path)}{anchor}"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of the whole job."""

    operation: str
    """deploy, trigger, doctor, skip."""
    flows: tuple[FlowOutcome, ...] = ()
    checks: tuple[Check, ...] = ()
    """What `operation: doctor` found, in the order in which it looked."""
    inventory: Inventory | None = None
    """The deployments that were listed, looked at or changed without a flow file."""
    failures: tuple[Failure, ...] = ()
    """Failures that belong to no flow, bad inputs above all."""
    warnings: tuple[str, ...] = ()
    skipped: str | None = None
    """Why nothing was done, as one sentence."""
    context: JobContext | None = None
    finished_at: datetime | None = None

    @property
    def status(self) -> Status:
        """The worst of the flows' states; a failure of the job itself is worse still."""
        if self.failures:
            cancelled = all(f.reason is FailureReason.CANCELLED for f in self.failures)
            return Status.CANCELLED if cancelled else Status.FAILURE
        if self.checks:
            return Status.FAILURE if any(check.failure for check in self.checks) else Status.SUCCESS
        if self.inventory is not None:
            failures = [row.failure for row in self.inventory.rows if row.failure is not None]
            if any(one.reason is not FailureReason.CANCELLED for one in failures):
                return Status.FAILURE
            return Status.CANCELLED if failures else Status.SUCCESS
        states = {flow.status for flow in self.flows}
        for state in (Status.FAILURE, Status.CANCELLED, Status.PENDING, Status.SUCCESS):
            if state in states:
                return state
        return Status.SKIPPED

    @property
    def failure(self) -> Failure | None:
        """The first failure: the job's own, else the first failed flow's, bad check's or deployment's."""
        if self.failures:
            return self.failures[0]
        rows = self.inventory.rows if self.inventory is not None else ()
        failures = [one.failure for one in self.flows] + [one.failure for one in self.checks]
        failures += [one.failure for one in rows]
        return next((failure for failure in failures if failure is not None), None)


def to_json(value: object) -> str:
    """Any of these dataclasses as JSON, snake_case keys, times as ISO 8601."""
    return msgspec.json.encode(value).decode()


def from_json(text: str | bytes, kind: type[T]) -> T:
    """The reverse of `to_json`.

    Raises:
        ValueError: the text is no JSON, or not of that kind; the message names the field.
    """
    return msgspec.json.decode(text, type=kind)


class DeployError(Exception):
    """The one exception that carries a `Failure` up to where it is reported; it never crosses a process by itself."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure
