"""What became of each flow, and of the whole job."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from deployer.outcome.check import Check
from deployer.outcome.deployment import Deployment, Standing
from deployer.outcome.failure import Failure, FailureReason
from deployer.outcome.flow import ConfigUse, FlowDescription, Runtime
from deployer.outcome.inventory import Inventory
from deployer.outcome.run import Run


class Status(StrEnum):
    """How a flow's operation, or the whole job, ended. GitHub's words."""

    SUCCESS = "success"
    FAILURE = "failure"
    CANCELLED = "cancelled"
    PENDING = "pending"
    SKIPPED = "skipped"


@dataclass(frozen=True, kw_only=True)
class FlowOutcome:
    """What became of one flow."""

    flow: str
    """The flow file, relative to the repository's root; the deployment's identifier where no file is given."""
    operation: str
    """deploy, trigger."""
    orchestrator: str
    status: Status
    flow_name: str | None = None
    """The name of the flow's class where nothing more than that is known of it."""
    description: FlowDescription | None = None
    configs: tuple[ConfigUse, ...] = ()
    """The Configs that it was deployed with; empty where it is not deployed."""
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
        return self.deployment.flow_name if self.deployment is not None else self.flow_name or self.flow


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
