"""What happened: plain frozen dataclasses, JSON both ways (`to_json`, `from_json`).

This is the ground floor. Every room above it speaks in these words; none of them knows GitHub or Metaflow.
"""

from deployer.outcome.check import Check, CheckState
from deployer.outcome.deployment import Action, Change, Deployment, Provenance, Standing
from deployer.outcome.document import from_json, to_json
from deployer.outcome.failure import DeployError, Failure, FailureReason, internal_failure
from deployer.outcome.flow import ConfigUse, DeclaredParameters, FlowDescription, FlowParameter, Runtime, Step
from deployer.outcome.inventory import DeploymentRow, Fate, Inventory
from deployer.outcome.job import FlowOutcome, JobContext, Outcome, Status
from deployer.outcome.run import Run, RunStatus, TaskFailure

__all__ = [
    "Action",
    "Change",
    "Check",
    "CheckState",
    "ConfigUse",
    "DeclaredParameters",
    "DeployError",
    "Deployment",
    "DeploymentRow",
    "Failure",
    "FailureReason",
    "Fate",
    "FlowDescription",
    "FlowOutcome",
    "FlowParameter",
    "Inventory",
    "JobContext",
    "Outcome",
    "Provenance",
    "Run",
    "RunStatus",
    "Runtime",
    "Standing",
    "Status",
    "Step",
    "TaskFailure",
    "from_json",
    "internal_failure",
    "to_json",
]
