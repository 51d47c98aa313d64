"""A flow is opened as Python runs the file that it is started with, though Metaflow was imported before it."""

from __future__ import annotations

import io
import json
import re
import tarfile
from pathlib import Path

import pytest

from sandbox.aws.resources import BUCKET
from sandbox.kubernetes_api.control import KubernetesControl
from sandbox.runner import JobEvent, JobResult, Runner, push
from sandbox.world import World

SHA = "f" * 40
PUSH = JobEvent(name="push", payload=push(before="1" * 40, after=SHA), sha=SHA)
STEPS = (
    "    @step\n    def start(self):\n        self.next(self.end)\n\n    @step\n    def end(self):\n        pass\n\n\n"
    'if __name__ == "__main__":\n    '
)


def deploy(runner: Runner, workspace: Path, cluster: KubernetesControl, text: str, **environment: str) -> JobResult:
    (workspace / "flows" / "flow.py").write_text(text)
    runner.environment |= {"METAFLOW_KUBERNETES_CONTAINER_IMAGE": "registry.example.com/flows:1", **environment}
    inputs = {"flow": "flows/flow.py", "kubeconfig": cluster.kubeconfig(), "comment": "off"}
    return runner.run(PUSH, inputs, workspace=workspace)


def test_what_a_flow_sets_before_it_imports_metaflow_counts(
    runner: Runner, workspace: Path, cluster: KubernetesControl
) -> None:
    text = (
        'import os\n\nos.environ["METAFLOW_KUBERNETES_CONTAINER_IMAGE"] = "registry.example.com/of-the-flow:2"\n'
        'os.environ.pop("METAFLOW_KUBERNETES_SECRETS")\n'
        'from metaflow import FlowSpec, step\n\nos.environ["METAFLOW_KUBERNETES_CONTAINER_IMAGE"] = "too-late:3"\n\n\n'
        f"class ConfiguresFlow(FlowSpec):\n{STEPS}ConfiguresFlow()\n"
    )
    result = deploy(runner, workspace, cluster, text, METAFLOW_KUBERNETES_SECRETS="of-the-job")
    assert result.exit_code == 0, result.log
    template = cluster.get("workflowtemplates", "configuresflow")
    assert template is not None
    containers = [one["container"] for one in template["spec"]["templates"] if "container" in one]
    assert {one["image"] for one in containers} == {"registry.example.com/of-the-flow:2"}
    assert not any(one.get("envFrom") for one in containers), "the variable that the flow took away is none for it"


def test_the_code_package_of_a_flow_with_a_mutator_holds_the_flow_as_the_main_module(
    runner: Runner, workspace: Path, cluster: KubernetesControl, world: World
) -> None:
    text = (
        "from metaflow import FlowMutator, FlowSpec, step\n\n\nclass nothing(FlowMutator):\n"
        "    def mutate(self, mutable_flow):\n        pass\n\n\n"
        f"@nothing\nclass MutatedFlow(FlowSpec):\n{STEPS}MutatedFlow()\n"
    )
    result = deploy(runner, workspace, cluster, text)
    assert result.exit_code == 0, result.log
    found = re.search(
        rf"s3://{BUCKET}/([^\"\s]+/data/[0-9a-f/]+)", json.dumps(cluster.get("workflowtemplates", "mutatedflow"))
    )
    assert found is not None
    package = world.client("s3").get_object(Bucket=BUCKET, Key=found[1])["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(package)) as files:
        mains = [one for one in files.getmembers() if one.name.endswith("__mp_main__.py")]
        assert [files.extractfile(one).read().decode() for one in mains] == [text]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("folder", "pythonpath", "head"),
    [
        ("flows", None, ""),
        ("libraries", "libraries", ""),
        ("flows/own", None, "import os, sys\n\nsys.path.insert(0, os.path.join(os.path.dirname(__file__), 'own'))\n"),
    ],
    ids=["beside-the-flow", "pythonpath", "sys-path"],
)
def test_extensions_of_metaflow_on_the_flows_import_path_are_loaded(
    folder: str, pythonpath: str | None, head: str, runner: Runner, workspace: Path, cluster: KubernetesControl
) -> None:
    """Metaflow looks for them when it is imported, and the warm process does not have the flow's import path."""
    configuration = workspace / folder / "metaflow_extensions" / "acme" / "config"
    configuration.mkdir(parents=True)
    (configuration / "mfextinit_acme.py").write_text('KUBERNETES_CONTAINER_IMAGE = "of-the-extension:4"\n')
    name = f"Extended{len(folder)}Flow"
    text = f"{head}from metaflow import FlowSpec, step\n\n\nclass {name}(FlowSpec):\n{STEPS}{name}()\n"
    variables = {"PYTHONPATH": pythonpath} if pythonpath else {}
    result = deploy(runner, workspace, cluster, text, **variables)
    assert result.exit_code == 0, result.log
    template = cluster.get("workflowtemplates", name.lower())
    assert template is not None
    images = {one["container"]["image"] for one in template["spec"]["templates"] if "container" in one}
    assert images == {"of-the-extension:4"}
