"""Argo Workflows over the Kubernetes client.

Where Metaflow keeps what, read from metaflow/plugins/argo (2.19): owner, production token, project, Parameters,
schedule and triggers in the WorkflowTemplate's annotations; the schedule itself in a CronWorkflow of the same name,
which stays, suspended, when the schedule goes; the triggers in a Sensor that an annotation names.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any
from urllib.parse import quote

import msgspec

from deployer.orchestrators.kubernetes_errors import CONFLICT, failures, is_missing
from deployer.orchestrators.protocol import MetaflowSettings, RunState, Snapshot
from deployer.orchestrators.provenance import ANNOTATION, run_tags
from deployer.outcome import DeployError, Deployment, Failure, FailureReason, Provenance, RunStatus

GROUP = "argoproj.io"
VERSION = "v1alpha1"
REQUEST_SECONDS = (10, 20)
"""To connect, and to be answered."""
PLURALS = {
    "WorkflowTemplate": "workflowtemplates",
    "CronWorkflow": "cronworkflows",
    "Workflow": "workflows",
    "Sensor": "sensors",
}
PHASES = {
    "": RunStatus.PENDING,
    "Pending": RunStatus.PENDING,
    "Running": RunStatus.RUNNING,
    "Succeeded": RunStatus.SUCCEEDED,
    "Failed": RunStatus.FAILED,
    "Error": RunStatus.FAILED,
}
SERVER_SET = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid")
NAME_LIMIT = 63


def open_argo_workflows(settings: MetaflowSettings) -> ArgoWorkflows:
    """Argo Workflows with a client of its own, configured as Metaflow configures its own: KUBECONFIG, else the service
    account of the pod, else the kubeconfig of the home.

    Raises:
        DeployError: there is no configuration that can be used.
    """
    from kubernetes import client, config

    with failures("loading the kubeconfig"):
        if os.environ.get("KUBERNETES_SERVICE_HOST") and not os.environ.get("KUBECONFIG"):
            config.load_incluster_config()
        else:
            config.load_kube_config()
    return ArgoWorkflows(client.CustomObjectsApi(), settings)


class ArgoWorkflows:
    """The orchestrator; see `deployer.orchestrators.protocol.Orchestrator`."""

    type = "argo-workflows"
    name_limit = 45

    def __init__(self, api: Any, settings: MetaflowSettings) -> None:
        """Args:
        api: kubernetes.client.CustomObjectsApi.
        settings: Metaflow's configuration.
        """
        self._api = api
        self._settings = settings
        self._namespace = settings.kubernetes_namespace

    def read(self, deployment_id: str, flow_name: str | None = None) -> Deployment | None:  # noqa: ARG002
        """The WorkflowTemplate of that name, with its CronWorkflow."""
        template = self._get("WorkflowTemplate", deployment_id)
        if template is None:
            return None
        annotations = _annotations(template)
        if "metaflow/owner" not in annotations:
            raise _not_metaflows(deployment_id, self._namespace)
        cron = self._get("CronWorkflow", deployment_id)
        schedule, timezone = _schedule(cron)
        token = annotations.get("metaflow/production_token")
        return Deployment(
            id=deployment_id,
            orchestrator=self.type,
            flow_name=annotations.get("metaflow/flow_name", deployment_id),
            namespace=self._namespace,
            url=self._argo_url(f"workflow-templates/{quote(self._namespace)}/{quote(deployment_id)}"),
            schedule=schedule,
            timezone=timezone,
            triggers=_triggers(annotations),
            metaflow_namespace=f"production:{token}" if token else None,
            owner=annotations["metaflow/owner"],
            project=annotations.get("metaflow/project_name"),
            project_branch=annotations.get("metaflow/branch_name"),
            version=_version(template, cron),
            provenance=_provenance(annotations),
        )

    def create_tags(self, provenance: Provenance) -> tuple[str, ...]:
        """Tags for the runs; Metaflow also writes them to the template's annotations."""
        return run_tags(provenance)

    def stamp(self, deployment_id: str, provenance: Provenance) -> None:
        """Write the provenance to an annotation of the WorkflowTemplate."""
        document = msgspec.json.encode(provenance).decode()
        body = {"metadata": {"annotations": {ANNOTATION: document}}}
        self._patch("WorkflowTemplate", deployment_id, body)

    def snapshot(self, deployment_id: str) -> Snapshot:
        """WorkflowTemplate, CronWorkflow and Sensor, less what only the server sets."""
        template = self._get("WorkflowTemplate", deployment_id)
        name, namespace = _sensor(deployment_id, template, self._namespace)
        objects = {
            "WorkflowTemplate": template,
            "CronWorkflow": self._get("CronWorkflow", deployment_id),
            "Sensor": self._get("Sensor", name, namespace, missing_kind_is_none=True),
        }
        return Snapshot(
            deployment_id=deployment_id,
            orchestrator=self.type,
            objects={kind: _stripped(one) for kind, one in objects.items()},
        )

    def restore(self, snapshot: Snapshot) -> None:
        """Put the three objects back; what was not there is removed."""
        name = snapshot.deployment_id
        sensor, sensor_namespace = _sensor(name, self._get("WorkflowTemplate", name), self._namespace)
        before = snapshot.objects.get("Sensor")
        if before is not None:
            sensor, sensor_namespace = before["metadata"]["name"], before["metadata"]["namespace"]
        self._put_back("Sensor", sensor, sensor_namespace, before)
        self._put_back("CronWorkflow", name, self._namespace, snapshot.objects.get("CronWorkflow"))
        self._put_back("WorkflowTemplate", name, self._namespace, snapshot.objects.get("WorkflowTemplate"))

    def run_state(self, deployment: Deployment, run_id: str) -> RunState | None:
        """The Workflow's phase; None where it is not there, or no more: Argo removes old ones."""
        workflow = self._get("Workflow", _workflow_name(run_id), deployment.namespace)
        if workflow is None:
            return None
        status = workflow.get("status") or {}
        state = PHASES.get(str(status.get("phase") or ""), RunStatus.RUNNING)
        if state is RunStatus.FAILED and (workflow.get("spec") or {}).get("shutdown"):
            state = RunStatus.TERMINATED
        return RunState(
            status=state,
            started_at=_time(status.get("startedAt")),
            finished_at=_time(status.get("finishedAt")),
            message=status.get("message") or None,
        )

    def run_url(self, deployment: Deployment, run_id: str) -> str | None:
        """The Metaflow UI's page, else Argo's."""
        if self._settings.ui_url:
            return f"{self._settings.ui_url.rstrip('/')}/{quote(deployment.flow_name)}/{quote(run_id)}"
        namespace = deployment.namespace or self._namespace
        return self._argo_url(f"workflows/{quote(namespace)}/{quote(_workflow_name(run_id))}")

    def terminate(self, deployment: Deployment, run_id: str) -> bool:
        """Have Argo shut the Workflow down. Metaflow's own way fails without a word where the CRD prunes
        `status.finishedAt` (docs/architecture.md)."""
        state = self.run_state(deployment, run_id)
        if state is None or state.status.is_terminal:
            return False
        self._patch("Workflow", _workflow_name(run_id), {"spec": {"shutdown": "Terminate"}}, deployment.namespace)
        return True

    def trigger(self, deployment: Deployment, parameters: Mapping[str, str], *, key: str) -> str:
        """Create a Workflow whose name is made of the key: the server refuses the name a second time."""
        digest = hashlib.sha256(key.encode()).hexdigest()[:10]
        name = f"{deployment.id[: NAME_LIMIT - 11].rstrip('-.')}-{digest}"
        body = {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": "Workflow",
            "metadata": {
                "name": name,
                "annotations": {
                    "metaflow/triggered_by_user": json.dumps({"type": "user", "name": self._settings.user or "unknown"})
                },
            },
            "spec": {
                "workflowTemplateRef": {"name": deployment.id},
                "arguments": {
                    "parameters": [{"name": each, "value": json.dumps(value)} for each, value in parameters.items()]
                },
            },
        }
        self._create("Workflow", body, deployment.namespace or self._namespace, exists_is_fine=True)
        return f"argo-{name}"

    def _argo_url(self, path: str) -> str | None:
        base = self._settings.argo_ui_url
        return f"{base.rstrip('/')}/{path}" if base else None

    def _get(
        self, kind: str, name: str, namespace: str | None = None, *, missing_kind_is_none: bool = False
    ) -> dict[str, Any] | None:
        from kubernetes.client import ApiException

        with failures(f"reading the {kind} {name}"):
            try:
                return dict(
                    self._api.get_namespaced_custom_object(
                        GROUP,
                        VERSION,
                        namespace or self._namespace,
                        PLURALS[kind],
                        name,
                        _request_timeout=REQUEST_SECONDS,
                    )
                )
            except ApiException as error:
                if is_missing(error) or (missing_kind_is_none and error.status == 404):  # noqa: PLR2004
                    return None
                raise

    def _patch(self, kind: str, name: str, body: Mapping[str, Any], namespace: str | None = None) -> None:
        with failures(f"patching the {kind} {name}"):
            self._api.patch_namespaced_custom_object(
                GROUP,
                VERSION,
                namespace or self._namespace,
                PLURALS[kind],
                name,
                body,
                _request_timeout=REQUEST_SECONDS,
            )

    def _create(self, kind: str, body: Mapping[str, Any], namespace: str, *, exists_is_fine: bool = False) -> None:
        from kubernetes.client import ApiException

        with failures(f"creating the {kind} {body['metadata']['name']}"):
            try:
                self._api.create_namespaced_custom_object(
                    GROUP, VERSION, namespace, PLURALS[kind], body, _request_timeout=REQUEST_SECONDS
                )
            except ApiException as error:
                if not (exists_is_fine and error.status == CONFLICT):
                    raise

    def _put_back(self, kind: str, name: str, namespace: str, before: Mapping[str, Any] | None) -> None:
        now = self._get(kind, name, namespace, missing_kind_is_none=kind == "Sensor")
        if before is None and now is None:
            return
        if before is not None and now is None:
            self._create(kind, before, namespace)
            return
        assert now is not None
        with failures(f"putting the {kind} {name} back"):
            if before is None:
                self._api.delete_namespaced_custom_object(
                    GROUP, VERSION, namespace, PLURALS[kind], name, _request_timeout=REQUEST_SECONDS
                )
            elif _stripped(now) != before:
                version = now["metadata"]["resourceVersion"]
                body = {**before, "metadata": {**before["metadata"], "resourceVersion": version}}
                self._api.replace_namespaced_custom_object(
                    GROUP, VERSION, namespace, PLURALS[kind], name, body, _request_timeout=REQUEST_SECONDS
                )


def _annotations(one: Mapping[str, Any]) -> dict[str, str]:
    return dict(one.get("metadata", {}).get("annotations") or {})


def _schedule(cron: Mapping[str, Any] | None) -> tuple[str | None, str | None]:
    """Cron expression and time zone of a CronWorkflow that is not suspended, in either of Argo's spellings."""
    spec = (cron or {}).get("spec") or {}
    if not spec or spec.get("suspend"):
        return None, None
    schedules = spec.get("schedules") or [spec.get("schedule")]
    return "; ".join(filter(None, schedules)) or None, spec.get("timezone") or None


def _triggers(annotations: Mapping[str, str]) -> tuple[str, ...]:
    """What else starts a run, in words; `metaflow.TrainFlow.end` is the event of a finished run."""
    try:
        triggers = json.loads(annotations.get("metaflow/triggers") or "[]")
    except ValueError:
        return ()
    words = []
    for trigger in triggers:
        name = str(trigger.get("name", ""))
        finished = re.fullmatch(r"metaflow\.(?P<flow>.+)\.end", name)
        words.append(f"when {finished['flow']} finishes" if finished else f"on event {name}")
    return tuple(words)


def _provenance(annotations: Mapping[str, str]) -> Provenance | None:
    with suppress(msgspec.DecodeError):
        return msgspec.json.decode(annotations.get(ANNOTATION, ""), type=Provenance)
    return None


def _version(template: Mapping[str, Any], cron: Mapping[str, Any] | None) -> str:
    """What tells one version from the next. Metaflow writes a time with every deployment; our own stamp, and the
    server's own fields, do not count."""
    written = _annotations(template).get("metaflow/deployment_timestamp") or template.get("spec")
    return hashlib.sha256(json.dumps([written, (cron or {}).get("spec")], sort_keys=True).encode()).hexdigest()[:16]


def _sensor(name: str, template: Mapping[str, Any] | None, namespace: str) -> tuple[str, str]:
    """Name and namespace of the deployment's Sensor."""
    annotations = _annotations(template or {})
    return (
        annotations.get("metaflow/sensor_name") or name.replace(".", "-"),
        annotations.get("metaflow/sensor_namespace") or namespace,
    )


def _stripped(one: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if one is None:
        return None
    metadata = {key: value for key, value in one["metadata"].items() if key not in SERVER_SET}
    return {key: value for key, value in {**one, "metadata": metadata}.items() if key != "status"}


def _workflow_name(run_id: str) -> str:
    return run_id.removeprefix("argo-")


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _not_metaflows(name: str, namespace: str) -> DeployError:
    return DeployError(
        Failure(
            reason=FailureReason.DEPLOY,
            message=f"There is a WorkflowTemplate {name} in {namespace} already, and Metaflow did not make it.",
            advice="Give another `deployment-name`, or remove that template.",
        )
    )
