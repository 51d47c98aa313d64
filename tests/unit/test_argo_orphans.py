"""What is left over in Argo of templates that are gone: what is taken for it, and what is not deleted after all."""

from __future__ import annotations

from typing import Any

import pytest

from deployer.orchestrators.argo_workflows.orphans import ArgoLeftovers, started_by
from deployer.orchestrators.clients.kubernetes_objects import KubernetesObjects
from deployer.orchestrators.inventory import DeploymentFilter
from deployer.outcome import Action, DeploymentRow


class Objects(KubernetesObjects):
    """Objects that stand, by kind, name and namespace."""

    def __init__(self) -> None:
        self.standing: dict[tuple[str, str, str], dict[str, Any]] = {}

    def get(self, kind: str, name: str, namespace: str, *, missing_kind_is_none: bool = False) -> dict[str, Any] | None:
        del missing_kind_is_none
        return self.standing.get((kind, name, namespace))

    def delete(self, kind: str, name: str, namespace: str) -> bool:
        return self.standing.pop((kind, name, namespace), None) is not None


def sensor(name: str, *started: tuple[str, str | None], trigger: str = "k8s", owner: str | None = "me") -> Any:
    def starts(template: str, namespace: str | None) -> dict[str, Any]:
        metadata = {"generateName": f"{template}-", **({"namespace": namespace} if namespace else {})}
        resource = {"metadata": metadata, "spec": {"workflowTemplateRef": {"name": template}}}
        return {"template": {"name": template, trigger: {"source": {"resource": resource}}}}

    annotations = {"metaflow/owner": owner, "metaflow/flow_name": "TrainFlow"} if owner else {}
    return {
        "metadata": {"name": name, "annotations": annotations},
        "spec": {"triggers": [starts(*one) for one in started]},
    }


def cron(name: str, limit: int = 10000) -> dict[str, Any]:
    spec = {"workflowSpec": {"workflowTemplateRef": {"name": name}}}
    return {
        "metadata": {"name": name},
        "spec": {**spec, "failedJobsHistoryLimit": limit, "successfulJobsHistoryLimit": limit},
    }


def alone(*sensors: Any, templates: set[str] | None = None, wanted: DeploymentFilter | None = None) -> list[str]:
    found = ArgoLeftovers(Objects(), "ml-a").sensors(
        sensors,
        "events",
        templates=templates or {"a.stands"},
        expected={("a-stands", "events"), ("gone", "ml-a")},
        wanted=wanted or DeploymentFilter(),
    )
    return [row.id for row in found]


def test_a_sensor_is_left_over_where_it_starts_only_what_is_gone_from_this_namespace() -> None:
    gone = ("gone", "ml-a")
    assert alone(sensor("gone", gone)) == ["gone"], "a Sensor of that name elsewhere does not keep it"
    assert alone(sensor("gone", gone, trigger="argoWorkflow")) == ["gone"]
    assert alone(sensor("other", ("train", "ml-b"))) == [], "it is another namespace's"
    assert alone(sensor("both", gone, ("train", "ml-b"))) == []
    assert alone(sensor("stands", gone, ("a.stands", "ml-a"))) == []
    assert alone(sensor("a-stands", gone)) == [], "a template that stands names it as its own"
    assert alone(sensor("foreign", gone, owner=None)) == []
    assert alone(sensor("gone", ("gone", None))) == [], "it creates where it is itself"
    assert alone(sensor("gone", gone), wanted=DeploymentFilter(flow_name="OtherFlow")) == []


def test_what_a_sensor_starts_is_told_of_all_its_triggers_or_not_at_all() -> None:
    assert started_by(sensor("x", ("train", None)), "events") == {("train", "events")}
    odd = sensor("x", ("gone", "ml-a"))
    odd["spec"]["triggers"].append({"template": {"name": "hook", "http": {"url": "https://example.com"}}})
    assert started_by(odd, "events") == frozenset()
    assert alone(odd) == []
    assert alone({**odd, "spec": {}}) == []


def test_a_schedule_is_left_over_where_metaflow_made_it_and_its_template_is_gone() -> None:
    crons = {name: cron(name) for name in ("gone", "stands")} | {"foreign": cron("foreign", limit=3)}
    assert [row.id for row in ArgoLeftovers(Objects(), "ml-a").crons(crons, {"stands"})] == ["gone"]


ROWS = {
    "CronWorkflow": (DeploymentRow(id="gone", orchestrator="argo-workflows", parts=("CronWorkflow gone",)), "ml-a"),
    "Sensor": (DeploymentRow(id="gone", orchestrator="argo-workflows", parts=("Sensor gone in events",)), "events"),
}


@pytest.mark.parametrize("kind", list(ROWS))
def test_what_was_deployed_again_meanwhile_is_not_deleted(kind: str) -> None:
    objects = Objects()
    row, namespace = ROWS[kind]
    objects.standing[kind, "gone", namespace] = (
        cron("gone") if kind == "CronWorkflow" else sensor("gone", ("gone", "ml-a"))
    )
    objects.standing["WorkflowTemplate", "gone", "ml-a"] = {"metadata": {"name": "gone"}}
    over = ArgoLeftovers(objects, "ml-a")
    (change,) = over.delete(row)
    assert change.action is Action.UNCHANGED
    assert change.note is not None
    assert "the WorkflowTemplate gone" in change.note
    assert objects.get(kind, "gone", namespace)
    del objects.standing["WorkflowTemplate", "gone", "ml-a"]
    (change,) = over.delete(row)
    assert (change.action, change.namespace) == (Action.REMOVED, namespace)
    assert over.delete(row) == (), "it was gone already"


def test_a_sensor_that_was_taken_over_by_another_namespace_is_not_deleted() -> None:
    objects = Objects()
    objects.standing["Sensor", "gone", "events"] = sensor("gone", ("gone", "ml-b"))
    (change,) = ArgoLeftovers(objects, "ml-a").delete(ROWS["Sensor"][0])
    assert change.action is Action.UNCHANGED
    assert objects.get("Sensor", "gone", "events")
