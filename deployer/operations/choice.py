"""Which deployments a cleanup takes, and why: pure functions of what is known of each."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from deployer.orchestrators.inventory import Activity
from deployer.outcome import Deployment, DeploymentRow, Fate


@dataclass(frozen=True, kw_only=True)
class Criteria:
    """What a cleanup is asked for."""

    now: datetime
    older_than: float
    """Seconds without a run and without a deployment."""
    include: tuple[str, ...] = ()
    """Patterns of identifiers; empty: all of them."""
    exclude: tuple[str, ...] = ()
    removed: bool = False
    """Whether to take what this repository deployed from flow files that are gone, whatever its age."""
    repository: str = ""
    """OWNER/NAME of the checkout."""
    is_gone: Callable[[str], bool] = lambda _: False
    """Whether a flow file, relative to the repository's root, is gone from the checkout."""
    user: str | None = None
    """METAFLOW_USER of the job."""
    authorize: str | None = None

    @property
    def since(self) -> datetime:
        """What was used after it is kept."""
        return self.now - timedelta(seconds=self.older_than)


def is_named(identifier: str, criteria: Criteria) -> bool:
    """Whether the patterns take an identifier."""
    if any(fnmatch.fnmatchcase(identifier, pattern) for pattern in criteria.exclude):
        return False
    return not criteria.include or any(fnmatch.fnmatchcase(identifier, pattern) for pattern in criteria.include)


def names_something(pattern: str) -> bool:
    """Whether a pattern says what something is called, and not only that it has an `e`, a dot or a letter: without
    wildcards, or with three letters or digits in a row."""
    literal = re.sub(r"\[[^\]]*\]", "*", pattern)
    return not re.search(r"[*?]", literal) or re.search(r"[A-Za-z0-9]{3}", literal) is not None


def is_production(deployment: Deployment) -> bool:
    """Whether it is a production deployment: all of a flow without @project, and of a project the branch `prod`, also
    with a name behind it (`prod.x`)."""
    if deployment.project is None or deployment.project_branch is None:
        return True
    return deployment.project_branch.partition(".")[0] == "prod"


def is_guarded(deployment: Deployment, user: str | None, authorize: str | None) -> bool:
    """Whether it belongs to another user, and its production token was not given."""
    if deployment.owner is None or deployment.owner == user:
        return False
    return deployment.production_token is None or authorize != deployment.production_token


def at_first_sight(row: DeploymentRow, criteria: Criteria) -> DeploymentRow | None:
    """The row with its fate, where that needs no further question; None: when it was used last has to be asked."""
    deployment = row.deployment
    if deployment is None:
        return _alone(row, criteria)
    if criteria.removed:
        reason = _not_removed(deployment, criteria)
        if reason is not None:
            return replace(row, fate=Fate.KEPT, why=reason)
    elif (used := _used(row, criteria)) is not None:
        return replace(row, fate=Fate.KEPT, why=used)
    if is_production(deployment) and is_guarded(deployment, criteria.user, criteria.authorize):
        why = f"It is a production deployment of `{deployment.owner}`: its production token as `authorize` lets it go."
        return replace(row, fate=Fate.KEPT, why=why)
    return None


def judge(row: DeploymentRow, activity: Activity, criteria: Criteria) -> DeploymentRow:
    """The row with its fate, once it is known when it was used last."""
    assert row.deployment is not None
    deployment = replace(row.deployment, deployed_at=activity.deployed_at or row.deployment.deployed_at)
    times = [time for time in (row.last_run_at, activity.last_run_at) if time is not None]
    row = replace(
        row, deployment=deployment, last_run_at=max(times, default=None), active=row.active or activity.active
    )
    if row.active:
        return replace(row, fate=Fate.KEPT, why="A run of it is under way.")
    if criteria.removed:
        provenance = deployment.provenance
        gone = f"`{provenance.flow}`, which it was deployed from, is gone from the repository." if provenance else ""
        return replace(row, fate=Fate.WOULD_BE_DELETED, why=gone)
    if activity.unknown is not None or deployment.deployed_at is None:
        return replace(row, fate=Fate.KEPT, why=activity.unknown or "When it was deployed last is not known.")
    used = _used(row, criteria)
    if used is not None:
        return replace(row, fate=Fate.KEPT, why=used)
    return replace(row, fate=Fate.WOULD_BE_DELETED, why=_unused(row, criteria))


def takes_everything(rows: Sequence[DeploymentRow], standing: int) -> bool:
    """Whether all deployments that stand would go, were there only one: what no filter is meant to say."""
    taken = sum(row.fate is Fate.WOULD_BE_DELETED and row.deployment is not None for row in rows)
    return standing > 0 and taken == standing


def all_named(rows: Sequence[DeploymentRow], include: Sequence[str]) -> bool:
    """Whether each deployment that would go is taken by a pattern that names something."""
    naming = [pattern for pattern in include if names_something(pattern)]
    taken = (row.id for row in rows if row.fate is Fate.WOULD_BE_DELETED and row.deployment is not None)
    return all(any(fnmatch.fnmatchcase(one, pattern) for pattern in naming) for one in taken)


def _alone(row: DeploymentRow, criteria: Criteria) -> DeploymentRow:
    if criteria.removed:
        return replace(row, fate=Fate.KEPT, why="It does not say which repository it came from.")
    what = "state machine" if row.orchestrator == "step-functions" else "WorkflowTemplate"
    return replace(row, fate=Fate.WOULD_BE_DELETED, why=f"Its {what} is gone: it starts nothing any more.")


def _not_removed(deployment: Deployment, criteria: Criteria) -> str | None:
    provenance = deployment.provenance
    if provenance is None:
        return "It does not say which repository it came from."
    if provenance.repository.lower() != criteria.repository.lower():
        return f"It was deployed by `{provenance.repository}`."
    return None if criteria.is_gone(provenance.flow) else f"`{provenance.flow}` is in the repository."


def _used(row: DeploymentRow, criteria: Criteria) -> str | None:
    """Why it counts as used, from what is known of it."""
    assert row.deployment is not None
    if row.active:
        return "A run of it is under way."
    if row.last_run_at is not None and row.last_run_at >= criteria.since:
        return f"It ran {ago(row.last_run_at, criteria.now)}."
    at = row.deployment.deployed_at
    return f"It was deployed {ago(at, criteria.now)}." if at is not None and at >= criteria.since else None


def _unused(row: DeploymentRow, criteria: Criteria) -> str:
    assert row.deployment is not None
    assert row.deployment.deployed_at is not None
    deployed = f"was deployed {ago(row.deployment.deployed_at, criteria.now)}"
    if row.last_run_at is None:
        return f"No run of it is known, and it {deployed}."
    return f"It ran last {ago(row.last_run_at, criteria.now)}, and {deployed}."


def ago(time: datetime, now: datetime) -> str:
    """`12 days ago`, `3 hours ago`, `just now`."""
    seconds = (now - time).total_seconds()
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        number = int(seconds // size)
        if number:
            return f"{number} {unit}{'' if number == 1 else 's'} ago"
    return "just now"
