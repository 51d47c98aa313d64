"""What the job's Python settings and the checkout's modules can do to the action's own processes: nothing."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from deployer.credentials.aws import Cluster, cluster_kubeconfig
from sandbox.runner import ISOLATED, ROOT, JobEvent, Runner, push

SHA = "4" * 40
PUSH = JobEvent(name="push", payload=push(before="1" * 40, after=SHA), sha=SHA)
FLOW = """
import os, sys
import shared
from metaflow import FlowSpec, step

print("PATH", sys.path[:2], "PYTHONPATH", os.environ["PYTHONPATH"], shared.WORD)


class SharedFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    SharedFlow()
"""
HIJACKED = ("jinja2", "secrets", "sitecustomize", "usercustomize", "yaml", "msgspec", "deployer", "boto3")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose `src/` has a module for the flow, and others by the names of what the action imports."""
    root = tmp_path / "checkout"
    source = root / "flows" / "src"
    source.mkdir(parents=True)
    (root / "flows" / "flow.py").write_text(FLOW)
    (source / "shared.py").write_text("WORD = 'shared'\n")
    for name in HIJACKED:
        mark = tmp_path / "hijacked"
        (source / f"{name}.py").write_text(f"open({str(mark)!r}, 'a').write('{name}\\n')\n")
    return root


@pytest.mark.parametrize("requirements", ["", "# nothing beside the image's own"], ids=["image", "overlay"])
def test_pythonpath_is_for_the_flow_alone(requirements: str, runner: Runner, checkout: Path, tmp_path: Path) -> None:
    source = checkout / "flows" / "src"
    runner.environment["PYTHONPATH"] = "src"  # from `working-directory`, as for `python flow.py` in there
    inputs = {"flow": "flow.py", "working-directory": "flows", "orchestrator": "step-functions", "comment": "off"}
    result = runner.run(PUSH, {**inputs, "requirements": requirements}, workspace=checkout)
    assert result.exit_code == 0, result.log
    assert not (tmp_path / "hijacked").exists(), (tmp_path / "hijacked").read_text()
    printed = re.findall(r"^PATH (.*) PYTHONPATH (\S+) (\w+)$", result.log, re.MULTILINE)
    assert {(path, word) for _, path, word in printed} == {("src", "shared")}
    assert f"[{str(checkout / 'flows')!r}, {str(source)!r}]" in {path for path, _, _ in printed}, (
        "as Python orders them"
    )


def test_no_python_variable_and_no_users_package_changes_the_action(
    runner: Runner, workspace: Path, tmp_path: Path
) -> None:
    mark = tmp_path / "hijacked"
    text = f"open({str(mark)!r}, 'a').write(__name__)\n"
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    user = tmp_path / "user"
    packages = user / "lib" / version / "site-packages"
    packages.mkdir(parents=True)
    (packages / "usercustomize.py").write_text(text)
    (packages / "own.pth").write_text(f"import sys; {text}")
    (tmp_path / "startup.py").write_text(text)
    runner.environment |= {
        "PYTHONHOME": str(tmp_path / "nothing"),
        "PYTHONINSPECT": "1",
        "PYTHONSTARTUP": str(tmp_path / "startup.py"),
        "PYTHONUSERBASE": str(user),
        "PYTHONWARNINGS": "error",
        "PYTHONBREAKPOINT": "os.abort",
    }
    inputs = {"flow": "flows/hello.py", "orchestrator": "step-functions", "comment": "off"}
    result = runner.run(PUSH, {**inputs, "requirements": "# an overlay"}, workspace=workspace)
    assert result.exit_code == 0, result.log
    assert not mark.exists()


def test_a_module_of_the_checkout_is_no_part_of_the_action(runner: Runner, workspace: Path, tmp_path: Path) -> None:
    """The container starts in the workspace."""
    for name in HIJACKED:
        (workspace / f"{name}.py").write_text(f"open({str(tmp_path / 'hijacked')!r}, 'a').write('{name}\\n')\n")
    inputs = {"flow": "flows/hello.py", "orchestrator": "step-functions", "comment": "off"}
    result = runner.run(PUSH, inputs, workspace=workspace)
    assert result.exit_code == 0, result.log
    assert not (tmp_path / "hijacked").exists()


def test_the_plugin_that_makes_eks_tokens_is_isolated_too(tmp_path: Path) -> None:
    """Kubernetes' client starts it with the environment of a flow's process."""
    for name in (*HIJACKED, "botocore"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'hijacked')!r}, 'a').write('{name}\\n')\n")
    cluster = Cluster(name="prod", endpoint="https://example.com", certificate_authority="eA==", region="eu-west-1")
    plugin = cluster_kubeconfig(cluster)["users"][0]["user"]["exec"]
    keys = {"AWS_ACCESS_KEY_ID": "looker", "AWS_SECRET_ACCESS_KEY": "looker", "PYTHONPATH": str(tmp_path)}
    command = [plugin["command"], *plugin["args"]]
    done = subprocess.run(command, env=keys, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "k8s-aws-v1." in done.stdout
    assert not (tmp_path / "hijacked").exists()


def test_the_image_starts_the_action_as_the_runner_does() -> None:
    entrypoint = re.search(r"^ENTRYPOINT (\[.*\])$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert entrypoint is not None, "in exec form: no shell reads the job's variables"
    command = [part.strip('",') for part in shlex.split(entrypoint[1].strip("[]"))]
    assert command == ["/opt/action/bin/python", *ISOLATED, "-m", "deployer"]


def test_the_installed_package_has_all_that_the_action_reads(tmp_path: Path) -> None:
    """As the Dockerfile installs it, without an index; what it imports is this environment's."""
    from uv import find_uv_bin

    target = tmp_path / "installed"
    install = [find_uv_bin(), "pip", "install", "--quiet", "--offline", "--no-deps", "--no-cache"]
    subprocess.run([*install, "--target", str(target), str(ROOT)], check=True)
    files = {path.relative_to(ROOT) for path in (ROOT / "deployer").rglob("*") if path.suffix in (".py", ".j2")}
    assert {path for path in files if not (target / path).is_file()} == set()
