"""What Metaflow writes into Argo's objects, read without asking anybody.

Where Metaflow keeps what, read from metaflow/plugins/argo (2.19): owner, production token, project, Parameters,
schedule and triggers in the WorkflowTemplate's annotations; the schedule itself in a CronWorkflow of the same name,
which stays, suspended, when the schedule goes; the triggers in a Sensor that annotations name, in a namespace of its
own where METAFLOW_ARGO_EVENTS_SENSOR_NAMESPACE says so.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import msgspec

from deployer.orchestrators.clients.kubernetes_objects import GROUP, VERSION, Object
from deployer.orchestrators.declared import of_template
from deployer.orchestrators.provenance import ANNOTATION
from deployer.outcome import DeclaredParameters, Provenance

NAME_LIMIT = 63
PROBED = "0 0 1 1 *"
USE_SCHEDULES = "METAFLOW_ARGO_WORKFLOWS_USE_SCHEDULES"
KNOWS_SCHEDULES = "Metaflow 2.19.32"
"""The first release with that setting (its metaflow_config.py; 2.19.31 has none)."""


def annotations_of(one: Object | None) -> dict[str, str]:
    """The object's annotations."""
    return dict((one or {}).get("metadata", {}).get("annotations") or {})


def schedule(cron: Object | None) -> tuple[str | None, str | None]:
    """Cron expression and time zone of a CronWorkflow that is not suspended, in either of Argo's spellings."""
    spec = (cron or {}).get("spec") or {}
    if not spec or spec.get("suspend"):
        return None, None
    schedules = spec.get("schedules") or [spec.get("schedule")]
    return "; ".join(filter(None, schedules)) or None, spec.get("timezone") or None


def triggers(template: Object) -> tuple[str, ...]:
    """What else starts a run, in words; `metaflow.TrainFlow.end` is the event of a finished run."""
    words = []
    for trigger in _json(annotations_of(template).get("metaflow/triggers"), []):
        name = str(trigger.get("name", ""))
        finished = re.fullmatch(r"metaflow\.(?P<flow>.+)\.end", name)
        words.append(f"when {finished['flow']} finishes" if finished else f"on event {name}")
    return tuple(words)


def sensor_place(
    template: Object | None, name: str, namespace: str, sensor_namespace: str | None = None
) -> tuple[str, str]:
    """Name and namespace of the deployment's Sensor, which names no dots.

    Args:
        template: the WorkflowTemplate, if one stands. With triggers it says where the Sensor is; a Metaflow that knew
            of no other namespace than the flows' says nothing.
        name: the deployment's.
        namespace: the flows'.
        sensor_namespace: where a deployment without a Sensor would get one; None: with the flows.
    """
    found = annotations_of(template)
    without = namespace if triggers(template or {}) else sensor_namespace or namespace
    return (
        found.get("metaflow/sensor_name") or name.replace(".", "-"),
        found.get("metaflow/sensor_namespace") or without,
    )


def provenance(template: Object) -> Provenance | None:
    """Where the deployment came from, as this action stamped it."""
    with suppress(msgspec.DecodeError):
        return msgspec.json.decode(annotations_of(template).get(ANNOTATION, ""), type=Provenance)
    return None


def version(template: Object, cron: Object | None) -> str:
    """What tells one version from the next. Metaflow writes a time with every deployment; our own stamp, and the
    server's own fields, do not count."""
    written = annotations_of(template).get("metaflow/deployment_timestamp") or template.get("spec")
    return hashlib.sha256(json.dumps([written, (cron or {}).get("spec")], sort_keys=True).encode()).hexdigest()[:16]


def tags(template: Object) -> tuple[str, ...]:
    """The Metaflow tags that the template gives its runs."""
    return tuple(str(tag) for tag in _json(annotations_of(template).get("metaflow/tags"), []))


def declared(template: Object) -> DeclaredParameters:
    """The flow's Parameters, as Metaflow wrote them."""
    arguments = ((template.get("spec") or {}).get("arguments") or {}).get("parameters") or ()
    return of_template(annotations_of(template).get("metaflow/parameters"), [str(one["name"]) for one in arguments])


def deployed_at(template: Object) -> datetime | None:
    """When it was deployed last, as Metaflow wrote it; before Metaflow did, when anybody changed it last."""
    written = annotations_of(template).get("metaflow/deployment_timestamp")
    with suppress(ValueError):
        at = datetime.fromisoformat(written or "")
        return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    metadata = template["metadata"]
    times = [metadata.get("creationTimestamp"), *(one.get("time") for one in metadata.get("managedFields") or ())]
    return max((datetime.fromisoformat(time) for time in times if time), default=None)


def problems(template: Object, cron: Object | None, sensor: Object | None, sensor_name: str) -> tuple[str, ...]:
    """What the template's annotations promise and the other objects do not hold; what Argo refuses of the schedule."""
    found = []
    promised = _json(annotations_of(template).get("metaflow/cron"), {}).get("schedule")
    if promised and cron is None:
        found.append(f"The flow's schedule `{promised}` is missing: there is no CronWorkflow of that name.")
    elif promised and not (cron or {}).get("spec", {}).get("suspend") and schedule(cron)[0] is None:
        found.append(f"The flow's schedule `{promised}` is missing: the CronWorkflow has none.")
    refused = _condition(cron, "SpecError") if promised else None
    if refused is not None:
        hint = f"; set {USE_SCHEDULES}=true" if "at least one schedule" in refused else ""
        found.append(f"Argo does not follow the flow's schedule `{promised}`: {refused}{hint}.")
    if triggers(template) and sensor is None:
        found.append(f"The flow's trigger is missing: there is no Sensor {sensor_name}, so no event starts a run.")
    return tuple(found)


def runs_template(one: Object | None, name: str) -> bool:
    """Whether a CronWorkflow or a Sensor starts runs of this WorkflowTemplate, and is Metaflow's own by that."""
    spec = (one or {}).get("spec") or {}
    if "workflowSpec" in spec:
        return bool((spec["workflowSpec"].get("workflowTemplateRef") or {}).get("name") == name)
    started = [(trigger.get("template") or {}).get("name") for trigger in spec.get("triggers") or ()]
    return bool(started) and set(started) == {name}


def probe() -> dict[str, Any]:
    """A CronWorkflow in both of Argo's spellings: what the API server makes of it tells which of them its CRD knows.

    `schedule` was all that there was before Argo 3.6 and is gone since 4.0 (argo-workflows.readthedocs.io,
    Deprecations). A CRD with a schema drops the fields that it does not know.
    """
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "CronWorkflow",
        "metadata": {"generateName": "metaflow-deploy-"},
        "spec": {
            "schedule": PROBED,
            "schedules": [PROBED],
            "suspend": True,
            "workflowSpec": {"workflowTemplateRef": {"name": "metaflow-deploy"}},
            "metaflowDeploy": True,  # known to no schema: kept where there is none
        },
    }


def takes_schedules(tried: Object) -> bool | None:
    """Whether the cluster's CronWorkflows have `schedules`, from what became of the `probe`.

    None: its CRD has no schema (Argo's minimal CRDs) and says nothing of the controller's version.
    """
    spec = tried.get("spec") or {}
    if "metaflowDeploy" in spec:
        return None
    return "schedules" in spec


def workflow(name: str, template: str, user: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """A Workflow that runs a WorkflowTemplate, as Metaflow writes it."""
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "Workflow",
        "metadata": {
            "name": name,
            "annotations": {"metaflow/triggered_by_user": json.dumps({"type": "user", "name": user})},
        },
        "spec": {
            "workflowTemplateRef": {"name": template},
            "arguments": {
                "parameters": [{"name": each, "value": json.dumps(value)} for each, value in parameters.items()]
            },
        },
    }


def workflow_name_of_key(template: str, key: str) -> str:
    """A Workflow's name, the same for the same key, within what Kubernetes takes as a label."""
    digest = hashlib.sha256(key.encode()).hexdigest()[:10]
    return f"{template[: NAME_LIMIT - 11].rstrip('-.')}-{digest}"


def _condition(cron: Object | None, kind: str) -> str | None:
    """The message of a condition that holds."""
    for condition in ((cron or {}).get("status") or {}).get("conditions") or ():
        if condition.get("type") == kind and condition.get("status") == "True":
            return str(condition.get("message") or kind)
    return None


def _json(text: str | None, default: Any) -> Any:
    """What an annotation holds as JSON, where it is of the default's type."""
    with suppress(ValueError):
        found = json.loads(text or "null")
        if isinstance(found, type(default)):
            return found
    return default
