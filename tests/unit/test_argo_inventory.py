"""What stands in Argo, listed page by page: a server that forgets how to go on is asked from the first page again."""

from __future__ import annotations

from typing import Any

import pytest
from kubernetes.client import ApiException, CustomObjectsApi

from deployer.orchestrators.argo_workflows.inventory import RESTARTS, ArgoInventory
from deployer.orchestrators.clients.kubernetes_objects import KubernetesObjects
from deployer.orchestrators.inventory import DeploymentFilter, Listing
from deployer.outcome import DeployError, Deployment

GONE = 410


class Pages:
    """Two WorkflowTemplates, one a page; the second page is gone so many times before it is told."""

    def __init__(self, gone: int) -> None:
        self.gone = gone
        self.asked: list[str | None] = []

    def list(self, group: str, version: str, namespace: str, plural: str, **query: Any) -> dict[str, Any]:
        del group, version, namespace
        if plural != "workflowtemplates":
            return {"items": []}
        following = query.get("_continue")
        self.asked.append(following)
        if following is None:
            return {"items": [template("first")], "metadata": {"continue": "token"}}
        if self.gone:
            self.gone -= 1
            raise ApiException(status=GONE, reason="Expired")
        return {"items": [template("second")]}


def template(name: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "annotations": {"metaflow/flow_name": "TrainFlow", "metaflow/owner": "me"}}}


def listing(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> Listing:
    monkeypatch.setattr(CustomObjectsApi, "list_namespaced_custom_object", pages.list)

    def describe(metadata: Any, cron: Any) -> Deployment:
        del cron
        name = metadata["metadata"]["name"]
        return Deployment(id=name, orchestrator="argo-workflows", flow_name="TrainFlow")

    inventory = ArgoInventory(
        lambda: (CustomObjectsApi(), None),
        KubernetesObjects(lambda: (CustomObjectsApi(), None)),
        "flows",
        sensor_namespace=None,
        describe=describe,
        run_url=lambda _, __: None,
    )
    return inventory.listing(DeploymentFilter(), runs=False)


def test_a_listing_that_the_server_forgot_begins_anew_and_tells_nothing_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    pages = Pages(gone=1)
    assert [row.id for row in listing(pages, monkeypatch).rows] == ["first", "second"]
    assert pages.asked == [None, "token", None, "token"]


def test_a_server_that_always_forgets_is_told_and_not_asked_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    pages = Pages(gone=100)
    with pytest.raises(DeployError):
        listing(pages, monkeypatch)
    assert pages.asked == [None, "token"] * RESTARTS
