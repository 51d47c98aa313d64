"""What stands at an orchestrator, asked without flow files: the words that its modules and the operations share.

An orchestrator that can be asked this way offers `Inventory` beside `deployer.orchestrators.driver.Orchestrator`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from deployer.outcome import Change, Deployment, DeploymentRow, Run


@dataclass(frozen=True, kw_only=True)
class DeploymentFilter:
    """Which deployments are meant; what is None or empty leaves all of them."""

    flow_name: str | None = None
    project: str | None = None
    """The name given to @project."""
    project_branch: str | None = None
    """`prod`, or what was given as `--branch`, or a user's name: the whole of Metaflow's branch or its last part."""
    tags: tuple[str, ...] = ()
    """Metaflow tags, all of which a deployment has to bear."""

    def takes(self, deployment: Deployment) -> bool:
        """Whether the deployment is one of those that are meant."""
        return (
            self.flow_name in (None, deployment.flow_name)
            and self.project in (None, deployment.project)
            and (self.project_branch is None or self._is_branch(deployment.project_branch))
            and set(self.tags) <= set(deployment.tags)
        )

    @property
    def is_open(self) -> bool:
        """Whether it leaves all of them."""
        return self == DeploymentFilter()

    def __str__(self) -> str:
        """`flow TrainFlow, project recsys`; empty where it leaves all."""
        named = (
            ("flow", self.flow_name),
            ("project", self.project),
            ("project branch", self.project_branch),
            ("tags", ", ".join(self.tags)),
        )
        return ", ".join(f"{name} {value}" for name, value in named if value)

    def _is_branch(self, branch: str | None) -> bool:
        """`x` stands for `test.x`, `prod.x` and `user.x`: what `--branch` was, and whose it is."""
        return branch is not None and self.project_branch in (branch, branch.partition(".")[2])


@dataclass(frozen=True, kw_only=True)
class Listing:
    """All that was found."""

    rows: tuple[DeploymentRow, ...] = ()
    """In the order of their identifiers."""
    standing: int = 0
    """How many deployments of Metaflow stand there, those that the filter leaves out included."""
    place: str = ""
    """Where they stand, in words: `namespace ml`, `eu-west-1`."""
    remembered: float | None = None
    """For how many seconds the orchestrator remembers runs; None: nothing is forgotten that cannot be asked for."""
    warnings: tuple[str, ...] = ()
    """What could not be looked at."""


@dataclass(frozen=True, kw_only=True)
class Activity:
    """When a deployment was used last, for that deployment alone."""

    deployment_id: str
    last_run_at: datetime | None = None
    """When its last run started; None where it never ran, or longer ago than anybody remembers."""
    active: bool = False
    """Whether a run is under way."""
    deployed_at: datetime | None = None
    unknown: str | None = None
    """Why one of the two times is not known, as one sentence; nothing may be concluded from such a row."""


class Inventory(Protocol):
    """What an orchestrator offers beside `Orchestrator`; every method raises `deployer.outcome.DeployError`."""

    @property
    def run_ids_tell(self) -> bool:
        """Whether a run's id shows which deployment it is of, so that Metaflow knows what the orchestrator forgot."""

    def listing(self, wanted: DeploymentFilter, *, runs: bool = True, leftovers: bool = False) -> Listing:
        """The deployments that Metaflow made.

        Args:
            wanted: which of them.
            runs: whether to ask when each ran last, where that costs a request for each.
            leftovers: whether to look for schedules and triggers whose deployment is gone, each a row without one.
        """

    def latest_runs(self, deployment: Deployment, limit: int) -> tuple[Run, ...]:
        """The latest runs of a deployment, the newest first, as far as the orchestrator remembers them."""

    def activity(self, deployments: Sequence[Deployment], since: datetime) -> tuple[Activity, ...]:
        """When each of these was used last, with requests of its own for each.

        Args:
            deployments: those that the listing does not show to have been used.
            since: what happened before it need not be told apart.
        """

    def has_run(self, deployment: Deployment, run_id: str) -> bool | None:
        """Whether a run id is one that this deployment gives its runs; None where that does not show."""

    def delete_leftovers(self, row: DeploymentRow) -> tuple[Change, ...]:
        """Remove what a row without a deployment stands for, if it still does: somebody may have deployed since.

        Returns:
            What was removed, and what was left with the reason; nothing where nothing stood any more.
        """
