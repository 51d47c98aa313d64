"""The server."""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from flask import Flask, Response, jsonify, request

from sandbox.kubernetes_api import authentication, discovery

GROUP = "argoproj.io"
KINDS = {
    "workflowtemplates": "WorkflowTemplate",
    "cronworkflows": "CronWorkflow",
    "workflows": "Workflow",
    "sensors": "Sensor",
}
TOKEN = "sandbox-token"
USER = "system:serviceaccount:flows:deployer"
PATH = f"/apis/{GROUP}/v1alpha1/namespaces/<namespace>/<plural>"
VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
Object = dict[str, Any]


class Refused(Exception):
    """An answer that is a Status object."""

    def __init__(
        self, code: int, reason: str, message: str, name: str | None = None, plural: str | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        details = {"name": name, "group": GROUP, "kind": plural} if name is not None else {}
        self.status = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
            "reason": reason,
            "details": details,
            "code": code,
        }


@dataclass
class Cluster:
    """What the server keeps."""

    objects: dict[tuple[str, str, str], Object] = field(default_factory=dict)
    denied: set[tuple[str, str]] = field(default_factory=set)
    """(verb, plural) that the service account may not do."""
    missing: set[str] = field(default_factory=set)
    """Plurals whose CRD is not installed."""
    invalid: dict[str, str] = field(default_factory=dict)
    """By plural, the message with which its next creation or update is refused as invalid."""
    cron_fields: tuple[str, ...] = ()
    """The fields of a CronWorkflow's `spec` that its CRD knows; none: it keeps whatever comes, as minimal CRDs do."""
    pods: list[Object] = field(default_factory=list)
    """The pods that there are, as the kubelet would have reported them."""
    vanishing: set[str] = field(default_factory=set)
    """Plurals whose objects somebody else deletes as soon as they are written."""
    requests: list[Object] = field(default_factory=list)
    version: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)

    def write(self, key: tuple[str, str, str], one: Object) -> None:
        """Keep an object, with its next resourceVersion."""
        self.objects[key] = self.stamped(one)
        if key[1] in self.vanishing:
            del self.objects[key]

    def stamped(self, one: Object) -> Object:
        """The object with its next resourceVersion."""
        self.version += 1
        one["metadata"]["resourceVersion"] = str(self.version)
        return one


def make_app() -> Flask:
    """The server with an empty cluster."""
    app, cluster, known = Flask(__name__), Cluster(), authentication.Authentication({TOKEN})

    @app.errorhandler(Refused)
    def refuse(error: Refused) -> Any:
        return jsonify(error.status), error.code

    @app.errorhandler(404)
    def no_such_path(_: Any) -> Response:
        return Response("404 page not found\n", 404, content_type="text/plain")

    @app.before_request
    def check() -> Any:
        if request.path.startswith("/_control"):
            return None
        dry = request.args.get("dryRun") == "All"
        cluster.requests.append({"method": request.method, "path": request.path, "dry_run": dry})
        if not known.accepts(request.headers.get("Authorization", "")):
            raise Refused(401, "Unauthorized", "Unauthorized")
        plural = (request.view_args or {}).get("plural")
        if plural is None:
            return None
        if plural not in KINDS or plural in cluster.missing:
            return no_such_path(None)
        _authorize(cluster, str(plural))
        return None

    _add_collection(app, cluster)
    _add_object(app, cluster)
    _add_pods(app, cluster)
    _add_control(app, cluster)
    authentication.add(app, known)
    discovery.add(app, cluster, group=GROUP, kinds=KINDS, user=USER)
    return app


def _authorize(cluster: Cluster, plural: str) -> None:
    named = "name" in (request.view_args or {})
    verb = VERBS.get(request.method) or ("get" if named else "list")
    if (verb, plural) not in cluster.denied:
        return
    name = (request.view_args or {}).get("name")
    namespace = (request.view_args or {})["namespace"]
    subject = f'{plural}.{GROUP} "{name}" is' if name else f"{plural}.{GROUP} is"
    message = (
        f'{subject} forbidden: User "{USER}" cannot {verb} resource "{plural}" in API group "{GROUP}" '
        f'in the namespace "{namespace}"'
    )
    raise Refused(403, "Forbidden", message, name or "", plural)


def _add_collection(app: Flask, cluster: Cluster) -> None:
    @app.get(PATH)
    def collection(namespace: str, plural: str) -> Any:
        with cluster.lock:
            items = [one for key, one in sorted(cluster.objects.items()) if key[:2] == (namespace, plural)]
        wanted = request.args.get("labelSelector")
        if wanted:
            pairs = [part.split("=", 1) for part in wanted.split(",")]
            items = [i for i in items if all((i["metadata"].get("labels") or {}).get(k) == v for k, v in pairs)]
        start, limit = int(request.args.get("continue") or 0), int(request.args.get("limit") or len(items) or 1)
        metadata: Object = {"resourceVersion": str(cluster.version)}
        if start + limit < len(items):
            metadata["continue"] = str(start + limit)
            metadata["remainingItemCount"] = len(items) - start - limit
        page = items[start : start + limit]
        if "as=PartialObjectMetadataList" in request.headers.get("Accept", ""):
            return jsonify(_metadata_of(page, metadata))
        kind = f"{KINDS[plural]}List"
        return jsonify({"apiVersion": f"{GROUP}/v1alpha1", "kind": kind, "metadata": metadata, "items": page})

    @app.post(PATH)
    def create(namespace: str, plural: str) -> Any:
        body: Object = request.get_json(force=True)
        metadata = body.setdefault("metadata", {})
        if not metadata.get("name"):
            if not metadata.get("generateName"):
                raise Refused(422, "Invalid", "name or generateName is required", "", plural)
            metadata["name"] = f"{metadata['generateName']}{uuid.uuid4().hex[:5]}"
        name = metadata["name"]
        with cluster.lock:
            if (namespace, plural, name) in cluster.objects:
                raise Refused(409, "AlreadyExists", f'{plural}.{GROUP} "{name}" already exists', name, plural)
            _validate(cluster, plural, name)
            _prune(cluster, plural, name, body)
            if request.args.get("dryRun") == "All":
                return jsonify(body), 201
            now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            metadata |= {"namespace": namespace, "uid": str(uuid.uuid4()), "creationTimestamp": now, "generation": 1}
            cluster.write((namespace, plural, name), body)
        return jsonify(body), 201


def _add_pods(app: Flask, cluster: Cluster) -> None:
    @app.get("/api/v1/namespaces/<namespace>/pods")
    def pods(namespace: str) -> Any:
        if ("list", "pods") in cluster.denied:
            message = (
                f'pods is forbidden: User "{USER}" cannot list resource "pods" in API group "" '
                f'in the namespace "{namespace}"'
            )
            raise Refused(403, "Forbidden", message, "", "pods")
        phase = request.args.get("fieldSelector", "").removeprefix("status.phase=")
        workflow = request.args.get("labelSelector", "").split("=")[-1]
        items = [pod for pod in cluster.pods if pod["status"]["phase"] == phase]
        items = [pod for pod in items if pod["metadata"]["labels"]["workflows.argoproj.io/workflow"] == workflow]
        return jsonify({"apiVersion": "v1", "kind": "PodList", "metadata": {}, "items": items})


def _add_object(app: Flask, cluster: Cluster) -> None:
    def found(namespace: str, plural: str, name: str) -> Object:
        one = cluster.objects.get((namespace, plural, name))
        if one is None:
            raise Refused(404, "NotFound", f'{plural}.{GROUP} "{name}" not found', name, plural)
        return one

    @app.get(PATH + "/<name>")
    def get(namespace: str, plural: str, name: str) -> Any:
        return jsonify(found(namespace, plural, name))

    @app.put(PATH + "/<name>")
    def replace(namespace: str, plural: str, name: str) -> Any:
        body: Object = request.get_json(force=True)
        with cluster.lock:
            before = found(namespace, plural, name)
            version = body.get("metadata", {}).get("resourceVersion")
            if version not in (None, before["metadata"]["resourceVersion"]):
                message = (
                    f'Operation cannot be fulfilled on {plural}.{GROUP} "{name}": the object has been modified; '
                    "please apply your changes to the latest version and try again"
                )
                raise Refused(409, "Conflict", message, name, plural)
            _validate(cluster, plural, name)
            _prune(cluster, plural, name, body)
            kept = {key: before["metadata"][key] for key in ("uid", "creationTimestamp", "namespace", "name")}
            body["metadata"] = {**body["metadata"], **kept, "generation": before["metadata"]["generation"] + 1}
            cluster.write((namespace, plural, name), body)
        return jsonify(body)

    @app.patch(PATH + "/<name>")
    def patch(namespace: str, plural: str, name: str) -> Any:
        with cluster.lock:
            one = found(namespace, plural, name)
            _merge(one, request.get_json(force=True))
            return jsonify(cluster.stamped(one))

    @app.delete(PATH + "/<name>")
    def delete(namespace: str, plural: str, name: str) -> Any:
        with cluster.lock:
            found(namespace, plural, name)
            del cluster.objects[namespace, plural, name]
        return jsonify({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"})


def _metadata_of(page: list[Object], metadata: Object) -> Object:
    """What the API server answers who asks for nothing but metadata (Kubernetes API concepts)."""
    meta = "meta.k8s.io/v1"
    items = [{"apiVersion": meta, "kind": "PartialObjectMetadata", "metadata": one["metadata"]} for one in page]
    return {"apiVersion": meta, "kind": "PartialObjectMetadataList", "metadata": metadata, "items": items}


def _validate(cluster: Cluster, plural: str, name: str) -> None:
    message = cluster.invalid.get(plural)
    if message is not None:
        raise Refused(422, "Invalid", f'{KINDS[plural]}.{GROUP} "{name}" is invalid: {message}', name, plural)


def _prune(cluster: Cluster, plural: str, name: str, body: Object) -> None:
    """Drop what a schema does not know, and ask for what it requires: Argo's of a CronWorkflow, 3.x or 4.x."""
    if plural != "cronworkflows" or not cluster.cron_fields:
        return
    known = {*cluster.cron_fields, "suspend", "timezone", "workflowSpec", "startingDeadlineSeconds"}
    body["spec"] = {key: value for key, value in body["spec"].items() if key in known and value is not None}
    if "schedule" not in known and "schedules" not in body["spec"]:
        message = f'CronWorkflow.{GROUP} "{name}" is invalid: spec.schedules: Required value'
        raise Refused(422, "Invalid", message, name, plural)


def _merge(target: Object, patch: Object) -> None:
    """A JSON merge patch (RFC 7386)."""
    for key, value in patch.items():
        if value is None:
            target.pop(key, None)
        elif isinstance(value, dict) and isinstance(target.get(key), dict):
            _merge(target[key], value)
        else:
            target[key] = value


def _add_control(app: Flask, cluster: Cluster) -> None:
    @app.post("/_control")
    def control() -> Any:
        body = request.get_json(force=True)
        with cluster.lock:
            cluster.denied = {(verb, plural) for verb, plural in body.get("denied", ())}
            cluster.missing = set(body.get("missing", ()))
            cluster.invalid = dict(body.get("invalid", {}))
            cluster.cron_fields = tuple(body.get("cron_fields", ()))
            cluster.pods = list(body.get("pods", ()))
            cluster.vanishing = set(body.get("vanishing", ()))
        return jsonify({})

    @app.post("/_control/status/<namespace>/<name>")
    def status(namespace: str, name: str) -> Any:
        with cluster.lock:
            one = cluster.objects[namespace, "workflows", name]
            one.setdefault("status", {}).update(request.get_json(force=True))
            return jsonify(cluster.stamped(one))

    @app.post("/_control/objects/<namespace>/<plural>")
    def place(namespace: str, plural: str) -> Any:
        """Objects as they are, times and all, which no client may write."""
        with cluster.lock:
            for one in request.get_json(force=True):
                one["metadata"]["namespace"] = namespace
                cluster.objects[namespace, plural, one["metadata"]["name"]] = cluster.stamped(one)
        return jsonify({})

    @app.get("/_control/requests")
    def requests() -> Any:
        return jsonify(cluster.requests)
