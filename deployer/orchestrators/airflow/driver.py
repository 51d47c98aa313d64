"""Airflow: a DAG file that is delivered where Airflow looks, and what Airflow's REST API says of it.

A deployment is the file `<dag_id>.py`; its identifier is the DAG's. What was compiled stands in the file as data
(`compiled.py`), so that everything about a deployment is read from there, or from Airflow's own copy of the file.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from deployer.orchestrators.airflow.api import AirflowApi
from deployer.orchestrators.airflow.compiled import CompiledDag, deliverable, read_compiled, run_id_of
from deployer.orchestrators.airflow.dags_folder import DagsFolder
from deployer.orchestrators.airflow.failures import (
    asks_for_url,
    holds_another,
    import_failure,
    no_folder,
    no_run,
    not_loaded,
    not_metaflows,
    paused,
)
from deployer.orchestrators.airflow.inventory import AirflowInventory
from deployer.orchestrators.airflow.parameters import conf
from deployer.orchestrators.airflow.runs import TERMINATED_NOTE, describe
from deployer.orchestrators.airflow.settings import AirflowSettings
from deployer.orchestrators.airflow.transport import MWAA
from deployer.orchestrators.driver import MetaflowSettings, RunState, Snapshot
from deployer.orchestrators.provenance import run_tags
from deployer.outcome import Action, Change, DeployError, Deployment, Failure, Provenance

ZONE_STEP = 900
"""Seconds of which every time zone's offset is a multiple."""
SAME_MOMENT = 0.001
"""Seconds by which a time may differ that went through Airflow's serialization."""

DAG_ID = r"[\w.-]+"
"""What Airflow takes as a DAG's id (airflow.utils.helpers, `validate_key`); no path is among it."""


class Airflow:
    """The orchestrator; see `deployer.orchestrators.driver.Orchestrator`."""

    type = "airflow"
    name_limit = 250  # airflow.utils.helpers.validate_key

    def __init__(
        self, folder: DagsFolder | None, api: AirflowApi | None, settings: MetaflowSettings, airflow: AirflowSettings
    ) -> None:
        """Args:
        folder: where DAG files go; None where the inputs name no place.
        api: Airflow's REST API; None where the inputs name none.
        settings: Metaflow's configuration.
        airflow: the inputs.
        """
        self._folder = folder
        self._api = api
        self._settings = settings
        self._airflow = airflow
        self._dag_runs: dict[str, str] = {}
        """DAG run ids by Metaflow run id."""

    def read(self, deployment_id: str, flow_name: str | None = None) -> Deployment | None:  # noqa: ARG002
        """The file of that DAG; without a folder, Airflow's copy of it."""
        text = self._text(deployment_id) if re.fullmatch(DAG_ID, deployment_id) else None
        if text is None:
            return None
        compiled = read_compiled(text)
        if compiled is None:
            raise DeployError(not_metaflows(deployment_id))
        if compiled.dag_id != deployment_id:
            raise DeployError(holds_another(file_name(deployment_id), compiled.dag_id))
        return self.deployment(compiled)

    def deployment(self, compiled: CompiledDag) -> Deployment:
        """A DAG as a deployment."""
        token = compiled.production_token
        return Deployment(
            id=compiled.dag_id,
            orchestrator=self.type,
            flow_name=compiled.flow_name,
            namespace=compiled.namespace,
            url=self._dag_url(compiled.dag_id),
            schedule=compiled.schedule,
            timezone="UTC" if compiled.schedule else None,
            metaflow_namespace=f"production:{token}" if token else None,
            production_token=token,
            owner=compiled.owner,
            project=compiled.project,
            project_branch=compiled.project_branch,
            version=compiled.version,
            provenance=compiled.provenance,
            tags=compiled.tags,
            deployed_at=compiled.start_date,
            declared=compiled.declared,
        )

    def deliver(self, text: str, provenance: Provenance) -> None:
        """Put what Metaflow compiled where Airflow looks, whole or not at all.

        Args:
            text: what Metaflow compiled.
            provenance: written to its first line.

        Raises:
            DeployError: it is no compiled DAG, or cannot be written.
        """
        if self._folder is None:
            raise DeployError(no_folder())
        compiled = read_compiled(text)
        if compiled is None:
            raise DeployError(not_metaflows("what `airflow create` wrote"))
        self._folder.write(
            file_name(compiled.dag_id), deliverable(text, provenance, compatibility=self._airflow.compatibility)
        )

    def delivered(self, deployment_id: str) -> tuple[str, ...]:
        """What is to be said in the log of a file that was delivered."""
        note = f"{file_name(deployment_id)} was delivered to {self._airflow.dags_folder}"
        if self._airflow.compatibility:
            note += "; it begins with a header that lets current versions of Airflow load it (`airflow-compatibility`)"
        return (note,)

    def loaded(self, deployment_id: str, before: str | None = None) -> bool | None:
        """Whether Airflow has loaded the very file that was delivered, and un-pause the DAG once it has.

        Airflow tells the start date of a DAG as it serialized it last; Metaflow compiles the present time into it, to
        the microsecond. A DAG that is to be created paused is left as it is.

        Args:
            deployment_id: the DAG.
            before: Airflow's import error from before the delivery, from `stack_trace`: while it says the same, it
                may be that of the file before.

        Returns:
            Whether it has; None where no REST API is given to be asked.

        Raises:
            DeployError: it cannot be loaded, with Airflow's own stack trace.
        """
        if self._api is None:
            return None
        text = self._text(deployment_id)
        compiled = read_compiled(text) if text is not None else None
        if compiled is None:
            return False
        dag = self._api.dag(deployment_id)
        if dag is not None and _is_version(dag.get("start_date"), compiled):
            if dag.get("is_paused") and not compiled.paused_upon_creation:
                self._api.set_paused(deployment_id, paused=False)
            return True
        error = self._api.import_error(file_name(deployment_id))
        if error is not None and error.stack_trace != before:
            raise DeployError(import_failure(deployment_id, error, compiled.provenance))
        return False

    def stack_trace(self, deployment_id: str) -> str | None:
        """The stack trace of Airflow's import error of the DAG's file; None where it loads, or none can be asked."""
        error = self._api.import_error(file_name(deployment_id)) if self._api is not None else None
        return error.stack_trace if error is not None else None

    def not_loaded(self, deployment_id: str) -> Failure:
        """Why Airflow has not loaded the file in time, as far as Airflow tells."""
        error = self._api.import_error(file_name(deployment_id)) if self._api is not None else None
        if error is not None:
            return import_failure(deployment_id, error, None)
        return not_loaded(deployment_id, self._airflow.dags_folder)

    def notices(self) -> tuple[str, ...]:
        """That nobody will know whether Airflow loads the file, where no REST API is given."""
        if self._api is not None:
            return ()
        return (
            "Whether Airflow loads the DAG is not known: `airflow-url` is not given, so that it is only delivered.",
        )

    def settings_for_create(self) -> Mapping[str, str]:
        """Nothing: what is compiled is the same for every Airflow."""
        return {}

    def create_tags(self, provenance: Provenance) -> tuple[str, ...]:
        """Tags for the runs; Metaflow also gives them to the DAG."""
        return run_tags(provenance)

    def stamp(self, deployment_id: str, provenance: Provenance) -> None:
        """Nothing: the provenance was delivered in the file."""

    def snapshot(self, deployment_id: str) -> Snapshot | None:
        """The file."""
        if self._folder is None:
            return None
        objects = {"file": self._folder.read(file_name(deployment_id))}
        return Snapshot(deployment_id=deployment_id, orchestrator=self.type, objects=objects)

    def restore(self, snapshot: Snapshot) -> tuple[Change, ...]:
        """Put the file back; one that was not there is removed. Airflow loads it, or forgets the DAG, by itself."""
        if self._folder is None:
            raise DeployError(no_folder())
        name, before = file_name(snapshot.deployment_id), snapshot.objects.get("file")
        now = self._folder.read(name)
        if before == now:
            return ()
        if before is None:
            self._folder.delete(name)
            return (Change(kind="DAG file", name=name, action=Action.REMOVED),)
        self._folder.write(name, before)
        return (Change(kind="DAG file", name=name, action=Action.CREATED if now is None else Action.CHANGED_BACK),)

    def run_state(self, deployment: Deployment, run_id: str, *, diagnose: bool = False) -> RunState | None:
        """The DAG run's state, and its tasks' where one is asked for that."""
        api = self._opened_api()
        dag_run_id = self._dag_run_id(deployment.id, run_id)
        dag_run = api.dag_run(deployment.id, dag_run_id) if dag_run_id is not None else None
        if dag_run is None:
            return None
        return describe(api, deployment.id, dag_run, diagnose=diagnose)

    def run_url(self, deployment: Deployment, run_id: str) -> str | None:
        """The Metaflow UI's page, else Airflow's."""
        if self._settings.ui_url:
            return f"{self._settings.ui_url.rstrip('/')}/{quote(deployment.flow_name)}/{quote(run_id)}"
        page = self._dag_url(deployment.id)
        dag_run_id = self._dag_run_id(deployment.id, run_id) if page is not None else None
        if self._api is None or dag_run_id is None:
            return None
        if self._api.is_v2:
            return f"{page}/runs/{quote(dag_run_id, safe='')}"
        return f"{page}?dag_run_id={quote(dag_run_id, safe='')}"

    def trigger(self, deployment: Deployment, parameters: Mapping[str, Any], *, key: str) -> str:
        """Ask for a DAG run whose id is made of the key: Airflow refuses the id a second time."""
        api = self._opened_api()
        dag = api.dag(deployment.id)
        if dag is None:
            raise DeployError(not_loaded(deployment.id, self._airflow.dags_folder))
        dag_run_id = dag_run_id_of(key)
        if dag.get("is_paused") and api.dag_run(deployment.id, dag_run_id) is None:
            raise DeployError(paused(deployment.id))
        text = self._text(deployment.id)
        compiled = read_compiled(text) if text is not None else None
        types = compiled.parameter_types if compiled is not None else {}
        api.trigger(deployment.id, dag_run_id, conf(parameters, types))
        run_id = run_id_of(dag_run_id, deployment.id)
        self._dag_runs[run_id] = dag_run_id
        return run_id

    def terminate(self, deployment: Deployment, run_id: str) -> Change:
        """Mark the DAG run failed: Airflow stops its tasks then, and their pods with them."""
        api = self._opened_api()
        state = self.run_state(deployment, run_id)
        dag_run_id = self._dag_run_id(deployment.id, run_id)
        if state is None or dag_run_id is None:
            raise DeployError(no_run(deployment.id, run_id))
        if state.status.is_terminal:
            note = f"it has ended already ({state.status})"
            return Change(kind="DAG run", name=dag_run_id, action=Action.UNCHANGED, note=note)
        api.fail_run(deployment.id, dag_run_id, TERMINATED_NOTE)
        return Change(kind="DAG run", name=dag_run_id, action=Action.TERMINATED)

    def suspend(self, deployment: Deployment, run_id: str) -> Change:  # noqa: ARG002
        """Pause the DAG: Airflow pauses no single run."""
        return self._set_paused(deployment.id, paused=True)

    def unsuspend(self, deployment: Deployment, run_id: str) -> Change:  # noqa: ARG002
        """Un-pause the DAG."""
        return self._set_paused(deployment.id, paused=False)

    def delete(self, deployment_id: str) -> tuple[Change, ...]:
        """Have Airflow forget the DAG with its runs, and remove the file; what Metaflow kept of them stays.

        In this order: Airflow 3's DAG processor marks the DAGs of files that are gone, and ends with a StaleDataError
        where one of them is deleted meanwhile (3.3.2, `deactivate_deleted_dags`). And what Airflow refuses, as it does
        while a task runs, leaves the file where it is.
        """
        changes = []
        stands = self._folder is not None and self.read(deployment_id) is not None
        if self._folder is None and self._api is not None and self._api.dag(deployment_id) is not None:
            raise DeployError(no_folder())  # Airflow would load the file again
        if self._api is not None and self._api.delete_dag(deployment_id):
            changes.append(Change(kind="DAG", name=deployment_id, action=Action.REMOVED))
        if self._folder is not None and stands:
            self._folder.delete(file_name(deployment_id))
            changes.append(Change(kind="DAG file", name=file_name(deployment_id), action=Action.REMOVED))
        return tuple(changes)

    def inventory(self) -> AirflowInventory:
        """The DAGs of the folder; without one, those of this action that Airflow has."""
        place = self._airflow.dags_folder or self._airflow.url or ""
        return AirflowInventory(self._folder, self._api, place, describe=self.deployment, run_url=self.run_url)

    def _set_paused(self, dag_id: str, *, paused: bool) -> Change:
        api = self._opened_api()
        dag = api.dag(dag_id)
        if dag is None:
            raise DeployError(not_loaded(dag_id, self._airflow.dags_folder))
        action = Action.SUSPENDED if paused else Action.RESUMED
        if bool(dag.get("is_paused")) == paused:
            note = f"it is {'paused' if paused else 'not paused'} already"
            return Change(kind="DAG", name=dag_id, action=Action.UNCHANGED, note=note)
        api.set_paused(dag_id, paused=paused)
        whole = "with its schedule and all of its runs: Airflow pauses no single one" if paused else None
        return Change(kind="DAG", name=dag_id, action=action, note=whole)

    def _text(self, dag_id: str) -> str | None:
        if self._folder is not None:
            return self._folder.read(file_name(dag_id))
        return self._opened_api().source(dag_id)

    def _opened_api(self) -> AirflowApi:
        if self._api is None:
            raise DeployError(asks_for_url())
        return self._api

    def _dag_run_id(self, dag_id: str, run_id: str) -> str | None:
        """The DAG run of a Metaflow run, whose id is a digest: the newest run that has it."""
        if run_id not in self._dag_runs:
            for dag_run in self._opened_api().dag_runs(dag_id):
                self._dag_runs[run_id_of(dag_run["dag_run_id"], dag_id)] = dag_run["dag_run_id"]
                if run_id in self._dag_runs:
                    break
        return self._dag_runs.get(run_id)

    def _dag_url(self, dag_id: str) -> str | None:
        url = self._airflow.url
        if self._api is None or url is None or url.startswith(MWAA):
            return None
        return f"{url}/dags/{quote(dag_id, safe='')}{'' if self._api.is_v2 else '/grid'}"


def file_name(dag_id: str) -> str:
    """The name of a DAG's file."""
    return f"{dag_id}.py"


def dag_run_id_of(key: str) -> str:
    """A DAG run id that Airflow takes (`[scheduler] allowed_run_id_pattern`), the same for the same key."""
    digest = hashlib.sha256(key.encode()).hexdigest()[:12]
    return f"metaflow-deploy__{re.sub(r'[^A-Za-z0-9_-]+', '-', key).strip('-')[:120]}-{digest}"


def _is_version(start_date: Any, compiled: CompiledDag) -> bool:
    """Whether Airflow's start date is that of the compiled file; Airflow may take a time without a zone for one of its
    own `default_timezone`."""
    from deployer.orchestrators.airflow.api import time

    told = time(start_date) if isinstance(start_date, str) else None
    if told is None or compiled.start_date is None:
        return False
    apart = (told - compiled.start_date).total_seconds()
    rest = abs(apart) % ZONE_STEP
    return abs(apart) < 60 * ZONE_STEP and min(rest, ZONE_STEP - rest) < SAME_MOMENT
