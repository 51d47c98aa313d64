"""`operation: doctor` for Airflow: its DAGs folder, its REST API and user, and whether its parts are alive.

Nothing is written: whether a bucket takes a file, and whether the user may trigger a run, is told only by doing it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deployer.check import bad, of_failure, ok, unknown, warning
from deployer.orchestrators.airflow.api import AirflowApi
from deployer.orchestrators.airflow.dags_folder import DagsFolder, open_dags_folder
from deployer.orchestrators.airflow.failures import asks_for_url, no_folder
from deployer.orchestrators.airflow.settings import AirflowSettings
from deployer.orchestrators.airflow.transport import open_transport
from deployer.orchestrators.checks import AIRFLOW, DAGS_FOLDER, Setting
from deployer.outcome import Check, DeployError, FailureReason

HEALTHY = "healthy"
PULL_POLICY = "KUBERNETES_IMAGE_PULL_POLICY"


def examine(area: str, setting: Setting, settings: AirflowSettings) -> tuple[Check, ...]:
    """Look at Airflow; see `deployer.orchestrators.checks`.

    Args:
        area: `dags-folder` or `airflow`.
        setting: Metaflow's configuration.
        settings: where Airflow is, of the inputs.

    Raises:
        DeployError: what was asked refuses or does not answer.
    """
    if area == DAGS_FOLDER.name:
        place = settings.dags_folder
        if place is None:
            return (of_failure(DAGS_FOLDER.title, no_folder()), *pull_policy(setting))
        return (dags_folder(place, open_dags_folder(place)), *pull_policy(setting))
    if settings.url is None:
        told = "Files are delivered, and nobody knows whether Airflow loads them: `airflow-url` is not given."
        return (warning(AIRFLOW.title, told, asks_for_url().advice),)
    return airflow(AirflowApi(open_transport(settings)), settings)


def pull_policy(setting: Setting) -> tuple[Check, ...]:
    """The setting that Metaflow refuses when it compiles for Airflow, where somebody made it."""
    if not setting(PULL_POLICY):
        return ()
    name = f"METAFLOW_{PULL_POLICY}"
    return (
        bad(name, f"It is set, and Metaflow compiles no DAG with it: {name}.", "Take it out.", FailureReason.DEPLOY),
    )


def dags_folder(place: str, folder: DagsFolder) -> Check:
    """Whether the DAG files can be listed and, of a folder of this machine, whether one may be written.

    Args:
        place: the input `airflow-dags-folder`.
        folder: its client.

    Raises:
        DeployError: it cannot be listed.
    """
    name, many = DAGS_FOLDER.title, len(folder.names())
    listed = f"`{place}`: {many} DAG file{'' if many == 1 else 's'}"
    if "://" in place:
        return ok(name, f"{listed}; whether the job may write there is known only once it does")
    path = Path(place)
    there = next(one for one in (path, *path.parents) if one.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        advice = "Give a folder of the checkout or of a volume that the action's user may write to."
        return bad(name, f"Nothing can be written to `{there}`.", advice, FailureReason.PERMISSION)
    return ok(name, f"{listed}, and it may be written" if there == path else f"`{place}` is made when it is needed")


def airflow(api: AirflowApi, settings: AirflowSettings) -> tuple[Check, ...]:
    """Airflow's version, whether it takes the user, and the health of its parts.

    Args:
        api: Airflow's REST API.
        settings: where it is, and as whom it is asked.

    Raises:
        DeployError: it cannot be reached, or is no Airflow.
    """
    version = ok(AIRFLOW.title, f"Airflow {api.version()} at `{settings.url}`")
    return (version, _user(api, settings), *_health(api))


def _user(api: AirflowApi, settings: AirflowSettings) -> Check:
    name = "Airflow user"
    try:
        next(api.dags(page=1), None)
        next(api.import_errors(page=1), None)
    except DeployError as error:  # beside what Airflow tells to everyone
        return of_failure(name, error.failure)
    who = f"`{settings.username}`" if settings.username and not settings.token else "the job"
    return ok(name, f"{who} may read DAGs and import errors; whether it may run them is known only once it does")


def _health(api: AirflowApi) -> tuple[Check, ...]:
    try:
        found = api.health()
    except DeployError as error:
        return (of_failure("Airflow health", error.failure),)
    if found is None:
        return (unknown("Airflow health", "this Airflow does not tell how its parts are"),)
    return health(found, is_v2=api.is_v2)


def health(found: Mapping[str, Any], *, is_v2: bool) -> tuple[Check, ...]:
    """Lines on the parts that a deployment and a run need.

    Args:
        found: what Airflow tells (airflow.api.common.airflow_health): of each part its status, null for one that was
            never there.
        is_v2: whether this is Airflow 3, whose DAG processor is always a part of its own; that of 2 may be the
            scheduler's.
    """
    database = _part("Airflow database", found, "metadatabase")
    if database is None:
        told = "Airflow does not reach its database."
        database = bad(
            "Airflow database", told, "Look at Airflow's web server.", FailureReason.ORCHESTRATOR_UNREACHABLE
        )
    own = is_v2 or (found.get("dag_processor") or {}).get("status") is not None
    lines = [database, _scheduler(found, parses=not own)]
    if own:
        told = "It is not alive: no DAG file is loaded."
        advice = "Start `airflow dag-processor`, or look at its log."
        processor = _part("Airflow DAG processor", found, "dag_processor")
        lines.append(processor or bad("Airflow DAG processor", told, advice, FailureReason.DEPLOY))
    return tuple(lines)


def _scheduler(found: Mapping[str, Any], *, parses: bool) -> Check:
    name, advice = "Airflow scheduler", "Start `airflow scheduler`, or look at its log."
    well = _part(name, found, "scheduler")
    if well is not None:
        return well
    if parses:
        return bad(name, "It is not alive: no DAG file is loaded, and no run begins.", advice, FailureReason.DEPLOY)
    return warning(name, "It is not alive: DAG files are loaded, but no run begins.", advice)


def _part(name: str, found: Mapping[str, Any], part: str) -> Check | None:
    return ok(name, HEALTHY) if (found.get(part) or {}).get("status") == HEALTHY else None
