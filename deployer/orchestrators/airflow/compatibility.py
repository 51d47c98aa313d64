# Compatibility header, put before Metaflow's text by metaflow-deploy; its input `airflow-compatibility: false` leaves
# it out. Metaflow compiles DAGs for the Airflow and the Kubernetes provider of 2023. Where those that parse this file
# have moved on since, the code below gives Metaflow's text what it asks for, found by looking, not by version numbers.
# Where nothing has moved it does nothing. It changes names of this file only; what has to be in `sys.modules` for
# Metaflow's imports is there while this one DAG is made, and no longer.
from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import inspect
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

METAFLOW_DEPLOY_MOVED = {
    # the name that Metaflow's text imports: where it is now, the first that can be imported
    "airflow.providers.cncf.kubernetes.operators.kubernetes_pod": ("airflow.providers.cncf.kubernetes.operators.pod",),
    "airflow.kubernetes.secret": ("airflow.providers.cncf.kubernetes.secret",),
    "airflow.models.param": ("airflow.sdk.definitions.param",),
    "airflow.sensors.external_task_sensor": (
        "airflow.providers.standard.sensors.external_task",
        "airflow.sensors.external_task",
    ),
}


def metaflow_deploy_adapted(
    config: dict[str, Any], *, schedule_is_renamed: bool, job_id_is_gone: bool
) -> dict[str, Any]:
    """Metaflow's CONFIG as this Airflow takes it.

    `schedule_interval` is DAG's `schedule` since Airflow 2.4, and nothing else since 3.0. A task instance of Airflow 3
    has no `job_id`, which Metaflow notes in its metadata: its own `id` is noted instead. `start_date` is the time at
    which Metaflow compiled, in UTC; without its zone Airflow would take it for `default_timezone`, where it may lie
    hours ahead, and start no run until then. `tags` are a tuple, where Airflow 2.11 insists on a list.
    """

    def text(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: text(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [text(inner) for inner in value]
        return value.replace("{{ ti.job_id }}", "{{ ti.id }}") if isinstance(value, str) else value

    adapted = text(config) if job_id_is_gone else dict(config)
    arguments = dict(adapted["dag_instantiation_params"])
    if schedule_is_renamed and "schedule_interval" in arguments:
        arguments["schedule"] = arguments.pop("schedule_interval")
    started = arguments.get("start_date")
    if isinstance(started, str) and "+" not in started:
        arguments["start_date"] = started + "+00:00"
    if arguments.get("tags") is not None:
        arguments["tags"] = list(arguments["tags"])
    adapted["dag_instantiation_params"] = arguments
    return adapted


def metaflow_deploy_lacks_versions() -> bool:
    """Whether the Kubernetes provider no longer tells its version where Metaflow looks: 10.3.1 does, 10.4.3 not."""
    try:
        from airflow.providers.cncf.kubernetes.get_provider_info import get_provider_info
    except ImportError:
        return False  # Metaflow says what to install
    return not get_provider_info().get("versions")


def metaflow_deploy_provider_version() -> str:
    """The version of the installed Kubernetes provider."""
    return importlib.metadata.version("apache-airflow-providers-cncf-kubernetes")


def metaflow_deploy_import(name: str) -> ModuleType | None:
    """A module; None where there is none of that name."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


@contextlib.contextmanager
def metaflow_deploy_compatibility(names: dict[str, Any]) -> Iterator[None]:
    """Make Metaflow's DAG within: `names` are this file's own, Metaflow's text among them."""
    from airflow import DAG
    from airflow.version import version

    accepted = inspect.signature(DAG.__init__).parameters
    names["CONFIG"] = metaflow_deploy_adapted(
        names["CONFIG"],
        schedule_is_renamed="schedule" in accepted and "schedule_interval" not in accepted,
        job_id_is_gone=int(version.split(".", 1)[0]) >= 3,  # noqa: PLR2004
    )
    if metaflow_deploy_lacks_versions():
        names["get_kubernetes_provider_version"] = metaflow_deploy_provider_version
    moved = {}
    for old, places in METAFLOW_DEPLOY_MOVED.items():
        if metaflow_deploy_import(old) is None:
            found = next(filter(None, map(metaflow_deploy_import, places)), None)
            if found is not None:
                moved[old] = found
    sys.modules.update(moved)
    try:
        yield
    finally:
        for old, module in moved.items():
            if sys.modules.get(old) is module:
                del sys.modules[old]
