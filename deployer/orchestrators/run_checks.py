"""Which module looks at an area of `operation: doctor`."""

from __future__ import annotations

from deployer.orchestrators.airflow.settings import AirflowSettings
from deployer.orchestrators.checks import AIRFLOW, DAGS_FOLDER, Setting
from deployer.outcome import Check


def examine(area: str, setting: Setting, airflow: AirflowSettings | None = None) -> tuple[Check, ...]:
    """Look at an area of an orchestrator; what its client needs is imported only now.

    Args:
        area: the name of an area that is no matter of Metaflow's own.
        setting: Metaflow's configuration.
        airflow: where Airflow is; None for every other orchestrator.

    Raises:
        DeployError: the look itself failed.
    """
    if area in ("kubernetes", "rights", "argo"):
        from deployer.orchestrators.argo_workflows import checks as argo_checks

        return argo_checks.examine(area, setting)
    if area in (DAGS_FOLDER.name, AIRFLOW.name):
        from deployer.orchestrators.airflow import checks as airflow_checks

        return airflow_checks.examine(area, setting, airflow or AirflowSettings())
    from deployer.orchestrators.clients import aws_checks

    return aws_checks.examine(area, setting, airflow)
