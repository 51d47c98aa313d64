"""What Workflows and pods say, as Kubernetes and Argo 3.7 were seen to say it."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest

from deployer.orchestrators.argo_workflows.tasks import has_pending_tasks, troubles, waiting

TEMPLATES = [
    {"name": "train-model", "metadata": {"annotations": {"metaflow/step_name": "train_model"}}},
    {"name": "error-msg-capture-hook"},
]


def workflow(*nodes: dict[str, Any], phase: str = "Running", **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "train-x", "namespace": "ml"},
        "spec": spec,
        "status": {
            "phase": phase,
            "nodes": {node["id"]: node for node in nodes},
            "storedWorkflowTemplateSpec": {"templates": TEMPLATES},
        },
    }


def node(phase: str, message: str | None = None, **more: Any) -> dict[str, Any]:
    made = {"id": "n1", "type": "Pod", "templateName": "train-model", "displayName": "train-model", "phase": phase}
    return {**made, **({"message": message} if message else {}), **more}


def pod(status: dict[str, Any], **more: Any) -> dict[str, Any]:
    annotations = {"metaflow/step_name": "train_model", "workflows.argoproj.io/node-id": "n1"}
    return {"metadata": {"name": "train-x-1", "annotations": annotations}, "spec": {}, "status": status, **more}


def waits(reason: str, message: str = "", image: str = "registry.example.com/a:1") -> dict[str, Any]:
    state = {"waiting": {"reason": reason, "message": message}}
    return pod({"containerStatuses": [{"name": "main", "image": image, "state": state}]})


UNSCHEDULABLE = pod(
    {
        "conditions": [
            {
                "type": "PodScheduled",
                "status": "False",
                "reason": "Unschedulable",
                "message": "0/3 nodes are available: 3 Insufficient memory. no new claims to deallocate, preemption: "
                "0/3 nodes are available: 3 No preemption victims found for incoming pod.",
            }
        ]
    }
)


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        (UNSCHEDULABLE, "step train_model: pod unschedulable: 0/3 nodes are available: 3 Insufficient memory."),
        (
            waits("ErrImagePull", "not found"),
            "step train_model: image registry.example.com/a:1 cannot be pulled (ErrImagePull): not found",
        ),
        (
            waits("CreateContainerConfigError", 'secret "keys" not found'),
            'step train_model: the container cannot be created (CreateContainerConfigError): secret "keys" not found',
        ),
        (waits("CrashLoopBackOff"), "step train_model: CrashLoopBackOff"),
    ],
)
def test_a_pod_says_what_it_waits_for(seen: dict[str, Any], told: str) -> None:
    assert waiting(workflow(node("Pending")), [seen]) == (told,)


@pytest.mark.parametrize("reason", ["ContainerCreating", "PodInitializing"])
def test_what_every_pod_goes_through_is_nothing_to_tell(reason: str) -> None:
    assert waiting(workflow(node("Pending")), [waits(reason)]) == ()


def test_many_tasks_that_wait_for_the_same_are_told_once() -> None:
    assert len(waiting(workflow(node("Pending")), [UNSCHEDULABLE] * 7)) == 1


def test_without_its_pods_the_workflow_says_what_it_can() -> None:
    told = workflow(node("Pending", "Unschedulable: 0/3 nodes are available: 3 Insufficient cpu."))
    expected = ("step train_model: pod unschedulable: 0/3 nodes are available: 3 Insufficient cpu.",)
    assert waiting(told, None) == expected
    assert waiting(told, None, "blind") == (*expected, "blind"), "what was not seen is told beside it"
    assert waiting(workflow(node("Pending")), None, "blind") == ("blind",)
    assert waiting(workflow(node("Running")), None, "blind") == ()


def test_a_workflow_that_waits_itself_says_so() -> None:
    assert "no workflow-controller" in waiting(workflow(phase=""), [])[0]
    assert "resumed" in waiting(workflow(suspend=True), [])[0]
    held = workflow(phase="Pending")
    held["status"]["message"] = "Workflow processing has been postponed because too many workflows are already running"
    assert waiting(held, []) == (held["status"]["message"],)


def ended(reason: str, code: int) -> dict[str, Any]:
    state = {"terminated": {"reason": reason, "exitCode": code}}
    status = {"containerStatuses": [{"name": "wait", "state": {}}, {"name": "main", "state": state}]}
    spec = {"containers": [{"name": "main", "resources": {"limits": {"memory": "64Mi"}}}]}
    return pod(status, spec=spec)


def test_out_of_memory_is_told_with_the_limit_and_decides() -> None:
    failed = workflow(node("Failed", "main: OOMKilled (exit code 137)"), phase="Failed")
    (trouble,) = troubles(failed, [ended("OOMKilled", 137)])
    assert (trouble.step, trouble.decides) == ("train_model", True)
    assert "more memory" in trouble.advice
    assert trouble.what == ("out of memory: the container used more than its limit of 64Mi (OOMKilled, exit code 137)")
    (trouble,) = troubles(failed, [])
    assert trouble.what == "out of memory: the container used more than its limit (OOMKilled, exit code 137)"


def test_an_exit_code_leaves_the_word_to_the_exception() -> None:
    failed = workflow(node("Failed", "main: Error (exit code 1): Traceback …"), phase="Failed")
    for pods in ([ended("Error", 1)], []):
        (trouble,) = troubles(failed, pods)
        assert (trouble.what, trouble.decides, trouble.advice) == ("exit code 1", False, "")


def test_pods_that_could_not_be_read_are_told_with_the_failure_but_not_over_an_exception() -> None:
    killed = workflow(node("Failed", "main: OOMKilled (exit code 137)"), phase="Failed")
    (trouble,) = troubles(killed, [], "the pods cannot be read: me lacks the verb `list` on `pods`")
    assert "more memory" in trouble.advice
    assert trouble.advice.endswith(". The pods cannot be read: me lacks the verb `list` on `pods`.")
    raised = workflow(node("Failed", "main: Error (exit code 1)"), phase="Failed")
    (trouble,) = troubles(raised, [], "blind")
    assert (trouble.advice, trouble.decides) == ("Blind.", False)


def test_a_right_that_the_runs_account_lacks_is_named() -> None:
    said = (
        'wait: Error (exit code 1): workflowtaskresults.argoproj.io is forbidden: User "system:serviceaccount:ml:runs" '
        'cannot create resource "workflowtaskresults" in API group "argoproj.io" in the namespace "ml"'
    )
    hook = node("Error", said, id="n2", templateName="error-msg-capture-hook")
    for failed in (workflow(node("Error", said)), workflow(node("Error", "pod deleted"), hook)):
        (trouble,) = troubles(failed, [])
        assert "system:serviceaccount:ml:runs lacks the verb `create` on `workflowtaskresults`" in trouble.what
        assert trouble.decides
        assert "Role" in trouble.advice
    (waits_for,) = waiting(workflow(node("Error", said)), ())
    assert "lacks the verb `create` on `workflowtaskresults`" in waits_for, "Argo waits for its word for minutes"
    (own,) = troubles(workflow(node("Failed", "main: Error (exit code 1)"), hook), [])
    assert own.what == "exit code 1", "what the task says of itself comes first"


def test_an_evicted_pod_is_told() -> None:
    status = {"reason": "Evicted", "message": "The node was low on resource: memory."}
    (trouble,) = troubles(workflow(node("Failed", "evicted"), phase="Failed"), [pod(status)])
    assert trouble.what == "the pod was ended by the cluster (Evicted): The node was low on resource: memory."
    assert trouble.decides


def test_an_attempt_that_a_later_one_made_good_is_no_trouble() -> None:
    retry = {"id": "r", "type": "Retry", "phase": "Succeeded", "children": ["n1", "n2"]}
    hook = node("Failed", "exit code 1", id="h", templateName="error-msg-capture-hook")
    well = workflow(node("Failed", "Error (exit code 1)"), node("Succeeded", id="n2"), retry, hook, phase="Failed")
    assert troubles(well, []) == ()


def test_the_first_that_failed_comes_first() -> None:
    later = node("Error", "later", id="n2", finishedAt="2026-11-24T06:00:05Z")
    first = node("Failed", "first", finishedAt="2026-11-24T06:00:01Z")
    assert [one.detail for one in troubles(workflow(later, first, phase="Failed"), [])] == ["first", "later"]


def test_the_nodes_of_a_large_workflow_are_compressed() -> None:
    large = workflow(phase="Failed")
    nodes = json.dumps({"n1": node("Failed", "main: OOMKilled (exit code 137)")}).encode()
    large["status"] |= {"nodes": None, "compressedNodes": base64.b64encode(gzip.compress(nodes)).decode()}
    assert troubles(large, [])[0].decides
    assert not has_pending_tasks(large)
