"""Airflow in a session: what `python flow.py airflow create FILE` has compiled is delivered; Airflow is asked."""

from __future__ import annotations

from deployer.orchestrators.airflow.compiled import read_compiled
from deployer.orchestrators.airflow.driver import Airflow
from deployer.outcome import Failure
from deployer.worker import protocol


def deliver(orchestrator: Airflow, request: protocol.Deploy) -> protocol.Deployed:
    """Deliver a DAG file that Metaflow has compiled.

    Raises:
        DeployError: it cannot be delivered.
    """
    (dag,) = request.writes
    orchestrator.deliver(dag.body, request.provenance)
    compiled = read_compiled(dag.body)
    assert compiled is not None, "what does not compile is refused when it is compiled"
    return protocol.Deployed(
        deployment_id=compiled.dag_id, flow_name=compiled.flow_name, notes=orchestrator.delivered(compiled.dag_id)
    )


def answer(
    orchestrator: Airflow, request: protocol.Loaded | protocol.StackTrace | protocol.NotLoaded
) -> bool | str | Failure | None:
    """Ask Airflow what no other orchestrator is asked; what it returns is what the request's docstring says."""
    match request:
        case protocol.Loaded():
            return orchestrator.loaded(request.deployment_id, request.before)
        case protocol.StackTrace():
            return orchestrator.stack_trace(request.deployment_id)
        case protocol.NotLoaded():
            return orchestrator.not_loaded(request.deployment_id)
