"""Argo Workflows and Argo Events in the cluster: their CRDs, the controller's rights, and what runs need."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import yaml

from sandbox.docker.machine import UnavailableError
from sandbox.kubernetes.api import Api, ApiError, NotFoundError, path_for, path_of, wait_for
from sandbox.kubernetes.build import Built
from sandbox.kubernetes.components import ARGO_NAMESPACE

Crds = Literal["minimal", "full", "v4"]
"""`minimal` and `full` are Argo's own, as its 3.7 releases install them. `v4` is `full` with a CronWorkflow that knows
`schedules` alone, as Argo 4's does; Argo 4 itself can't be had as a Go module."""
GROUP = "argoproj.io/v1alpha1"
CRON_WORKFLOWS = "cronworkflows.argoproj.io"
ESTABLISHED_LIMIT = 60.0
CONTROLLER_LIMIT = 15.0
"""Seconds in which a controller that runs takes up a Workflow; it takes a fraction of one."""
DEPLOYMENT_LIMIT = 300.0
"""Seconds for the controller's image to be pulled and started."""
PROBE = "metaflow-deploy-probe"
SERVICE_ACCOUNT = "workflow"
"""Of the pods that a run is made of, in every namespace that `prepare_namespace` makes."""
TASK_RESULTS_ROLE: Mapping[str, Any] = {
    "apiGroups": ["argoproj.io"],
    "resources": ["workflowtaskresults"],
    "verbs": ["create", "patch"],
}
"""What Argo's documentation asks for the service account of a workflow (docs/workflow-rbac.md)."""


def install_crds(api: Api, built: Built, kind: Crds) -> None:
    """Install Argo Workflows' definitions of one kind and Argo Events', in place of those that are there.

    Objects of users stay as they are stored, also such as would not be taken any more.

    Raises:
        UnavailableError: the API server goes by something else within a minute.
    """
    folder = built.argo_workflows_manifests / "base" / "crds" / ("minimal" if kind == "minimal" else "full")
    folders = (folder, built.argo_events_manifests / "base" / "crds")
    documents = [_load(path) for one in folders for path in sorted(one.glob("argoproj.io_*.yaml"))]
    if kind == "v4":
        documents = [schedules_only(one) if one["metadata"]["name"] == CRON_WORKFLOWS else one for one in documents]
    with ThreadPoolExecutor(max_workers=4) as pool:
        list(pool.map(lambda one: _install_crd(api, one), documents))
    wait_for(lambda: installed_crds(api) == kind or None, what=f"Argo's {kind} CRDs", limit=ESTABLISHED_LIMIT)


def schedules_only(definition: Mapping[str, Any]) -> dict[str, Any]:
    """Argo 3.7's definition of a CronWorkflow as Argo 4's is: `schedules` is required, and `schedule` is gone."""
    changed = copy.deepcopy(dict(definition))
    for version in changed["spec"]["versions"]:
        spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
        del spec["properties"]["schedule"]
        spec["required"] = sorted({*spec.get("required", ()), "schedules"} - {"schedule"})
    return changed


def installed_crds(api: Api) -> Crds | None:
    """Which of Argo Workflows' definitions the API server goes by, found out by asking it; None if there are none.

    Raises:
        UnavailableError: what is installed is none of these.
    """
    workflow = _probe(api, "Workflow", {"entrypoint": "main", PROBE: True})
    cron = _probe(api, "CronWorkflow", {"schedule": "0 6 * * *", "workflowSpec": {"entrypoint": "main"}, PROBE: True})
    if workflow == cron == "missing":
        return None
    kinds: dict[tuple[str, str], Crds] = {
        ("kept", "kept"): "minimal",
        ("pruned", "pruned"): "full",
        ("pruned", "refused"): "v4",
    }
    return kinds.get((workflow, cron))


def has_crds(api: Api) -> bool:
    """Whether Argo Workflows' definitions are installed, of whatever kind."""
    return api.get(path_of("Workflow", namespace="default", api=GROUP)) is not None


def controller_works(api: Api) -> bool:
    """Whether a workflow-controller takes up a Workflow; one that waits, so that no pod is started for it."""
    template = {"name": "main", "suspend": {}}
    document = {
        "apiVersion": GROUP,
        "kind": "Workflow",
        "metadata": {"generateName": f"{PROBE}-"},
        "spec": {"entrypoint": "main", "templates": [template]},
    }
    made = api.request("POST", path_of("Workflow", namespace="default", api=GROUP), body=document)
    path = path_for({**document, "metadata": made["metadata"]})
    try:
        wait_for(
            lambda: (api.get(path) or {}).get("status", {}).get("phase"),
            what="the workflow-controller's answer",
            limit=CONTROLLER_LIMIT,
        )
    except UnavailableError:
        return False
    finally:
        api.delete(path)
    return True


def _probe(api: Api, kind: str, spec: dict[str, Any]) -> Literal["missing", "kept", "pruned", "refused"]:
    """What becomes of a field that no schema knows, in an object that is only tried (`dryRun`)."""
    document = {"apiVersion": GROUP, "kind": kind, "metadata": {"name": PROBE}, "spec": spec}
    path = path_of(kind, namespace="default", api=GROUP)
    try:
        answer = api.request("POST", path, body=document, query={"dryRun": "All"})
    except NotFoundError:
        return "missing"
    except ApiError as error:
        if error.status == 422:
            return "refused"
        raise
    return "kept" if PROBE in answer["spec"] else "pruned"


def _load(file: Path) -> dict[str, Any]:
    """A definition's file; a full one is 3 MB of YAML and a third of it in JSON, with which the API server takes it."""
    return dict(yaml.load(file.read_bytes(), Loader=yaml.CSafeLoader))


def _install_crd(api: Api, definition: Mapping[str, Any]) -> None:
    path = path_for(definition)
    api.apply(definition, path)

    def established() -> bool | None:
        conditions = (api.get(path) or {}).get("status", {}).get("conditions") or ()
        return any(one["type"] == "Established" and one["status"] == "True" for one in conditions) or None

    wait_for(established, what=str(definition["metadata"]["name"]), limit=ESTABLISHED_LIMIT)


def install_controller_objects(api: Api, built: Built) -> None:
    """What Argo's own manifests put into a cluster for the workflow-controller, less the controller's Deployment."""
    manifests = built.argo_workflows_manifests
    api.apply(_namespace(ARGO_NAMESPACE), path_of("Namespace", ARGO_NAMESPACE))
    folders = (manifests / "base" / "workflow-controller", manifests / "cluster-install-no-crds")
    files = (*folders[0].glob("*.yaml"), *(folders[1] / "workflow-controller-rbac").glob("*.yaml"))
    for document in _documents(files):
        if document["kind"] in ("Kustomization", "Deployment"):
            continue
        for subject in document.get("subjects", ()):
            subject["namespace"] = ARGO_NAMESPACE  # which kustomize would do
        cluster_wide = document["kind"].startswith("Cluster") or document["kind"] == "PriorityClass"
        api.apply(document, path_for(document, namespace=None if cluster_wide else ARGO_NAMESPACE))


def install_controller(api: Api, built: Built) -> None:
    """Argo's own Deployment of the workflow-controller, with its release's images; the cluster has to pull them.

    Raises:
        UnavailableError: it does not run within five minutes; with what its pods wait for.
    """
    file = built.argo_workflows_manifests / "base" / "workflow-controller" / "workflow-controller-deployment.yaml"
    document = released(yaml.safe_load(file.read_text()), built.versions.argo_workflows)
    path = path_of("Deployment", document["metadata"]["name"], namespace=ARGO_NAMESPACE, api="apps/v1")
    api.apply(document, path)
    try:
        wait_for(
            lambda: (api.get(path) or {}).get("status", {}).get("availableReplicas"),
            what="a workflow-controller that runs",
            limit=DEPLOYMENT_LIMIT,
        )
    except UnavailableError as error:
        waiting = "\n".join(_waiting(api.get(path_of("Pod", namespace=ARGO_NAMESPACE)) or {}))
        raise UnavailableError(f"{error}\n{waiting}") from error


def _waiting(pods: Mapping[str, Any]) -> Iterator[str]:
    """What the containers of a list of pods wait for."""
    for pod in pods.get("items", ()):
        for container in pod["status"].get("containerStatuses") or ():
            state = container["state"].get("waiting") or container["state"].get("terminated") or {}
            if state:
                yield f"{pod['metadata']['name']}: {state.get('reason', '')}: {state.get('message', '')}"


def released(deployment: Mapping[str, Any], version: str) -> dict[str, Any]:
    """The controller's Deployment as a release has it: its own image and argoexec's by the version, not `latest`."""
    changed = copy.deepcopy(dict(deployment))
    (container,) = changed["spec"]["template"]["spec"]["containers"]
    repository = str(container["image"]).rpartition(":")[0]
    container["image"] = f"{repository}:{version}"
    container["args"] = [f"--executor-image={repository.rpartition('/')[0]}/argoexec:{version}"]
    return changed


def prepare_namespace(api: Api, name: str, secrets: Mapping[str, Mapping[str, str]]) -> None:
    """Make a namespace in which runs of Metaflow flows can work.

    Args:
        name: made if it is not there.
        secrets: what is in each Secret, by its name; tasks take them by METAFLOW_KUBERNETES_SECRETS.
    """
    api.apply(_namespace(name), path_of("Namespace", name))
    rbac = "rbac.authorization.k8s.io"
    account = {"kind": "ServiceAccount", "name": SERVICE_ACCOUNT, "namespace": name}
    documents: list[dict[str, Any]] = [
        {"apiVersion": "v1", "kind": "ServiceAccount"},
        {"apiVersion": f"{rbac}/v1", "kind": "Role", "rules": [TASK_RESULTS_ROLE]},
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "RoleBinding",
            "roleRef": {"apiGroup": rbac, "kind": "Role", "name": SERVICE_ACCOUNT},
            "subjects": [account],
        },
    ]
    for document in documents:
        document["metadata"] = {"name": SERVICE_ACCOUNT, "namespace": name}
    for secret, content in secrets.items():
        metadata = {"name": secret, "namespace": name}
        documents.append({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": dict(content)})
    for document in documents:
        api.apply(document, path_for(document))
    wait_for(  # without it pods are refused
        lambda: api.get(path_of("ServiceAccount", "default", namespace=name)),
        what=f"the default service account of {name}",
        limit=ESTABLISHED_LIMIT,
    )


def _namespace(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def _documents(files: tuple[Path, ...]) -> Iterator[dict[str, Any]]:
    for path in sorted(files):
        for document in yaml.safe_load_all(path.read_text()):
            if document is not None:
                yield document
