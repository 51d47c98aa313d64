"""What WorkflowTemplates that are gone have left in Argo: CronWorkflows and Sensors. In doubt, nothing is left over.

A namespace for Sensors (METAFLOW_ARGO_EVENTS_SENSOR_NAMESPACE) may serve several namespaces with flows. Whose a Sensor
is shows in what it creates: Metaflow writes the flows' namespace to the Workflow in its trigger.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from deployer.orchestrators.argo_workflows.objects import annotations_of
from deployer.orchestrators.clients.kubernetes_objects import KubernetesObjects, Object
from deployer.orchestrators.inventory import DeploymentFilter
from deployer.outcome import Action, Change, Deployment, DeploymentRow

METAFLOWS_HISTORY = 10000
"""The history limits that Metaflow gives every CronWorkflow (metaflow/plugins/argo/argo_client.py); it gives it no
label and no annotation to be known by."""

Place = tuple[str, str]
"""A name and a namespace."""


class ArgoLeftovers:
    """What is left over in a namespace with flows, and in those of its Sensors."""

    def __init__(self, objects: KubernetesObjects, namespace: str) -> None:
        """Args:
        objects: single objects.
        namespace: where Metaflow deploys to.
        """
        self._objects = objects
        self._namespace = namespace

    def crons(self, crons: Mapping[str, Object], templates: Collection[str]) -> list[DeploymentRow]:
        """The CronWorkflows, by their names, whose template is gone: each a row without a deployment."""
        return [
            _row(name, f"CronWorkflow {name}")
            for name, one in sorted(crons.items())
            if name not in templates and _starts_its_namesake(one)
        ]

    def sensors(
        self,
        sensors: Iterable[Object],
        namespace: str,
        *,
        templates: Collection[str],
        expected: Collection[Place],
        wanted: DeploymentFilter,
    ) -> list[DeploymentRow]:
        """The Sensors whose templates are gone.

        Args:
            sensors: all Sensors of a namespace.
            namespace: that namespace.
            templates: the WorkflowTemplates that stand in the flows' namespace.
            expected: the Sensors that those name as theirs.
            wanted: which Sensors are meant.
        """
        return [
            _row(_name(one), f"Sensor {_name(one)} in {namespace}")
            for one in sensors
            if (_name(one), namespace) not in expected
            and self._is_ours(one, namespace)
            and not _names(started_by(one, namespace)) & set(templates)
            and _takes(wanted, one)
        ]

    def delete(self, row: DeploymentRow) -> tuple[Change, ...]:
        """Remove what a row stands for, where it still stands alone: somebody may have deployed since it was listed."""
        changes = []
        for kind, name, namespace in (_part(part, self._namespace) for part in row.parts):
            one = self._objects.get(kind, name, namespace, missing_kind_is_none=kind == "Sensor")
            if one is None:
                continue
            note = self._why_kept(kind, one, namespace)
            if note is None and not self._objects.delete(kind, name, namespace):
                continue
            action = Action.REMOVED if note is None else Action.UNCHANGED
            changes.append(Change(kind=kind, name=name, namespace=namespace, action=action, note=note))
        return tuple(changes)

    def _why_kept(self, kind: str, one: Object, namespace: str) -> str | None:
        """Why it is not left over, as the end of a sentence; None: it is."""
        ours = self._is_ours(one, namespace) if kind == "Sensor" else _starts_its_namesake(one)
        if not ours:
            return f"the {kind} {_name(one)} was changed while the others were looked at"
        started = _names(started_by(one, namespace)) if kind == "Sensor" else {_name(one)}
        for name in sorted(started):
            if self._objects.get("WorkflowTemplate", name, self._namespace) is not None:
                return f"the WorkflowTemplate {name}, which it starts, was deployed while the others were looked at"
        return None

    def _is_ours(self, sensor: Object, namespace: str) -> bool:
        """Whether Metaflow made it, and it starts what is deployed to the flows' namespace, and nothing else."""
        started = started_by(sensor, namespace)
        return "metaflow/owner" in annotations_of(sensor) and {where for _, where in started} == {self._namespace}


def started_by(sensor: Object, namespace: str) -> frozenset[Place]:
    """The WorkflowTemplates that a Sensor starts, each with its namespace; none where that cannot be told of each
    trigger.

    Args:
        sensor: as the API gives it.
        namespace: where it is. Argo Events creates there what names no other (argo-events,
            pkg/sensors/triggers/standard-k8s).
    """
    found = [_started_by(trigger.get("template") or {}, namespace) for trigger in sensor["spec"].get("triggers") or ()]
    places = frozenset(place for place in found if place is not None)
    return places if None not in found else frozenset()


def _started_by(trigger: Object, namespace: str) -> Place | None:
    source = (trigger.get("k8s") or trigger.get("argoWorkflow") or {}).get("source") or {}
    resource = source.get("resource") or {}
    template = ((resource.get("spec") or {}).get("workflowTemplateRef") or {}).get("name")
    return (str(template), str((resource.get("metadata") or {}).get("namespace") or namespace)) if template else None


def _starts_its_namesake(cron: Object) -> bool:
    """Whether a CronWorkflow is one as Metaflow writes it."""
    spec = cron.get("spec") or {}
    template = ((spec.get("workflowSpec") or {}).get("workflowTemplateRef") or {}).get("name")
    limits = (spec.get("failedJobsHistoryLimit"), spec.get("successfulJobsHistoryLimit"))
    return template == _name(cron) and limits == (METAFLOWS_HISTORY, METAFLOWS_HISTORY)


def _takes(wanted: DeploymentFilter, sensor: Object) -> bool:
    annotations = annotations_of(sensor)
    return wanted.takes(
        Deployment(
            id=_name(sensor),
            orchestrator="argo-workflows",
            flow_name=annotations.get("metaflow/flow_name", ""),
            project=annotations.get("metaflow/project_name"),
            project_branch=annotations.get("metaflow/branch_name"),
        )
    )


def _row(name: str, part: str) -> DeploymentRow:
    return DeploymentRow(id=name, orchestrator="argo-workflows", parts=(part,))


def _part(part: str, namespace: str) -> tuple[str, str, str]:
    """Kind, name and namespace of `Sensor x in events`."""
    kind, name, *where = part.replace(" in ", " ").split(" ")
    return kind, name, where[0] if where else namespace


def _name(one: Object) -> str:
    return str(one["metadata"]["name"])


def _names(places: Iterable[Place]) -> set[str]:
    return {name for name, _ in places}
