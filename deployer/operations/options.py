"""What Deployer is asked, from the inputs: the options of a flow and of `create`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deployer.inputs import Inputs
from deployer.inputs.config import config_files, config_options
from deployer.operations.airflow import airflow_settings
from deployer.operations.handle import Job
from deployer.worker import protocol


def create_options(inputs: Inputs) -> dict[str, Any]:
    """Deployer's options of `create`, those of `create-options` last."""
    options: dict[str, Any] = {}
    if inputs.authorize is not None:
        options["authorize"] = inputs.authorize
    if inputs.tags:
        options["tags"] = list(inputs.tags)
    if inputs.max_workers is not None:
        options["max_workers"] = inputs.max_workers
    if inputs.workflow_timeout is not None:
        options["workflow_timeout"] = round(inputs.workflow_timeout)
    return {**options, **_snake(inputs.create_options)}


def deployer_options(inputs: Inputs) -> dict[str, Any]:
    """Deployer's top-level options, those of `deployer-options` last."""
    options: dict[str, Any] = {}
    if inputs.metaflow_environment is not None:
        options["environment"] = inputs.metaflow_environment
    if inputs.with_decorators:
        options["decospecs"] = list(inputs.with_decorators)
    return {**options, **config_options(inputs.config), **_snake(inputs.deployer_options)}


def open_request(job: Job, flow: str | None) -> protocol.Open:
    """The request that opens a flow of this job; `flow` is relative to the working directory."""
    inputs = job.inputs
    flow_file = Path(job.folder, flow) if flow is not None else None
    configs = (Path(job.folder, path) for path in config_files(inputs.config))
    return protocol.Open(
        orchestrator=inputs.orchestrator,
        folder=job.folder,
        flow_file=str(flow_file) if flow_file is not None else None,
        repository_root=job.workspace,
        deployer_options=deployer_options(inputs),
        shares_configs=len(inputs.flows) > 1,
        production=inputs.production,
        production_by_default=flow_file is not None and job.sources.right_of((flow_file, *configs)).allowed,
        project_branch=inputs.project_branch,
        deployment_name=inputs.deployment_name,
        airflow=airflow_settings(inputs, job.folder),
    )


def _snake(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name.replace("-", "_"): value for name, value in options.items()}
