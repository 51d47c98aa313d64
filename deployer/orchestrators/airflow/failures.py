"""What goes wrong with a DAG, as failures."""

from __future__ import annotations

import re

from deployer.orchestrators.airflow.api import DagImportError
from deployer.outcome import Failure, FailureReason, Provenance

EVIDENCE_LINES = 25
# What Metaflow's text says on an Airflow or a provider that is too new for it, without the compatibility header.
TOO_NEW = re.compile(r"KeyError: 'versions'|unexpected keyword argument 'schedule_interval'|'tags' has an invalid type")
NO_PROVIDER = re.compile(r"KubernetesProviderNotFound|No module named 'airflow\.providers\.cncf")


def import_failure(dag_id: str, error: DagImportError, provenance: Provenance | None) -> Failure:
    """That Airflow cannot load a DAG file, with its own stack trace.

    The flow's code is not in the file, so that no line of it can be at fault: the annotation stands on the flow's file.
    """
    lines = error.stack_trace.rstrip().splitlines()
    last = lines[-1].strip() if lines else "it gave no reason"
    if NO_PROVIDER.search(error.stack_trace):
        advice = "Install apache-airflow-providers-cncf-kubernetes where Airflow runs."
    elif TOO_NEW.search(error.stack_trace):
        advice = (
            "Leave `airflow-compatibility` at `true`: without its header, Metaflow's DAG loads on no current Airflow."
        )
    else:
        advice = "Airflow's stack trace is below; the file that it names is where Airflow looks for DAGs."
    return Failure(
        reason=FailureReason.DEPLOY,
        message=f"Airflow cannot load the DAG {dag_id}: {last}",
        advice=advice,
        evidence="\n".join([f"{error.filename}:", *lines[-EVIDENCE_LINES:]]),
        path=provenance.flow if provenance is not None else None,
    )


def not_loaded(dag_id: str, folder: str | None) -> Failure:
    """That Airflow does not know the DAG, and tells no error of it."""
    looks = f" Airflow has to look for DAGs in {folder}." if folder is not None else ""
    return Failure(
        reason=FailureReason.DEPLOY,
        message=f"Airflow has not loaded the DAG {dag_id}, and tells no error of its file.",
        advice=f"Check `airflow-dags-folder`, and that the scheduler or DAG processor is up.{looks} It looks every "
        "`[scheduler] dag_dir_list_interval` (Airflow 2) or `[dag_processor] refresh_interval` (3) seconds, which "
        "`deploy-timeout` has to leave time for.",
    )


def not_metaflows(name: str) -> Failure:
    """That a file is none that Metaflow compiled."""
    return Failure(
        reason=FailureReason.DEPLOY,
        message=f"There is a DAG file of {name} already, and Metaflow did not compile it.",
        advice="Give another `deployment-name`, or remove that file.",
    )


def holds_another(name: str, dag_id: str) -> Failure:
    """That a file is named after another DAG than it holds: to delete one would forget the other."""
    return Failure(
        reason=FailureReason.DEPLOY,
        message=f"The DAG file {name} holds the DAG {dag_id}.",
        advice=f"Rename it to {dag_id}.py, as this action names such files, and give `{dag_id}` as the identifier.",
    )


def no_folder() -> Failure:
    """That nothing says where DAG files go."""
    return Failure(
        reason=FailureReason.INPUT,
        input="airflow-dags-folder",
        message="Where Airflow looks for DAG files is not given.",
        advice="Give `airflow-dags-folder`: `s3://bucket/dags`, `gs://bucket/dags`, or a folder.",
    )


def asks_for_url() -> Failure:
    """That Airflow would have to be asked."""
    return Failure(
        reason=FailureReason.INPUT,
        input="airflow-url",
        message="Airflow would have to be asked, and its address is not given.",
        advice="Give `airflow-url` and credentials for its REST API.",
    )


def paused(dag_id: str) -> Failure:
    """That a run would wait for ever."""
    return Failure(
        reason=FailureReason.TRIGGER,
        message=f"The DAG {dag_id} is paused: a run of it would wait until somebody un-pauses it.",
        advice="Un-pause it in Airflow, or deploy it without `is_paused_upon_creation`.",
    )


def no_run(dag_id: str, run_id: str) -> Failure:
    """That a run is none of the DAG's."""
    return Failure(
        reason=FailureReason.INPUT,
        message=f"{run_id} is no run of {dag_id}: Airflow knows no DAG run of that id.",
        advice="Correct the run's id, or the deployment's.",
    )
