"""Any other orchestrator that an extension registers with Deployer: what Deployer offers for it, and no more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from deployer.orchestrators.driver import MetaflowSettings, RunState, Snapshot
from deployer.orchestrators.inventory import Inventory
from deployer.orchestrators.provenance import run_tags
from deployer.outcome import Change, DeployError, Deployment, Failure, FailureReason, Provenance


class Plugin:
    """An orchestrator that this action knows nothing of: what it would have to be asked is told by name."""

    name_limit = None

    def __init__(self, type: str, settings: MetaflowSettings) -> None:  # noqa: A002  # Deployer's own word
        """Args:
        type: Deployer's TYPE.
        settings: Metaflow's configuration.
        """
        self.type = type
        self._settings = settings

    def read(self, deployment_id: str, flow_name: str | None = None) -> Deployment | None:
        """What Deployer returned: the orchestrator itself cannot be asked."""
        return Deployment(id=deployment_id, orchestrator=self.type, flow_name=flow_name or deployment_id)

    def create_tags(self, provenance: Provenance) -> tuple[str, ...]:
        """Tags for the runs."""
        return run_tags(provenance)

    def stamp(self, deployment_id: str, provenance: Provenance) -> None:
        """The tags of `create` are all that it can be given."""

    def notices(self) -> tuple[str, ...]:
        """Nothing."""
        return ()

    def settings_for_create(self) -> Mapping[str, str]:
        """Nothing."""
        return {}

    def snapshot(self, deployment_id: str) -> Snapshot | None:  # noqa: ARG002
        """None: not to be had."""
        return None

    def restore(self, snapshot: Snapshot) -> tuple[Change, ...]:
        """Not to be had."""
        self._lacks("be put back to what stood before", snapshot.deployment_id)

    def run_state(self, deployment: Deployment, run_id: str, *, diagnose: bool = False) -> RunState | None:  # noqa: ARG002
        """None: Metaflow's own Run tells the state."""
        return None

    def run_url(self, deployment: Deployment, run_id: str) -> str | None:
        """The Metaflow UI's page, if there is one."""
        if not self._settings.ui_url:
            return None
        return f"{self._settings.ui_url.rstrip('/')}/{deployment.flow_name}/{run_id}"

    def terminate(self, deployment: Deployment, run_id: str) -> Change:  # noqa: ARG002
        """Not to be had over a client; the run is left."""
        self._lacks("end a run", deployment.id)

    def suspend(self, deployment: Deployment, run_id: str) -> Change:  # noqa: ARG002
        """Not to be had."""
        self._lacks("suspend a run", deployment.id)

    def unsuspend(self, deployment: Deployment, run_id: str) -> Change:  # noqa: ARG002
        """Not to be had."""
        self._lacks("resume a run", deployment.id)

    def delete(self, deployment_id: str) -> tuple[Change, ...]:
        """Not to be had over a client."""
        self._lacks("be deleted", deployment_id)

    def inventory(self) -> Inventory:
        """Not to be had."""
        raise DeployError(
            Failure(
                reason=FailureReason.INPUT,
                input="orchestrator",
                message=f"The deployments in {self.type} cannot be listed: it offers no way for it.",
                advice=f"Look into {self.type} itself.",
            )
        )

    def trigger(self, deployment: Deployment, parameters: Mapping[str, Any], *, key: str) -> str:  # noqa: ARG002
        """Not to be had without the flow file."""
        self._lacks("be triggered without its flow file", deployment.id)

    def _lacks(self, what: str, deployment_id: str) -> NoReturn:
        raise DeployError(
            Failure(
                reason=FailureReason.INPUT,
                input="orchestrator",
                message=f"{deployment_id} cannot {what}: {self.type} offers no way for it.",
                advice=f"Do it in {self.type} itself.",
            )
        )
