"""What the API server tells of itself: its version, the kinds it has, and what the job may do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Flask, jsonify, request

if TYPE_CHECKING:
    from sandbox.kubernetes_api.app import Cluster

VERSION = {"major": "1", "minor": "34", "gitVersion": "v1.34.4", "platform": "linux/amd64"}


def add(app: Flask, cluster: Cluster, *, group: str, kinds: dict[str, str], user: str) -> None:
    """Add the routes.

    Args:
        app: the server.
        cluster: what it keeps.
        group: the API group of its kinds.
        kinds: each plural with its kind.
        user: whom it takes the one token for.
    """

    @app.get("/version")
    def version() -> Any:
        return jsonify(VERSION)

    @app.get(f"/apis/{group}/v1alpha1")
    def resources() -> Any:
        there = {plural: kind for plural, kind in kinds.items() if plural not in cluster.missing}
        listed = [{"name": plural, "kind": kind, "namespaced": True, "verbs": []} for plural, kind in there.items()]
        document = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": f"{group}/v1alpha1"}
        return jsonify({**document, "resources": listed})

    @app.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews")
    def access() -> Any:
        body = request.get_json(force=True)
        asked = body["spec"]["resourceAttributes"]
        allowed = (asked["verb"], asked["resource"]) not in cluster.denied
        return jsonify({**body, "status": {"allowed": allowed}}), 201

    @app.post("/apis/authentication.k8s.io/v1/selfsubjectreviews")
    def who() -> Any:
        body = request.get_json(force=True)
        return jsonify({**body, "status": {"userInfo": {"username": user}}}), 201
