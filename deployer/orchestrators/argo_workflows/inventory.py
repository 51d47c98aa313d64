"""What stands in Argo Workflows: WorkflowTemplates, their CronWorkflows, Sensors and Workflows, listed page by page.

Of templates and Workflows only the metadata is asked for (`PartialObjectMetadataList`, Kubernetes API concepts:
receiving resources as metadata), since a template may have a megabyte and all that is told of it stands in its
annotations. A Workflow's template shows in its name (`names`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from deployer.orchestrators.argo_workflows.names import ByTemplate, is_named_after
from deployer.orchestrators.argo_workflows.objects import annotations_of, sensor_place
from deployer.orchestrators.argo_workflows.orphans import ArgoLeftovers
from deployer.orchestrators.clients.kubernetes_errors import NOT_FOUND, failures
from deployer.orchestrators.clients.kubernetes_objects import (
    GROUP,
    PLURALS,
    VERSION,
    Connect,
    KubernetesObjects,
    Object,
)
from deployer.orchestrators.inventory import Activity, DeploymentFilter, Listing
from deployer.outcome import Change, DeployError, Deployment, DeploymentRow, FailureReason, Run, RunStatus

REQUEST_SECONDS = (10, 30)
"""To connect, and to be answered: a page is larger than an object."""
PAGE = 500
"""Objects a page; what kubectl asks for."""
RESTARTS = 3
"""How often a listing begins anew whose continuation the server has forgotten (410, after some five minutes)."""
GONE = 410
METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
PHASE = "workflows.argoproj.io/phase"
COMPLETED = "workflows.argoproj.io/completed"
CRON = "workflows.argoproj.io/cron-workflow"
PHASES = {
    "Running": RunStatus.RUNNING,
    "Succeeded": RunStatus.SUCCEEDED,
    "Failed": RunStatus.FAILED,
    "Error": RunStatus.FAILED,
}


@dataclass(frozen=True)
class _Started:
    """What a Workflow's metadata tells."""

    name: str
    at: datetime
    status: RunStatus


class ArgoInventory:
    """The inventory; see `deployer.orchestrators.inventory.Inventory`."""

    run_ids_tell = True

    def __init__(
        self,
        connect: Connect,
        objects: KubernetesObjects,
        namespace: str,
        *,
        sensor_namespace: str | None,
        describe: Callable[[Object, Object | None], Deployment],
        run_url: Callable[[Deployment, str], str | None],
    ) -> None:
        """Args:
        connect: makes the Kubernetes clients.
        objects: single objects.
        namespace: where Metaflow deploys to.
        sensor_namespace: where it puts Sensors; None: to the same namespace.
        describe: makes a deployment of a WorkflowTemplate's metadata and its CronWorkflow.
        run_url: the page of a run.
        """
        self._api, _ = connect()
        self._metadata_api = _metadata_only(self._api)
        self._objects = objects
        self._namespace = namespace
        self._sensor_namespace = sensor_namespace or namespace
        self._alone = ArgoLeftovers(objects, namespace)
        self._describe = describe
        self._run_url = run_url

    def listing(self, wanted: DeploymentFilter, *, runs: bool = True, leftovers: bool = False) -> Listing:  # noqa: ARG002
        """Templates, CronWorkflows and Workflows, each kind in pages of 500: no request for a single deployment."""
        crons = {_name(one): one for one in self._list("CronWorkflow", self._namespace, whole=True)}
        templates = self._list("WorkflowTemplate", self._namespace)
        started = self._started()
        ours = [one for one in templates if "metaflow/owner" in annotations_of(one)]
        rows = [self._row(one, crons.get(_name(one)), started.of(_name(one))) for one in ours]
        rows = [row for row in rows if row.deployment is not None and wanted.takes(row.deployment)]
        warnings: list[str] = []
        if leftovers:
            alone, warnings = self._leftovers(templates, crons, wanted)
            rows += alone
        return Listing(
            rows=tuple(sorted(rows, key=lambda row: row.id)),
            standing=len(ours),
            place=f"namespace {self._namespace}",
            warnings=tuple(warnings),
        )

    def latest_runs(self, deployment: Deployment, limit: int) -> tuple[Run, ...]:
        """The newest Workflows of the template; those that Argo has removed are not among them."""
        newest = sorted(self._started().of(deployment.id), key=lambda one: one.at, reverse=True)[:limit]
        return tuple(self._run(one, deployment) for one in newest)

    def activity(self, deployments: Sequence[Deployment], since: datetime) -> tuple[Activity, ...]:  # noqa: ARG002
        """What the cluster still has; runs that Argo has removed since are Metaflow's to tell."""
        started = self._started()
        crons = {_name(one): one for one in self._list("CronWorkflow", self._namespace, whole=True)}
        return tuple(
            Activity(
                deployment_id=one.id,
                last_run_at=_last(started.of(one.id), crons.get(one.id)),
                active=any(not run.status.is_terminal for run in started.of(one.id)),
                deployed_at=one.deployed_at,
            )
            for one in deployments
        )

    def has_run(self, deployment: Deployment, run_id: str) -> bool | None:
        """A run's id is `argo-` and the name of its Workflow, which is named after the template."""
        is_ours = run_id.startswith("argo-")
        return is_named_after(run_id.removeprefix("argo-"), deployment.id) if is_ours else False

    def delete_leftovers(self, row: DeploymentRow) -> tuple[Change, ...]:
        """Remove the CronWorkflow or the Sensor, where it still stands alone."""
        return self._alone.delete(row)

    def _row(self, template: Object, cron: Object | None, started: Sequence[_Started]) -> DeploymentRow:
        deployment: Deployment = self._describe(template, cron)
        newest = max(started, key=lambda one: one.at, default=None)
        return DeploymentRow(
            id=deployment.id,
            orchestrator="argo-workflows",
            deployment=deployment,
            runs=(self._run(newest, deployment),) if newest is not None else (),
            last_run_at=_last(started, cron),
            active=any(not one.status.is_terminal for one in started),
        )

    def _run(self, one: _Started, deployment: Deployment) -> Run:
        run_id = f"argo-{one.name}"
        return Run(
            id=run_id,
            pathspec=f"{deployment.flow_name}/{run_id}",
            status=one.status,
            url=self._run_url(deployment, run_id),
            started_at=one.at,
            begun=one.status is not RunStatus.PENDING,
        )

    def _started(self) -> ByTemplate[_Started]:
        """All Workflows of the namespace by their template."""
        found: ByTemplate[_Started] = ByTemplate()
        for one in self._list("Workflow", self._namespace):
            labels = one["metadata"].get("labels") or {}
            status = PHASES.get(labels.get(PHASE, ""), RunStatus.PENDING)
            found.add(_name(one), _Started(_name(one), _created(one), status), labels.get(CRON))
        return found

    def _leftovers(
        self, templates: Sequence[Object], crons: Mapping[str, Object], wanted: DeploymentFilter
    ) -> tuple[list[DeploymentRow], list[str]]:
        names = {_name(one) for one in templates}
        # a CronWorkflow says nothing of flow, project and tags: what asks for them does not mean it
        rows = self._alone.crons(crons, names) if wanted.is_open else []
        expected = {sensor_place(one, _name(one), self._namespace) for one in templates}
        warnings = []
        for namespace in sorted({self._namespace, self._sensor_namespace, *(where for _, where in expected)}):
            sensors, warning = self._sensors(namespace)
            warnings += [warning] if warning else []
            rows += self._alone.sensors(sensors, namespace, templates=names, expected=expected, wanted=wanted)
        return rows, warnings

    def _sensors(self, namespace: str) -> tuple[list[Object], str | None]:
        """The Sensors of a namespace: none without Argo Events; told where they may not be listed."""
        try:
            return self._list("Sensor", namespace, whole=True, missing_kind_is_empty=True), None
        except DeployError as error:
            if error.failure.reason is not FailureReason.PERMISSION:
                raise
            return [], f"Sensors that were left behind in {namespace} were not looked for. {error.failure.message}"

    def _list(
        self, kind: str, namespace: str, *, whole: bool = False, missing_kind_is_empty: bool = False
    ) -> list[Object]:
        """All objects of a kind; from the first page again where the server has forgotten how to go on."""
        from kubernetes.client import ApiException

        with failures(f"listing the {kind}s in {namespace}"):
            for left in reversed(range(RESTARTS)):
                try:
                    return list(self._pages(kind, namespace, self._api if whole else self._metadata_api))
                except ApiException as error:
                    if missing_kind_is_empty and error.status == NOT_FOUND:
                        return []
                    if error.status != GONE or not left:
                        raise
        raise AssertionError("the last attempt returns or raises")

    def _pages(self, kind: str, namespace: str, api: Any) -> Iterator[Object]:
        following: dict[str, str] = {}
        while True:
            page = api.list_namespaced_custom_object(
                GROUP, VERSION, namespace, PLURALS[kind], limit=PAGE, **following, _request_timeout=REQUEST_SECONDS
            )
            yield from page.get("items") or ()
            token = (page.get("metadata") or {}).get("continue")
            if not token:
                return
            following = {"_continue": token}


def _metadata_only(api: Any) -> Any:
    """The same API, asked for nothing but metadata."""
    from kubernetes.client import ApiClient, CustomObjectsApi

    configuration = api.api_client.configuration
    return CustomObjectsApi(ApiClient(configuration, header_name="Accept", header_value=METADATA_ONLY))


def _name(one: Object) -> str:
    return str(one["metadata"]["name"])


def _created(one: Object) -> datetime:
    return datetime.fromisoformat(one["metadata"]["creationTimestamp"])


def _last(started: Sequence[_Started], cron: Object | None) -> datetime | None:
    """When the last run started: a Workflow that stands, or the last one of the schedule, removed since or not."""
    times = [one.at for one in started]
    if any(not one.status.is_terminal for one in started):
        times.append(datetime.now(UTC))
    scheduled = ((cron or {}).get("status") or {}).get("lastScheduledTime")
    if scheduled:
        times.append(datetime.fromisoformat(scheduled))
    return max(times, default=None)
