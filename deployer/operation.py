"""What to do: a pure function of the event and the inputs."""

from __future__ import annotations

from dataclasses import dataclass

from deployer.event import PULL_REQUEST, Event, WorkflowRun
from deployer.inputs import WITHOUT_FLOW, Inputs, OperationName, Wait
from deployer.production import deploy_branches
from deployer.secretless import cause_of

# GitHub hands a reusable workflow its caller's event; other servers say `workflow_call`.
SERVED = ("push", *PULL_REQUEST, "workflow_dispatch", "repository_dispatch", "schedule", "workflow_call")

# What each operation reads. An input that was given and is in none of these is told as ignored.
REPORTING = frozenset({"github-token", "comment", "comment-key", "mask-parameters"})
CREDENTIALS = frozenset({"kubeconfig", "eks-cluster", "aws-region", "aws-role-to-assume", "allow-insecure"})
AIRFLOW = frozenset(
    f"airflow-{name}" for name in ("dags-folder", "url", "token", "username", "password", "compatibility")
)
METAFLOW = CREDENTIALS | AIRFLOW | {"metaflow-profile", "metaflow-config", "metaflow-user", "requirements"}
ANY_FLOW = frozenset(
    {"flow", "fail-fast", "operation", "orchestrator", "working-directory", "deploy-timeout", "deployment-name"}
)
PLACE = frozenset({"operation", "orchestrator", "working-directory", "deploy-timeout"})
FLOW_FILE = frozenset({"project-branch", "production", "config", "metaflow-environment", "deployer-options"})
CREATING = frozenset({"authorize", "tags", "with", "max-workers", "workflow-timeout", "create-options"})
WAITING = frozenset({"on-timeout", "wait-timeout", "poll-interval"})
RUNNING = frozenset({"parameters", "wait"}) | WAITING
DECIDING = frozenset({"deploy-branches"})
FILTERS = frozenset({"flow-name", "project", "project-branch", "tags"})
# What the operations without a flow file read beside where they look and how they report.
MANAGING = {
    OperationName.LIST: FILTERS,
    OperationName.STATUS: frozenset({"deployment-id", "run-id"}),
    OperationName.TERMINATE: frozenset({"deployment-id", "run-id", "authorize"}),
    OperationName.SUSPEND: frozenset({"deployment-id", "run-id", "authorize"}),
    OperationName.UNSUSPEND: frozenset({"deployment-id", "run-id", "authorize"}),
    OperationName.DELETE: frozenset({"deployment-id", "authorize"}),
    OperationName.PRODUCTION_TOKEN: frozenset({"deployment-id"}),
    OperationName.CLEANUP: FILTERS
    | {"older-than", "include", "exclude", "removed", "dry-run", "max-deletions", "authorize"},
}
MANAGED = frozenset().union(*MANAGING.values())


@dataclass(frozen=True, kw_only=True)
class Deploy:
    """Deploy the flows, and run them where `trigger` says so."""

    runs: bool
    name = "deploy"

    @property
    def uses(self) -> frozenset[str]:
        """The inputs that it reads."""
        flows = METAFLOW | ANY_FLOW | FLOW_FILE | CREATING | DECIDING
        return REPORTING | flows | {"trigger"} | (RUNNING if self.runs else set())


@dataclass(frozen=True, kw_only=True)
class Trigger:
    """Run what is deployed already."""

    by_id: bool = False
    """Whether the deployment is found by its identifier alone, without a flow file."""
    name = "trigger"

    @property
    def uses(self) -> frozenset[str]:
        """The inputs that it reads."""
        if self.by_id:
            return REPORTING | METAFLOW | PLACE | RUNNING | {"deployment-id"}
        return REPORTING | METAFLOW | ANY_FLOW | RUNNING | FLOW_FILE | DECIDING


@dataclass(frozen=True, kw_only=True)
class Manage:
    """Look at what is deployed already, or change it, without a flow file."""

    operation: OperationName
    removed: bool = False
    """Whether `cleanup` takes what is gone from the repository, whatever its age."""

    @property
    def name(self) -> str:
        """The operation's own name."""
        return str(self.operation)

    @property
    def uses(self) -> frozenset[str]:
        """The inputs that it reads."""
        ignored = {"older-than"} if self.removed else set()
        return (REPORTING | METAFLOW | PLACE | MANAGING[self.operation]) - ignored


@dataclass(frozen=True, kw_only=True)
class Doctor:
    """Look at everything that deploying needs, and change nothing."""

    name = "doctor"

    @property
    def uses(self) -> frozenset[str]:
        """Whatever there is: `doctor` takes the place of another operation for one run, its other inputs left."""
        flows = METAFLOW | ANY_FLOW | FLOW_FILE | CREATING | RUNNING | {"trigger"}
        return REPORTING | flows | DECIDING | MANAGED


@dataclass(frozen=True, kw_only=True)
class Skip:
    """Do nothing, and say why."""

    reason: str
    name = "skip"

    @property
    def uses(self) -> frozenset[str]:
        """Whatever there is: no input is told as ignored, since another event may use it."""
        flows = METAFLOW | ANY_FLOW | FLOW_FILE | CREATING | RUNNING | {"trigger"}
        return REPORTING | flows | DECIDING | MANAGED


Operation = Deploy | Trigger | Manage | Doctor | Skip


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What to do, one operation after another, and what to say about the inputs and the event."""

    operations: tuple[Operation, ...]
    warnings: tuple[str, ...] = ()


def decide(event: Event, inputs: Inputs) -> Decision:
    """Decide what to do.

    Args:
        event: what called the job, or what called the reusable workflow.
        inputs: the job's inputs.

    Returns:
        The operations; a warning for each input that none of them reads, and for an event that has no secrets.
    """
    operation = _operation(event, inputs)
    warnings = () if isinstance(operation, Skip) else (*_ignored(operation, inputs), *_without_secrets(event))
    return Decision(operations=(operation,), warnings=warnings)


def _operation(event: Event, inputs: Inputs) -> Operation:
    if inputs.operation is OperationName.TRIGGER:
        return Trigger(by_id=not inputs.flows)
    if inputs.operation in WITHOUT_FLOW:
        return Manage(operation=inputs.operation, removed=inputs.removed)
    if inputs.operation is OperationName.DOCTOR:
        return Doctor()
    deploy = Deploy(runs=inputs.trigger)
    if inputs.operation is OperationName.DEPLOY:
        return deploy
    reason = _reason_to_skip(event, inputs)
    return Skip(reason=reason) if reason is not None else deploy


def _reason_to_skip(event: Event, inputs: Inputs) -> str | None:
    if event.triggered_by is not None:
        return _reason_of_run(event.triggered_by, event, inputs)
    if event.name not in SERVED:
        return f"The event `{event.name}` deploys nothing by itself; `operation: deploy` deploys on any event."
    if event.name in PULL_REQUEST and (event.action != "closed" or not event.merged):
        return _reason_of_pull_request(event)
    if event.deleted:
        return f"`{event.ref}` was deleted."
    if event.branch is None:
        what = "is a tag" if event.ref.startswith("refs/tags/") else "is no branch"
        return (
            f"`{event.ref}` {what}, and `auto` deploys branches only; `operation: deploy` deploys it, to production "
            "if a deploy branch contains its commit."
        )
    return _reason_of_branch(event.branch, event, inputs)


def _reason_of_pull_request(event: Event) -> str:
    if event.action != "closed":
        return f"The pull request was {_past(event.action)}, not closed; it deploys when it is merged."
    return "The pull request was closed without being merged."


def _reason_of_run(run: WorkflowRun, event: Event, inputs: Inputs) -> str | None:
    """After a workflow run: what it was of, and how it ended."""
    if not run.is_own:
        return "The workflow run before was of a fork's code."
    if run.event != "push":
        return f"The workflow run before was started by `{run.event}`; `auto` deploys after one of a `push`."
    if run.conclusion != "success":
        ended = f"ended with `{run.conclusion}`" if run.conclusion is not None else "has not ended"
        return f"The workflow run before {ended}."
    if run.head_branch is None:
        return "The event does not name the branch of the workflow run before."
    return _reason_of_branch(run.head_branch, event, inputs)


def _reason_of_branch(branch: str, event: Event, inputs: Inputs) -> str | None:
    wanted = deploy_branches(event, inputs)
    if branch in wanted:
        return None
    if wanted.patterns:
        return f"The branch `{branch}` is none of {wanted} (`deploy-branches`)."
    if wanted.default is None:
        return "The event does not tell the repository's default branch; name the branches in `deploy-branches`."
    return f"The branch `{branch}` is not the default branch {wanted}; see `deploy-branches`."


def _past(action: str | None) -> str:
    """`opened`, `synchronize`, `ready_for_review` as a word that completes "The pull request was …"."""
    words = {"synchronize": "updated", "ready_for_review": "made ready for review", None: "changed"}
    return words.get(action) or str(action).replace("_", " ")


def _ignored(operation: Deploy | Trigger | Manage | Doctor, inputs: Inputs) -> tuple[str, ...]:
    used = set(operation.uses)
    if inputs.orchestrator != "airflow" and not isinstance(operation, Doctor):
        used -= AIRFLOW
    if inputs.wait is Wait.NONE and not isinstance(operation, Doctor):
        used -= WAITING
    return tuple(f"The input `{name}` is ignored, since {_why(name, inputs)}." for name in sorted(inputs.given - used))


def _why(name: str, inputs: Inputs) -> str:
    asked = f"`operation: {inputs.operation}`"
    by_flow = inputs.flows and inputs.operation not in WITHOUT_FLOW
    reasons = (
        (name in DECIDING, f"{asked} deploys nothing"),
        (name in AIRFLOW, f"`orchestrator` is {inputs.orchestrator}"),
        (name in RUNNING and inputs.wait is Wait.NONE, "`wait: none` waits for nothing"),
        (name in RUNNING, "no run is triggered"),
        (name == "trigger" and inputs.operation is OperationName.TRIGGER, f"{asked} triggers a run anyway"),
        (name in ANY_FLOW | FLOW_FILE and not by_flow, "the deployment is found without its flow file"),
        (name == "older-than" and inputs.removed, "`removed: true` takes what is gone whatever its age"),
        (name in MANAGED - CREATING, f"{asked} does not ask for it"),
    )
    return next((reason for applies, reason in reasons if applies), "nothing is deployed")


def _without_secrets(event: Event) -> tuple[str, ...]:
    """Why credentials may be missing; told before they are missed."""
    cause = cause_of(event)
    return (cause.warning,) if cause is not None else ()
