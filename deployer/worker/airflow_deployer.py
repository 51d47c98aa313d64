"""Metaflow has no Deployer for Airflow: here is one, as far as the rest of this room asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ARGUMENTS = ("flow_file", "show_output", "profile", "env", "cwd", "file_read_timeout")
"""What Deployer hands to a DeployerImpl; a pinned Metaflow may lack one."""


def deployer_impl(deployer: Any, group: Mapping[str, Any]) -> Any:
    """Metaflow's DeployerImpl for Airflow, of the flow that a Deployer was made with.

    Args:
        deployer: Metaflow's Deployer.
        group: the options of the command group, `name`.
    """
    from metaflow.runner.deployer_impl import DeployerImpl

    class AirflowDeployer(DeployerImpl):  # type: ignore[misc]  # Metaflow's base is untyped
        TYPE = "airflow"

        @property
        def deployer_kwargs(self) -> dict[str, Any]:
            return dict(group)

    given = {name: getattr(deployer, name) for name in ARGUMENTS if hasattr(deployer, name)}
    return AirflowDeployer(**given, **deployer.top_level_kwargs)
