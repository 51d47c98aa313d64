"""What the action does in a cluster, by resource and verb: what `doctor` asks for, and what docs/rbac.yaml grants."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Right:
    """Verbs on one resource of one API group, in Metaflow's namespace; on `sensors`, in that of the Sensors."""

    group: str
    resource: str
    deploying: tuple[str, ...] = ()
    """Without these nothing is deployed, or not wholly."""
    besides: tuple[tuple[str, str], ...] = ()
    """(verb, what lacks without it): deploying works all the same."""

    @property
    def verbs(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.deploying, *(verb for verb, _ in self.besides))


ARGO = "argoproj.io"
REMOVED = "`delete` and `cleanup` cannot remove it, and what is half-made cannot be put back"
LISTED = "`list` and `cleanup` do not see it"
SENSED = "flows with @trigger or @trigger_on_finish cannot be deployed"
FOLLOWED = "a run is followed through the metadata service alone"
# Metaflow's own requests: metaflow/plugins/argo/argo_client.py (2.19); ours: the modules of this room.
RIGHTS = (
    Right(
        group=ARGO,
        resource="workflowtemplates",
        deploying=("get", "create", "update"),
        besides=(("list", LISTED), ("delete", REMOVED)),
    ),
    Right(
        group=ARGO,
        resource="cronworkflows",
        deploying=("get", "create", "update"),
        besides=(
            ("list", LISTED),
            ("delete", REMOVED),
        ),
    ),
    Right(
        group=ARGO,
        resource="sensors",
        deploying=("get",),
        besides=(
            ("create", SENSED),
            ("update", SENSED),
            ("list", LISTED),
            ("delete", SENSED),
        ),
    ),
    Right(
        group=ARGO,
        resource="workflows",
        besides=(
            ("create", "no run can be triggered"),
            ("get", FOLLOWED),
            ("list", LISTED),
            ("patch", "runs cannot be suspended or terminated"),
        ),
    ),
    Right(
        group="",
        resource="pods",
        besides=(("list", "why a task waits, or ended, is told as far as the workflow-controller says it"),),
    ),
)
EARLIER_SENSORS = Right(group=ARGO, resource="sensors", deploying=("delete",))
"""What the flows' namespace has to grant where Sensors have one of their own: before Metaflow replaces a flow without a
trigger, it deletes the Sensor that may stand with the flow (argo_workflows.py, cleanup_previous_sensors)."""
