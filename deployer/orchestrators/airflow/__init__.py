"""Airflow, for which Metaflow compiles a DAG file and leaves the rest to others."""

from __future__ import annotations

from deployer.orchestrators.airflow.api import AirflowApi
from deployer.orchestrators.airflow.dags_folder import open_dags_folder
from deployer.orchestrators.airflow.driver import Airflow
from deployer.orchestrators.airflow.settings import AirflowSettings
from deployer.orchestrators.airflow.transport import open_transport
from deployer.orchestrators.driver import MetaflowSettings

__all__ = ["Airflow", "AirflowSettings", "open_airflow"]


def open_airflow(settings: MetaflowSettings, airflow: AirflowSettings) -> Airflow:
    """Airflow with the clients that the inputs name.

    Raises:
        DeployError: there are no credentials to make one with.
    """
    folder = open_dags_folder(airflow.dags_folder) if airflow.dags_folder is not None else None
    api = AirflowApi(open_transport(airflow)) if airflow.url is not None else None
    return Airflow(folder, api, settings, airflow)
