"""What to do: a pure function of the event and the inputs."""

from __future__ import annotations

from dataclasses import dataclass

from deployer.branches import matches
from deployer.event import Event
from deployer.inputs import Inputs, OperationName

SERVED = ("push", "pull_request", "pull_request_target", "workflow_dispatch", "repository_dispatch", "schedule")

ALWAYS = frozenset(
    {
        "flow",
        "orchestrator",
        "operation",
        "deploy-branches",
        "working-directory",
        "deploy-timeout",
        "deployment-name",
        "project-branch",
        "production",
        "config",
        "config-value",
        "metaflow-environment",
        "metaflow-profile",
        "metaflow-config",
        "metaflow-user",
        "deployer-options",
        "requirements",
        "kubeconfig",
        "github-token",
        "comment",
        "comment-key",
    }
)
CREATING = frozenset({"authorize", "tags", "with", "max-workers", "workflow-timeout", "create-options"})
RUNNING = frozenset({"parameters", "wait", "on-timeout", "wait-timeout", "poll-interval"})


@dataclass(frozen=True, kw_only=True)
class Deploy:
    """Deploy the flows, and run them where `trigger` says so."""

    runs: bool
    name = "deploy"

    @property
    def uses(self) -> frozenset[str]:
        """The inputs that it reads."""
        return ALWAYS | CREATING | {"trigger"} | (RUNNING if self.runs else frozenset())


@dataclass(frozen=True, kw_only=True)
class Trigger:
    """Run what is deployed already."""

    name = "trigger"

    @property
    def uses(self) -> frozenset[str]:
        """The inputs that it reads."""
        return ALWAYS | RUNNING


@dataclass(frozen=True, kw_only=True)
class Skip:
    """Do nothing, and say why."""

    reason: str
    name = "skip"

    @property
    def uses(self) -> frozenset[str]:
        """It reads no input, and no input is told as ignored: another event may use it."""
        return ALWAYS | CREATING | RUNNING | {"trigger"}


Operation = Deploy | Trigger | Skip


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What to do, one operation after another, and what to say about the inputs."""

    operations: tuple[Operation, ...]
    warnings: tuple[str, ...] = ()


def decide(event: Event, inputs: Inputs) -> Decision:
    """Decide what to do.

    Args:
        event: what called the job, or what called the reusable workflow.
        inputs: the job's inputs.

    Returns:
        The operations, and a warning for each input that none of them reads.
    """
    operation = _operation(event, inputs)
    return Decision(operations=(operation,), warnings=_ignored(operation, inputs))


def _operation(event: Event, inputs: Inputs) -> Operation:
    if inputs.operation is OperationName.TRIGGER:
        return Trigger()
    deploy = Deploy(runs=inputs.trigger)
    if inputs.operation is OperationName.DEPLOY:
        return deploy
    reason = _reason_to_skip(event, inputs)
    return Skip(reason=reason) if reason is not None else deploy


def _reason_to_skip(event: Event, inputs: Inputs) -> str | None:
    if event.name not in SERVED:
        return f"The event `{event.name}` deploys nothing by itself; `operation: deploy` deploys on any event."
    if event.name in ("pull_request", "pull_request_target"):
        if event.action != "closed":
            return f"The pull request was {event.action or 'changed'}, not closed; it deploys when it is merged."
        if not event.merged:
            return "The pull request was closed without being merged."
    if event.deleted:
        return f"`{event.ref}` was deleted."
    if event.branch is None:
        return f"`{event.ref}` is a tag, and `auto` deploys branches only; `operation: deploy` deploys a tag."
    return _reason_of_branch(event, inputs)


def _reason_of_branch(event: Event, inputs: Inputs) -> str | None:
    assert event.branch is not None
    patterns = inputs.deploy_branches
    if patterns:
        wanted = ", ".join(f"`{pattern}`" for pattern in patterns)
        return (
            None
            if matches(event.branch, patterns)
            else f"The branch `{event.branch}` is none of {wanted} (`deploy-branches`)."
        )
    if event.default_branch is None:
        return "The event does not tell the repository's default branch; name the branches in `deploy-branches`."
    if event.branch != event.default_branch:
        return f"The branch `{event.branch}` is not the default branch `{event.default_branch}`; see `deploy-branches`."
    return None


def _ignored(operation: Operation, inputs: Inputs) -> tuple[str, ...]:
    why = "no run is triggered" if isinstance(operation, Deploy) else "nothing is deployed"
    return tuple(f"The input `{name}` is ignored, since {why}." for name in sorted(inputs.given - operation.uses))
