"""What this process has: the Python, the Metaflow, and the orchestrators that are installed."""

from __future__ import annotations

import platform

from deployer.outcome import Runtime


def runtime(orchestrator: str) -> Runtime:
    """The Python and the Metaflow of this process, and the task image that Metaflow's configuration names."""
    from metaflow import metaflow_config, metaflow_version

    setting = "BATCH_CONTAINER_IMAGE" if orchestrator == "step-functions" else "KUBERNETES_CONTAINER_IMAGE"
    image = getattr(metaflow_config, setting, None)
    return Runtime(
        python=platform.python_version(),
        metaflow=str(metaflow_version.get_version()),
        task_image=str(image) if image else None,
    )


def installed_orchestrators() -> tuple[str, ...]:
    """Deployer's TYPEs, those of installed extensions included, and Airflow, for which `deployer.worker.airflow` has a
    Deployer of its own."""
    from metaflow.plugins import DEPLOYER_IMPL_PROVIDERS

    return tuple(sorted({provider.TYPE for provider in DEPLOYER_IMPL_PROVIDERS} | {"airflow"}))
