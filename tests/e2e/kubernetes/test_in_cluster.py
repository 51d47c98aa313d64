"""A runner in the cluster: the action's own image in a pod, with no kubeconfig but the pod's service account.

The pod is made as the Kubernetes hook of the Actions Runner Controller makes that of a container action, as far as the
action meets it: the image's own entrypoint, its variables, the paths under /github, the service account that the hook's
template names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.docker.container_job import IMAGE, build_image, github_variables, input_variables
from sandbox.docker.engine import Engine
from sandbox.kubernetes.accounts import ACCOUNT, make_account
from sandbox.kubernetes.api import Api, path_of, wait_for
from sandbox.kubernetes.argo import GROUP
from sandbox.kubernetes.cluster import Cluster
from sandbox.runner import ROOT, push
from sandbox.world import World

SHA = "e" * 40
FILES = "job-files"
PLACES = {
    "hello.py": "/github/workspace/flows/hello.py",
    "HEAD": "/github/workspace/.git/HEAD",
    "event.json": "/github/workflow/event.json",
}
"""Where the pod finds each file of the ConfigMap; HEAD is what the action reads of a checkout."""
ENDED = ("Succeeded", "Failed")
LIMIT = 240.0
"""Seconds for a pod to start and to deploy a flow."""


@pytest.fixture(scope="module")
def image(engine: Engine, repositories: Path, cluster: Cluster) -> str:
    """The action's image, in the cluster."""
    if not cluster.takes_images(engine):
        pytest.skip(
            "the cluster of KUBECONFIG is neither ours nor kind's or k3d's here: the action's image can't be "
            "copied to its nodes"
        )
    build_image(engine, repositories / "OWNER" / "metaflow-deploy")
    cluster.load_image(engine, IMAGE)
    return IMAGE


def job_files() -> dict[str, str]:
    """A checkout of a commit with one flow, and the payload of a push."""
    flow = (ROOT / "examples" / "flows" / "hello.py").read_text()
    return {"hello.py": flow, "HEAD": SHA, "event.json": json.dumps(push(before="1" * 40, after=SHA))}


def job_pod(image: str, account: str, variables: Mapping[str, str]) -> dict[str, Any]:
    """A pod that runs the action once."""
    container = {
        "name": "job",
        "image": image,
        "imagePullPolicy": "Never",
        "workingDir": "/github/workspace",
        "env": [{"name": name, "value": value} for name, value in variables.items()],
        "volumeMounts": [
            {"name": "workspace", "mountPath": "/github/workspace"},
            {"name": "home", "mountPath": "/github/home"},
            *({"name": "files", "mountPath": path, "subPath": key} for key, path in PLACES.items()),
        ],
    }
    volumes = [
        {"name": "workspace", "emptyDir": {}},
        {"name": "home", "emptyDir": {}},
        {"name": "files", "configMap": {"name": FILES}},
    ]
    spec = {"serviceAccountName": account, "restartPolicy": "Never", "containers": [container], "volumes": volumes}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "job"}, "spec": spec}


def run_pod(api: Api, namespace: str, pod: Mapping[str, Any]) -> tuple[str, str]:
    """Run a pod to its end; its phase, and what it printed."""
    files = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": FILES}, "data": job_files()}
    api.apply(files, path_of("ConfigMap", FILES, namespace=namespace))
    path = path_of("Pod", str(pod["metadata"]["name"]), namespace=namespace)
    api.apply(pod, path)

    def phase() -> str | None:
        now = str((api.get(path) or {}).get("status", {}).get("phase", ""))
        return now if now in ENDED else None

    ended = wait_for(phase, what="the end of the job's pod", limit=LIMIT)
    return ended, api.text(f"{path}/log")


def reusable_inputs() -> dict[str, str]:
    """What deploy.yml gives the action, by its own expressions, where its caller gave no input and no secret."""
    workflow = yaml.load((ROOT / ".github" / "workflows" / "deploy.yml").read_text(), Loader=yaml.BaseLoader)
    (step,) = [one for one in workflow["jobs"]["deploy"]["steps"] if one.get("id") == "deploy"]
    known = {f"inputs.{name}": about["default"] for name, about in workflow["on"]["workflow_call"]["inputs"].items()}
    known |= {f"secrets.{name}": "" for name in workflow["on"]["workflow_call"]["secrets"]}
    known |= {"github.token": "", "github.workflow": "Deploy flows", "''": ""}  # a token would be for comments alone
    return {name: value_of(expression, known) for name, expression in step["with"].items()}


def value_of(expression: str, known: Mapping[str, str]) -> str:
    """The value of an expression of names, `||` and `format` over them, as GitHub takes it."""
    alternatives = expression.removeprefix("${{").removesuffix("}}").strip().split(" || ")
    values = []
    for one in alternatives:
        called = re.fullmatch(r"format\('([^']*)', (.+)\)", one)
        values.append(called[1].format(*(known[name] for name in called[2].split(", "))) if called else known[one])
    return next((value for value in values[:-1] if value not in ("", "0", "false")), values[-1])


def job_variables(
    cluster: Cluster, world: World, namespace: str, given: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The variables of a job on a push that deploys the flow; no kubeconfig is among them.

    Args:
        given: the step's other inputs; those that it does not name have action.yml's defaults.
    """
    environment = cluster.environment(world, namespace)
    del environment["KUBECONFIG"]
    inputs = input_variables({**(given or {}), "flow": "flows/hello.py", "comment": "off"})
    return {**environment, **github_variables("push", SHA), **inputs}


@pytest.mark.parametrize("by", ["a step", "deploy.yml"])
def test_the_action_in_a_pod_deploys_with_the_pods_service_account(
    by: str, image: str, cluster: Cluster, shared_world: World, namespace: str
) -> None:
    make_account(cluster.api(), namespace)
    given = reusable_inputs() if by == "deploy.yml" else {}
    assert given.get("kubeconfig", "") == ""
    pod = job_pod(image, ACCOUNT, job_variables(cluster, shared_world, namespace, given))
    phase, log = run_pod(cluster.api(), namespace, pod)
    assert phase == "Succeeded", log
    path = path_of("WorkflowTemplate", "helloflow", namespace=namespace, api=GROUP)
    template = cluster.api().get(path)
    assert template is not None, log
    assert SHA in json.dumps(template["metadata"]["annotations"]), "it carries the commit"


def test_a_pods_service_account_without_the_role_is_told_who_it_is(
    image: str, cluster: Cluster, shared_world: World, namespace: str
) -> None:
    pod = job_pod(image, "default", job_variables(cluster, shared_world, namespace))
    phase, log = run_pod(cluster.api(), namespace, pod)
    assert phase == "Failed", log
    assert f"system:serviceaccount:{namespace}:default lacks the verb" in log.replace("\\", "")
    assert "docs/rbac.yaml" in log
    path = path_of("WorkflowTemplate", "helloflow", namespace=namespace, api=GROUP)
    assert cluster.api().get(path) is None
