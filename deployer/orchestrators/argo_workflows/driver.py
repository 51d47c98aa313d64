"""Argo Workflows over the Kubernetes client."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import quote

import msgspec

from deployer.orchestrators.argo_workflows import objects as documents
from deployer.orchestrators.argo_workflows import tasks
from deployer.orchestrators.argo_workflows.inventory import ArgoInventory
from deployer.orchestrators.argo_workflows.orphans import started_by
from deployer.orchestrators.clients.kubernetes_configuration import kubeconfig_namespace, load_configuration
from deployer.orchestrators.clients.kubernetes_errors import missing_right
from deployer.orchestrators.clients.kubernetes_objects import Connect, KubernetesObjects, Object, stripped
from deployer.orchestrators.driver import MetaflowSettings, RunState, Snapshot, TaskTrouble
from deployer.orchestrators.provenance import ANNOTATION, run_tags
from deployer.orchestrators.undo import put_back_on_failure
from deployer.outcome import (
    Action,
    Change,
    DeployError,
    Deployment,
    Failure,
    FailureReason,
    Provenance,
    RunStatus,
)

PHASES = {
    "": RunStatus.PENDING,
    "Pending": RunStatus.PENDING,
    "Running": RunStatus.RUNNING,
    "Succeeded": RunStatus.SUCCEEDED,
    "Failed": RunStatus.FAILED,
    "Error": RunStatus.FAILED,
}
MOST_PODS = 20
"""How many pods of a run are looked at for what keeps them from running, or how they ended."""


def open_argo_workflows(settings: MetaflowSettings) -> ArgoWorkflows:
    """Argo Workflows with a client of its own, configured as Metaflow configures its own: KUBECONFIG, else the service
    account of the pod, else the kubeconfig of the home.

    Raises:
        DeployError: there is no configuration that can be used.
    """
    from kubernetes import client

    def connect() -> tuple[Any, Any]:
        load_configuration()
        api = client.ApiClient()
        return client.CustomObjectsApi(api), client.CoreV1Api(api)

    return ArgoWorkflows(connect, settings, kubeconfig_namespace())


class ArgoWorkflows:
    """The orchestrator; see `deployer.orchestrators.driver.Orchestrator`."""

    type = "argo-workflows"
    name_limit = 45

    def __init__(self, connect: Connect, settings: MetaflowSettings, context_namespace: str | None = None) -> None:
        """Args:
        connect: makes the Kubernetes clients.
        settings: Metaflow's configuration.
        context_namespace: the namespace that the kubeconfig's context names, by which Metaflow does not go.
        """
        self._connect = connect
        self._objects = KubernetesObjects(connect)
        self._settings = settings
        self._namespace = settings.kubernetes_namespace
        self._context_namespace = context_namespace

    def notices(self) -> tuple[str, ...]:
        """That Metaflow deploys to another namespace than the kubeconfig names, where nobody chose one."""
        named = self._context_namespace
        if named in (None, self._namespace) or self._settings.kubernetes_namespace_is_set:
            return ()
        notice = (
            f"The kubeconfig names the namespace `{named}`, but Metaflow deploys to `{self._namespace}`: it goes by "
            f"METAFLOW_KUBERNETES_NAMESPACE alone. Set it to `{named}` if that is meant."
        )
        return (notice,)

    def settings_for_create(self) -> Mapping[str, str]:
        """Which spelling of a schedule the installed CRD takes, from what the API server makes of a CronWorkflow that
        holds both and is not created (`dryRun`): that needs no right that a schedule does not need anyway."""
        try:
            tried = self._objects.try_create("CronWorkflow", documents.probe(), self._namespace)
        except DeployError as error:
            if error.failure.reason not in (FailureReason.PERMISSION, FailureReason.DEPLOY):
                raise
            # no right to schedule, no CRD, a webhook that takes no dry run: a flow with no schedule deploys all the
            # same, and one with a schedule is told by Metaflow's own request what is missing
            return {}
        takes = documents.takes_schedules(tried)
        return {} if takes is None else {documents.USE_SCHEDULES: str(takes).lower()}

    def read(self, deployment_id: str, flow_name: str | None = None) -> Deployment | None:  # noqa: ARG002
        """The WorkflowTemplate of that name, with its CronWorkflow, and with its Sensor where it has triggers."""
        template = self._objects.get("WorkflowTemplate", deployment_id, self._namespace)
        if template is None:
            return None
        self._check_is_metaflows(template)
        cron = self._objects.get("CronWorkflow", deployment_id, self._namespace)
        triggers = documents.triggers(template)
        sensor_name, sensor_namespace = self._sensor_place(template, deployment_id)
        sensor = self._sensor(sensor_name, sensor_namespace) if triggers else None
        return replace(
            self._deployment(template, cron),
            triggers=triggers if sensor is not None else (),
            problems=documents.problems(template, cron, sensor, f"{sensor_name} in {sensor_namespace}"),
        )

    def inventory(self) -> ArgoInventory:
        """All that Metaflow deployed to the namespace."""
        return ArgoInventory(
            self._connect,
            self._objects,
            self._namespace,
            sensor_namespace=self._settings.sensor_namespace,
            describe=self._deployment,
            run_url=self.run_url,
        )

    def _deployment(self, template: Object, cron: Object | None) -> Deployment:
        """What the template's annotations and the CronWorkflow tell; whether the Sensor stands is not among it."""
        deployment_id = str(template["metadata"]["name"])
        annotations = documents.annotations_of(template)
        schedule, timezone = documents.schedule(cron)
        token = annotations.get("metaflow/production_token")
        return Deployment(
            id=deployment_id,
            orchestrator=self.type,
            flow_name=annotations.get("metaflow/flow_name", deployment_id),
            namespace=self._namespace,
            url=self._argo_url(f"workflow-templates/{quote(self._namespace)}/{quote(deployment_id)}"),
            schedule=schedule,
            timezone=timezone,
            triggers=documents.triggers(template),
            metaflow_namespace=f"production:{token}" if token else None,
            owner=annotations["metaflow/owner"],
            project=annotations.get("metaflow/project_name"),
            project_branch=annotations.get("metaflow/branch_name"),
            version=documents.version(template, cron),
            provenance=documents.provenance(template),
            production_token=token,
            tags=documents.tags(template),
            deployed_at=documents.deployed_at(template),
            declared=documents.declared(template),
        )

    def create_tags(self, provenance: Provenance) -> tuple[str, ...]:
        """Tags for the runs; Metaflow also writes them to the template's annotations."""
        return run_tags(provenance)

    def stamp(self, deployment_id: str, provenance: Provenance) -> None:
        """Write the provenance to an annotation of the WorkflowTemplate, by the verb that Metaflow deploys with."""
        document = msgspec.json.encode(provenance).decode()

        def stamped(now: dict[str, Any]) -> dict[str, Any]:
            annotations = {**documents.annotations_of(now), ANNOTATION: document}
            return {**now, "metadata": {**now["metadata"], "annotations": annotations}}

        self._objects.change("WorkflowTemplate", deployment_id, self._namespace, stamped)

    def snapshot(self, deployment_id: str) -> Snapshot | None:
        """WorkflowTemplate, CronWorkflow and Sensor, less what only the server sets."""
        template = self._objects.get("WorkflowTemplate", deployment_id, self._namespace)
        objects = {
            "WorkflowTemplate": template,
            "CronWorkflow": self._objects.get("CronWorkflow", deployment_id, self._namespace),
            "Sensor": self._sensor(*self._sensor_place(template, deployment_id)),
        }
        return Snapshot(
            deployment_id=deployment_id,
            orchestrator=self.type,
            objects={kind: stripped(one) for kind, one in objects.items()},
        )

    def restore(self, snapshot: Snapshot) -> tuple[Change, ...]:
        """Put the three objects back, the Sensor wherever it went; what was not there is removed."""
        name = snapshot.deployment_id
        now = self._objects.get("WorkflowTemplate", name, self._namespace)
        before = snapshot.objects.get("Sensor")
        places = {self._sensor_place(now, name): None}
        if before is not None:
            places[before["metadata"]["name"], before["metadata"]["namespace"]] = before
        changes = [self._put_back("Sensor", *place, one) for place, one in places.items()]
        changes += [
            self._put_back(kind, name, self._namespace, snapshot.objects.get(kind))
            for kind in ("CronWorkflow", "WorkflowTemplate")
        ]
        return tuple(change for change in changes if change is not None)

    def run_state(self, deployment: Deployment, run_id: str, *, diagnose: bool = False) -> RunState | None:
        """The Workflow's phase, and what its tasks wait for; None where it is not there, or no more (Argo removes old
        ones), or is of another template."""
        workflow = self._get_workflow(deployment, run_id)
        if workflow is None or _template(workflow) not in (None, deployment.id):
            return None
        status = workflow.get("status") or {}
        state = _status(workflow)
        return RunState(
            status=state,
            started_at=_time(status.get("startedAt")),
            finished_at=_time(status.get("finishedAt")),
            message=status.get("message") or None,
            waiting=() if state.is_terminal else self._waiting(workflow),
            troubles=self._troubles(workflow) if diagnose and state is RunStatus.FAILED else (),
        )

    def run_url(self, deployment: Deployment, run_id: str) -> str | None:
        """The Metaflow UI's page, else Argo's."""
        if self._settings.ui_url:
            return f"{self._settings.ui_url.rstrip('/')}/{quote(deployment.flow_name)}/{quote(run_id)}"
        namespace = deployment.namespace or self._namespace
        return self._argo_url(f"workflows/{quote(namespace)}/{quote(_workflow_name(run_id))}")

    def trigger(self, deployment: Deployment, parameters: Mapping[str, Any], *, key: str) -> str:
        """Create a Workflow whose name is made of the key: the server refuses the name a second time."""
        name = documents.workflow_name_of_key(deployment.id, key)
        body = documents.workflow(name, deployment.id, self._settings.user or "unknown", parameters)
        self._objects.create("Workflow", body, deployment.namespace or self._namespace, exists_is_fine=True)
        return f"argo-{name}"

    def terminate(self, deployment: Deployment, run_id: str) -> Change:
        """Have Argo shut the Workflow down. Metaflow's own way, like its suspend and unsuspend, reads the field
        `status.finishedAt`, which Argo's full CRDs prune while it is null, and fails without a word."""
        return self._manage(deployment, run_id, Action.TERMINATED, "shutdown", "Terminate")

    def suspend(self, deployment: Deployment, run_id: str) -> Change:
        """Have Argo start no further pod. A step that runs goes on to its end."""
        return self._manage(deployment, run_id, Action.SUSPENDED, "suspend", True)

    def unsuspend(self, deployment: Deployment, run_id: str) -> Change:
        """Let Argo go on. Metaflow makes no suspend nodes, so that the Workflow's own switch is all there is."""
        return self._manage(deployment, run_id, Action.RESUMED, "suspend", None)

    def delete(self, deployment_id: str) -> tuple[Change, ...]:
        """Remove CronWorkflow, Sensor and WorkflowTemplate, the template last: what would start a run goes first. What
        was removed is put back where a later part cannot be.

        A Sensor's name has no dots, and its namespace may serve several with flows, so that two deployments' names may
        meet in one Sensor: what starts another template is left.
        """
        template = self._objects.get("WorkflowTemplate", deployment_id, self._namespace)
        if template is not None:
            self._check_is_metaflows(template)
        with put_back_on_failure(self, deployment_id):
            changes = [
                self._remove("CronWorkflow", deployment_id, self._namespace, deployment_id),
                self._remove("Sensor", *self._sensor_place(template, deployment_id), deployment_id),
            ]
            if template is not None and self._objects.delete("WorkflowTemplate", deployment_id, self._namespace):
                changes.append(_change("WorkflowTemplate", deployment_id, self._namespace, Action.REMOVED))
        return tuple(change for change in changes if change is not None)

    def _argo_url(self, path: str) -> str | None:
        base = self._settings.argo_ui_url
        return f"{base.rstrip('/')}/{path}" if base else None

    def _sensor_place(self, template: Object | None, name: str) -> tuple[str, str]:
        return documents.sensor_place(template, name, self._namespace, self._settings.sensor_namespace)

    def _sensor(self, name: str, namespace: str) -> dict[str, Any] | None:
        return self._objects.get("Sensor", name, namespace, missing_kind_is_none=True)

    def _check_is_metaflows(self, template: Object) -> None:
        if "metaflow/owner" in documents.annotations_of(template):
            return
        name = template["metadata"]["name"]
        raise DeployError(
            Failure(
                reason=FailureReason.DEPLOY,
                message=f"There is a WorkflowTemplate {name} in {self._namespace}, and Metaflow did not make it.",
                advice="Give another `deployment-name` or `deployment-id`, or remove that template.",
            )
        )

    def _put_back(self, kind: str, name: str, namespace: str, before: Object | None) -> Change | None:
        if before is None:
            removed = self._exists(kind, name, namespace) and self._objects.delete(kind, name, namespace)
            return _change(kind, name, namespace, Action.REMOVED) if removed else None
        if not self._exists(kind, name, namespace):
            self._objects.create(kind, before, namespace)
            return _change(kind, name, namespace, Action.CREATED)

        def as_before(now: dict[str, Any]) -> dict[str, Any] | None:
            if stripped(now) == before:
                return None
            version = now["metadata"]["resourceVersion"]
            return {**before, "metadata": {**before["metadata"], "resourceVersion": version}}

        changed = self._objects.change(kind, name, namespace, as_before)
        return _change(kind, name, namespace, Action.CHANGED_BACK) if changed is not None else None

    def _exists(self, kind: str, name: str, namespace: str) -> bool:
        return self._objects.get(kind, name, namespace, missing_kind_is_none=kind == "Sensor") is not None

    def _remove(self, kind: str, name: str, namespace: str, template: str) -> Change | None:
        one = self._objects.get(kind, name, namespace, missing_kind_is_none=kind == "Sensor")
        if one is None:
            return None
        elsewhere = kind == "Sensor" and any(where != self._namespace for _, where in started_by(one, namespace))
        if elsewhere or not documents.runs_template(one, template):
            note = f"it is not of {template}{f' in {self._namespace}' if elsewhere else ''} and stays"
            return _change(kind, name, namespace, Action.UNCHANGED, note)
        self._objects.delete(kind, name, namespace)
        return _change(kind, name, namespace, Action.REMOVED)

    def _get_workflow(self, deployment: Deployment, run_id: str) -> dict[str, Any] | None:
        return self._objects.get("Workflow", _workflow_name(run_id), deployment.namespace or self._namespace)

    def _manage(self, deployment: Deployment, run_id: str, action: Action, field: str, value: object) -> Change:
        """Write one field of the Workflow's spec, where that changes anything."""
        name, namespace = _workflow_name(run_id), deployment.namespace or self._namespace
        workflow = self._get_workflow(deployment, run_id)
        of = _template(workflow)
        if workflow is None or of != deployment.id:
            raise _no_such_run(deployment, run_id, of)
        state = _status(workflow)
        if state.is_terminal:
            return _change("Workflow", name, namespace, Action.UNCHANGED, f"it has ended already ({state})")
        if (workflow["spec"].get(field) or None) == value:
            note = "it was not suspended" if action is Action.RESUMED else f"it was {action} already"
            return _change("Workflow", name, namespace, Action.UNCHANGED, note)
        self._objects.patch("Workflow", name, {"spec": {field: value}}, namespace)
        return _change("Workflow", name, namespace, action)

    def _waiting(self, workflow: Object) -> tuple[str, ...]:
        if not tasks.has_pending_tasks(workflow):
            return tasks.waiting(workflow, ())
        pods, blind = self._pods(workflow, "Pending")
        return tasks.waiting(workflow, pods, blind)

    def _troubles(self, workflow: Object) -> tuple[TaskTrouble, ...]:
        pods, blind = self._pods(workflow, "Failed")
        return tasks.troubles(workflow, pods or (), blind)

    def _pods(self, workflow: Object, phase: str) -> tuple[list[dict[str, Any]] | None, str | None]:
        """The pods; None and the reason where the job may not read them, which costs words and no more."""
        name, namespace = workflow["metadata"]["name"], workflow["metadata"]["namespace"]
        try:
            return self._objects.pods(name, namespace, phase, MOST_PODS), None
        except DeployError as error:
            if error.failure.reason is not FailureReason.PERMISSION:
                raise
            return None, tasks.UNSEEN.format(missing_right(error.failure.evidence) or error.failure.message)


def _status(workflow: Object) -> RunStatus:
    state = PHASES.get(str((workflow.get("status") or {}).get("phase") or ""), RunStatus.RUNNING)
    if state is RunStatus.FAILED and (workflow.get("spec") or {}).get("shutdown"):
        return RunStatus.TERMINATED
    return state


def _template(workflow: Object | None) -> str | None:
    """The name of the WorkflowTemplate that a Workflow runs."""
    reference = ((workflow or {}).get("spec") or {}).get("workflowTemplateRef") or {}
    return reference.get("name")


def _change(kind: str, name: str, namespace: str, action: Action, note: str | None = None) -> Change:
    return Change(kind=kind, name=name, namespace=namespace, action=action, note=note)


def _workflow_name(run_id: str) -> str:
    return run_id.removeprefix("argo-")


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _no_such_run(deployment: Deployment, run_id: str, of: str | None) -> DeployError:
    what = f"it is a run of {of}" if of else "Argo has no such Workflow, or has it no more"
    return DeployError(
        Failure(
            reason=FailureReason.INPUT,
            message=f"{run_id} is no run of {deployment.id}: {what}.",
            advice="Correct the run's id, or the deployment's.",
        )
    )
