"""One module an orchestrator, behind one protocol."""

from __future__ import annotations

from deployer.orchestrators.airflow.settings import AirflowSettings
from deployer.orchestrators.driver import MetaflowSettings, Orchestrator


def open_orchestrator(
    orchestrator: str, settings: MetaflowSettings, airflow: AirflowSettings | None = None
) -> Orchestrator:
    """The module for a Deployer TYPE, with its client; what it needs is imported only now.

    Raises:
        DeployError: there are no credentials to make a client with.
    """
    if orchestrator == "argo-workflows":
        from deployer.orchestrators.argo_workflows.driver import open_argo_workflows

        return open_argo_workflows(settings)
    if orchestrator == "step-functions":
        from deployer.orchestrators.step_functions.driver import open_step_functions

        return open_step_functions(settings)
    if orchestrator == "airflow":
        from deployer.orchestrators.airflow import open_airflow

        return open_airflow(settings, airflow or AirflowSettings())
    from deployer.orchestrators.extension.driver import Plugin

    return Plugin(orchestrator, settings)
