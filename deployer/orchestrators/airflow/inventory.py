"""The DAGs that Metaflow compiled: the files of the DAGs folder, or what Airflow has, and the DAG runs of each.

Airflow forgets a DAG by itself when its file is gone, so that nothing is left over that would run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import islice
from typing import TypeVar

from deployer.orchestrators.airflow.api import PAGE, AirflowApi, time
from deployer.orchestrators.airflow.compiled import CompiledDag, read_compiled, run_id_of
from deployer.orchestrators.airflow.dags_folder import DagsFolder
from deployer.orchestrators.airflow.runs import ENDED, status_of
from deployer.orchestrators.inventory import Activity, DeploymentFilter, Listing
from deployer.outcome import Change, Deployment, DeploymentRow, Run

T = TypeVar("T")
R = TypeVar("R")

AT_ONCE = 8
"""Requests under way at a time."""
OURS = "repository:"
"""How a tag begins that tells a DAG of this action, where Airflow alone can be asked."""
UNASKED = "When it ran last is not known: Airflow cannot be asked without `airflow-url`."


class AirflowInventory:
    """See `deployer.orchestrators.inventory.Inventory`."""

    run_ids_tell = False

    def __init__(
        self,
        folder: DagsFolder | None,
        api: AirflowApi | None,
        place: str,
        *,
        describe: Callable[[CompiledDag], Deployment],
        run_url: Callable[[Deployment, str], str | None],
    ) -> None:
        """Args:
        folder: where DAG files are; None where Airflow alone can be asked.
        api: Airflow's REST API; None where the folder alone can be looked at.
        place: where that is, in words.
        describe: a DAG as a deployment.
        run_url: the page of a run.
        """
        self._folder = folder
        self._api = api
        self._place = place
        self._describe = describe
        self._run_url = run_url

    def listing(
        self,
        wanted: DeploymentFilter,
        *,
        runs: bool = True,
        leftovers: bool = False,  # noqa: ARG002  # Airflow leaves none
    ) -> Listing:
        """A request for each file, and one more for each DAG's last run."""
        deployments = sorted(self._deployments(), key=lambda one: one.id)
        meant = [one for one in deployments if wanted.takes(one)]
        rows = self._each(self._row, meant) if runs and self._api is not None else [_plain(one) for one in meant]
        return Listing(rows=tuple(rows), standing=len(deployments), place=self._place)

    def latest_runs(self, deployment: Deployment, limit: int) -> tuple[Run, ...]:
        """The newest DAG runs, however they were started."""
        if self._api is None:
            return ()
        found: list[Run] = []
        for dag_run in self._api.dag_runs(deployment.id, page=limit):
            if len(found) == limit:
                break
            run_id = run_id_of(dag_run["dag_run_id"], deployment.id)
            found.append(
                Run(
                    id=run_id,
                    pathspec=f"{deployment.flow_name}/{run_id}",
                    status=status_of(dag_run),
                    url=self._run_url(deployment, run_id),
                    started_at=time(dag_run.get("start_date")),
                    finished_at=time(dag_run.get("end_date")),
                )
            )
        return tuple(found)

    def activity(self, deployments: Sequence[Deployment], since: datetime) -> tuple[Activity, ...]:  # noqa: ARG002
        """One request for each."""
        return tuple(self._each(self._used, deployments))

    def has_run(self, deployment: Deployment, run_id: str) -> bool | None:  # noqa: ARG002
        """A run's id is a digest: Airflow has to be asked."""
        return None if run_id.startswith("airflow-") else False

    def delete_leftovers(self, row: DeploymentRow) -> tuple[Change, ...]:  # noqa: ARG002
        """There are none."""
        return ()

    def _deployments(self) -> Iterator[Deployment]:
        names = self._folder.names() if self._folder is not None else self._dag_ids()
        for text in self._each(self._text, names):
            compiled = read_compiled(text) if text is not None else None
            if compiled is not None:
                yield self._describe(compiled)

    def _text(self, name: str) -> str | None:
        if self._folder is not None:
            return self._folder.read(name)
        return self._api.source(name) if self._api is not None else None

    def _dag_ids(self) -> tuple[str, ...]:
        """The DAGs that bear this action's tags: Airflow does not tell by itself which ones Metaflow compiled."""
        if self._api is None:
            return ()
        tagged = ((str(one["dag_id"]), one.get("tags") or ()) for one in self._api.dags())
        return tuple(name for name, tags in tagged if any(str(tag.get("name", "")).startswith(OURS) for tag in tags))

    def _row(self, deployment: Deployment) -> DeploymentRow:
        used = self._used(deployment)
        return DeploymentRow(
            id=deployment.id,
            orchestrator=deployment.orchestrator,
            deployment=deployment,
            last_run_at=used.last_run_at,
            active=used.active,
        )

    def _used(self, deployment: Deployment) -> Activity:
        if self._api is None:
            return Activity(deployment_id=deployment.id, deployed_at=deployment.deployed_at, unknown=UNASKED)
        runs = tuple(islice(self._api.dag_runs(deployment.id), PAGE))
        last = next(iter(runs), None)
        return Activity(
            deployment_id=deployment.id,
            last_run_at=time(last.get("start_date") or last.get("queued_at")) if last is not None else None,
            active=any(str(run.get("state")) not in ENDED for run in runs),
            deployed_at=deployment.deployed_at,
        )

    def _each(self, ask: Callable[[T], R], these: Sequence[T]) -> list[R]:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(ask, these))


def _plain(deployment: Deployment) -> DeploymentRow:
    return DeploymentRow(id=deployment.id, orchestrator=deployment.orchestrator, deployment=deployment)
