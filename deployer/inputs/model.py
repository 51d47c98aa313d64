"""The inputs as a dataclass, and what is raised where they cannot be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

from deployer.inputs.config import ConfigSource
from deployer.outcome import Failure, FailureReason


class OperationName(StrEnum):
    """The input `operation`."""

    AUTO = "auto"
    DEPLOY = "deploy"
    TRIGGER = "trigger"
    LIST = "list"
    STATUS = "status"
    TERMINATE = "terminate"
    SUSPEND = "suspend"
    UNSUSPEND = "unsuspend"
    DELETE = "delete"
    PRODUCTION_TOKEN = "production-token"  # noqa: S105  # a word of the list, no secret
    CLEANUP = "cleanup"
    DOCTOR = "doctor"


WITHOUT_FLOW = frozenset(
    {
        OperationName.LIST,
        OperationName.STATUS,
        OperationName.TERMINATE,
        OperationName.SUSPEND,
        OperationName.UNSUSPEND,
        OperationName.DELETE,
        OperationName.PRODUCTION_TOKEN,
        OperationName.CLEANUP,
    }
)
"""What is done to deployments that stand already, for which no flow file is opened."""


class Wait(StrEnum):
    """The input `wait`: how far a triggered run is followed."""

    NONE = "none"
    STARTED = "started"
    COMPLETED = "completed"


class OnTimeout(StrEnum):
    """The input `on-timeout`: what becomes of a run at `wait-timeout`."""

    LEAVE = "leave"
    TERMINATE = "terminate"


class CommentMode(StrEnum):
    """The input `comment`."""

    UPDATE = "update"
    NEW = "new"
    FAILURES = "failures"
    OFF = "off"


def _input(name: str, default: str = "", *, secret: bool = False) -> Any:
    return field(repr=not secret, metadata={"input": name, "default": default})


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """The inputs of the action, read. Durations are seconds; what is unset and has no default is None or empty."""

    flows: tuple[str, ...] = _input("flow")
    orchestrator: str = _input("orchestrator", "argo-workflows")
    operation: OperationName = _input("operation", "auto")
    deploy_branches: tuple[str, ...] = _input("deploy-branches")
    fail_fast: bool = _input("fail-fast", "false")
    working_directory: str = _input("working-directory", ".")
    trigger: bool = _input("trigger", "false")
    parameters: Mapping[str, Any] = _input("parameters")
    mask_parameters: bool = _input("mask-parameters", "false")
    wait: Wait | None = _input("wait")
    on_timeout: OnTimeout = _input("on-timeout", "leave")
    wait_timeout: float = _input("wait-timeout", "60m")
    poll_interval: float = _input("poll-interval", "10s")
    deploy_timeout: float = _input("deploy-timeout", "10m")
    deployment_name: str | None = _input("deployment-name")
    deployment_id: str | None = _input("deployment-id")
    run_id: str | None = _input("run-id")
    flow_name: str | None = _input("flow-name")
    project: str | None = _input("project")
    older_than: float = _input("older-than", "90d")
    include: tuple[str, ...] = _input("include")
    exclude: tuple[str, ...] = _input("exclude")
    removed: bool = _input("removed", "false")
    dry_run: bool = _input("dry-run", "true")
    max_deletions: int = _input("max-deletions", "20")
    project_branch: str | None = _input("project-branch")
    production: bool | None = _input("production", "auto")
    authorize: str | None = _input("authorize", secret=True)
    tags: tuple[str, ...] = _input("tags")
    with_decorators: tuple[str, ...] = _input("with")
    config: Mapping[str, ConfigSource] = _input("config")
    metaflow_environment: str | None = _input("metaflow-environment")
    metaflow_profile: str | None = _input("metaflow-profile")
    metaflow_config: Mapping[str, Any] | None = _input("metaflow-config", secret=True)
    metaflow_user: str | None = _input("metaflow-user")
    max_workers: int | None = _input("max-workers")
    workflow_timeout: float | None = _input("workflow-timeout")
    create_options: Mapping[str, Any] = _input("create-options", secret=True)
    deployer_options: Mapping[str, Any] = _input("deployer-options")
    requirements: str | None = _input("requirements")
    kubeconfig: str | None = _input("kubeconfig", secret=True)
    eks_cluster: str | None = _input("eks-cluster")
    aws_region: str | None = _input("aws-region")
    aws_role_to_assume: str | None = _input("aws-role-to-assume")
    airflow_dags_folder: str | None = _input("airflow-dags-folder")
    airflow_url: str | None = _input("airflow-url")
    airflow_token: str | None = _input("airflow-token", secret=True)
    airflow_username: str | None = _input("airflow-username")
    airflow_password: str | None = _input("airflow-password", secret=True)
    airflow_compatibility: bool = _input("airflow-compatibility", "true")
    allow_insecure: bool = _input("allow-insecure", "false")
    github_token: str | None = _input("github-token", "${{ github.token }}", secret=True)
    comment: CommentMode = _input("comment", "update")
    comment_key: str | None = _input("comment-key")
    given: frozenset[str] = field(default=frozenset())
    """The inputs that were given and differ from their default, in kebab-case; GitHub hands over defaults as if they
    had been given."""


class InputErrors(Exception):  # several at once
    """All mistakes in the inputs."""

    def __init__(self, failures: tuple[Failure, ...]) -> None:
        super().__init__("; ".join(failure.message for failure in failures))
        self.failures = failures


def input_names() -> dict[str, str]:
    """The inputs in kebab-case with their defaults, in the order of action.yml."""
    return {one.metadata["input"]: one.metadata["default"] for one in fields(Inputs) if "input" in one.metadata}


def input_failure(name: str, wrong: str, advice: str) -> Failure:
    """A mistake in an input: `wrong` and `advice` complete the sentences that name it."""
    return Failure(reason=FailureReason.INPUT, input=name, message=f"The input `{name}` {wrong}.", advice=advice)
