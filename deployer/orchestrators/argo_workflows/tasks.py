"""What a Workflow and its pods say of the tasks: what keeps them from running, and how they ended.

The workflow-controller copies a pod's reason into its node's message, which every Workflow shows; the pods themselves
say more (the image, the memory limit), and say it earlier. Pods may be hidden from the job by a Role: then the nodes'
messages are all there is, and it is said beside them that the pods cannot be read.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from deployer.orchestrators.clients.kubernetes_errors import missing_right
from deployer.orchestrators.clients.kubernetes_objects import Object
from deployer.orchestrators.driver import TaskTrouble

STEP = "metaflow/step_name"
NODE_ID = "workflows.argoproj.io/node-id"
MAIN = "main"
"""The container of a task; `init` and `wait` beside it are Argo's own."""
# Reasons of a waiting container: those that pass by themselves, and those of the image (kubelet's own words).
PASSING = frozenset({"", "ContainerCreating", "PodInitializing"})
IMAGE = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "ImageInspectError",
        "RegistryUnavailable",
    }
)
CREATION = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError", "PreCreateHookError"})
OUT_OF_MEMORY = "OOMKilled"
REASON = re.compile(r"(?P<reason>[A-Z]\w+): (?P<message>.*)", re.DOTALL)
ENDED = re.compile(
    r"(?:(?P<container>\S+): )?(?P<reason>\w+) \(exit code (?P<code>\d+)\)(?:: (?P<message>.*))?", re.DOTALL
)
LONGEST = 300
"""Characters of one reason: a scheduler with many nodes, a runtime with a long cause say more than a line holds."""
PREEMPTION = re.compile(r"(?<=\.) (?:no new claims to deallocate, )?preemption: .*", re.DOTALL)
"""What the scheduler adds on pods that it might have evicted."""
UNTOLD = "its pod may not tell Argo how it ended: {} docs/rbac.yaml has the Role for it"
UNSEEN = "the pods, which would say more, cannot be read: {} docs/rbac.yaml has the Role for it"
"""Takes the right that the job lacks."""
MORE_MEMORY = "Give the step more memory (`@kubernetes(memory=…)`) and merge again."
AGAIN = "Trigger it again; if it is ended again, give the step what it needs (`@kubernetes(memory=…, disk=…)`)."
RUNS_ROLE = "Add the right to the Role that the runs' service account is bound to, and trigger the run again."
FORGOTTEN = "pod deleted"
"""What the controller makes of a node whose executor never said that it was done, over what it knew of it before; the
pods of the Workflow's hooks tell more then."""
UNTAKEN = "the workflow never left Pending: no workflow-controller has taken it"
SUSPENDED = "the workflow is suspended; it goes on once it is resumed"


def waiting(workflow: Object, pods: Sequence[Object] | None, blind: str | None = None) -> tuple[str, ...]:
    """What keeps a Workflow that has not ended from going on, each in words.

    Args:
        workflow: as the API gives it.
        pods: its pending pods; None where they could not be read.
        blind: why the pods could not be read, told where a task waits for one.
    """
    status = workflow.get("status") or {}
    if (workflow.get("spec") or {}).get("suspend"):
        return (SUSPENDED,)
    if not status.get("phase"):
        return (UNTAKEN,)
    if status["phase"] == "Pending" and status.get("message"):
        return (str(status["message"]),)
    if pods is not None:
        told = [f"{_whose_pod(pod)}: {what}" for pod in pods if (what := _pod_waits(pod)) is not None]
    else:
        steps = _steps(workflow)
        pending = [node for node in _pods_of(_nodes(workflow)) if node.get("phase") == "Pending"]
        told = [f"{_whose_node(node, steps)}: {_node_waits(node)}" for node in pending if node.get("message")]
        if pending and blind is not None:
            told.append(blind)
    ended = [node for node in _pods_of(_nodes(workflow)) if missing_right(str(node.get("message")))]
    told += [UNTOLD.format(missing_right(str(node["message"]))) for node in ended]
    return tuple(dict.fromkeys(told))


def troubles(workflow: Object, pods: Iterable[Object], blind: str | None = None) -> tuple[TaskTrouble, ...]:
    """How the tasks of a Workflow ended badly, the first one first; what is no step of the flow is left out.

    Args:
        workflow: as the API gives it.
        pods: its failed pods, those that are left of them and may be read.
        blind: why the pods could not be read, told with each.
    """
    steps = _steps(workflow)
    by_node = {_annotation(pod, NODE_ID): pod for pod in pods}
    nodes = _nodes(workflow)
    well = {
        child
        for node in nodes
        if node.get("type") == "Retry" and node.get("phase") == "Succeeded"
        for child in node.get("children") or ()
    }
    failed = [
        node
        for node in _pods_of(nodes)
        if node.get("phase") in ("Failed", "Error") and node.get("id") not in well  # a later attempt went well
    ]
    lacks = next((right for node in failed if (right := missing_right(str(node.get("message"))))), None)
    found = []
    for node in sorted(failed, key=lambda node: str(node.get("finishedAt") or node.get("startedAt") or "")):
        step = steps.get(str(node.get("templateName")))
        if step is not None:
            message = str(node.get("message") or "")
            right = missing_right(message) or (lacks if message == FORGOTTEN else None)
            trouble = _trouble(step, message, by_node.get(str(node.get("id"))), right)
            found.append(trouble if blind is None else _with_advice(trouble, f"{blind[:1].upper()}{blind[1:]}."))
    return tuple(found)


def _nodes(workflow: Object) -> list[Mapping[str, Any]]:
    """All nodes. Argo compresses those of a large Workflow into one field."""
    status = workflow.get("status") or {}
    nodes = status.get("nodes")
    if not nodes and status.get("compressedNodes"):
        with suppress(ValueError, OSError):
            nodes = json.loads(gzip.decompress(base64.b64decode(status["compressedNodes"])))
    return list((nodes or {}).values())


def _pods_of(nodes: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [node for node in nodes if node.get("type") == "Pod"]


def has_pending_tasks(workflow: Object) -> bool:
    """Whether a task waits for its pod to run, or whether the Workflow does not say."""
    nodes = _pods_of(_nodes(workflow))
    return not nodes or any(node.get("phase") == "Pending" for node in nodes)


def _steps(workflow: Object) -> dict[str, str]:
    """The steps by the names of their templates: Argo's names have no underscores."""
    stored = (workflow.get("status") or {}).get("storedWorkflowTemplateSpec") or workflow.get("spec") or {}
    found = {}
    for template in stored.get("templates") or ():
        step = ((template.get("metadata") or {}).get("annotations") or {}).get(STEP)
        if step:
            found[str(template.get("name"))] = str(step)
    return found


def _annotation(pod: Object, name: str) -> str | None:
    return (pod["metadata"].get("annotations") or {}).get(name)


def _whose_pod(pod: Object) -> str:
    step = _annotation(pod, STEP)
    return f"step {step}" if step else f"pod {pod['metadata']['name']}"


def _whose_node(node: Mapping[str, Any], steps: Mapping[str, str]) -> str:
    step = steps.get(str(node.get("templateName")))
    return f"step {step}" if step else str(node.get("displayName"))


def _pod_waits(pod: Object) -> str | None:
    status = pod.get("status") or {}
    for container in [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]:
        state = (container.get("state") or {}).get("waiting") or {}
        if str(state.get("reason") or "") not in PASSING:
            return _words(state["reason"], state.get("message"), container.get("image"))
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return _words(condition.get("reason") or "Unschedulable", condition.get("message"))
    return None


def _node_waits(node: Mapping[str, Any]) -> str:
    message = str(node["message"])
    found = REASON.fullmatch(message)
    return _words(found["reason"], found["message"]) if found else _cut(message)


def _words(reason: str, message: object, image: object = None) -> str:
    """A reason of Kubernetes in words, with its own text behind."""
    said = f": {_cut(PREEMPTION.sub('', str(message)))}" if message else ""
    if reason == "Unschedulable":
        return f"pod unschedulable{said}"
    if reason in IMAGE:
        return f"image {f'{image} ' if image else ''}cannot be pulled ({reason}){said}"
    if reason in CREATION:
        return f"the container cannot be created ({reason}){said}"
    return f"{reason}{said}"


def _trouble(step: str, message: str, pod: Object | None, lacks: str | None) -> TaskTrouble:
    """From the pod, where it is left; else from what the controller made of it.

    Args:
        lacks: the right that Argo's executor, beside the task, lacks to tell how the task ended: that makes a failure
            of a task that may well have succeeded.
    """
    ended = _main_ended(pod) if pod is not None else None
    if ended is None:
        found = ENDED.search(message)
        ended = {"reason": found["reason"], "exitCode": int(found["code"])} if found else None
    evicted = ((pod or {}).get("status") or {}).get("reason")
    if ended is not None and ended.get("reason") == OUT_OF_MEMORY:
        limit = _memory_limit(pod)
        of = f" of {limit}" if limit else ""
        what = f"out of memory: the container used more than its limit{of} (OOMKilled, exit code {ended['exitCode']})"
        return TaskTrouble(step=step, what=what, detail=message, decides=True, advice=MORE_MEMORY)
    if evicted:
        what = f"the pod was ended by the cluster ({evicted}): {_cut(str((pod or {})['status'].get('message') or ''))}"
        return TaskTrouble(step=step, what=what, detail=message, decides=True, advice=AGAIN)
    if lacks:
        return TaskTrouble(step=step, what=UNTOLD.format(lacks), detail=message, decides=True, advice=RUNS_ROLE)
    if ended is not None:
        return TaskTrouble(step=step, what=f"exit code {ended['exitCode']}", detail=message)
    return TaskTrouble(step=step, what=_cut(message) or "its pod failed without a word", detail=message)


def _with_advice(trouble: TaskTrouble, more: str) -> TaskTrouble:
    return replace(trouble, advice=f"{trouble.advice} {more}".strip())


def _main_ended(pod: Object) -> Mapping[str, Any] | None:
    """How the task's container ended, where it ended badly."""
    for container in (pod.get("status") or {}).get("containerStatuses") or ():
        ended = (container.get("state") or {}).get("terminated") or {}
        if container.get("name") == MAIN and ended.get("exitCode"):
            return dict(ended)
    return None


def _memory_limit(pod: Object | None) -> str | None:
    for container in ((pod or {}).get("spec") or {}).get("containers") or ():
        if container.get("name") == MAIN:
            return ((container.get("resources") or {}).get("limits") or {}).get("memory")
    return None


def _cut(text: str) -> str:
    """A text on one line, of a length that a line can hold."""
    folded = re.sub(r"\s+", " ", text).strip()
    return folded if len(folded) <= LONGEST else f"{folded[:LONGEST]} …"
