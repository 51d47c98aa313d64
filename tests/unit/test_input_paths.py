"""Paths in the inputs: what is missing, what leads out of the checkout, and what the message proposes."""

import re
from pathlib import Path

import pytest

from deployer.inputs import Inputs, check_paths, read_inputs
from deployer.outcome import FailureReason


def read(**inputs: str) -> Inputs:
    given = {"flow": "flows/train.py", **inputs}
    return read_inputs({f"INPUT_{name.replace('_', '-').upper()}": value for name, value in given.items()})


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    root = tmp_path / "checkout"
    (root / "flows").mkdir(parents=True)
    (root / "flows" / "train.py").write_text("")
    (root / "flows" / "score.py").write_text("")
    (root / "requirements.txt").write_text("")
    (root / "notes.md").write_text("")
    (root / ".git").mkdir()
    (root / ".git" / "prepare-commit.py").write_text("")
    (tmp_path / "outside.py").write_text("")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "train.py").write_text("")
    (root / "escape.py").symlink_to(tmp_path / "outside.py")
    (root / "escape").symlink_to(tmp_path / "outside")
    (root / "inside.py").symlink_to(root / "flows" / "train.py")
    (root / "loop.py").symlink_to(root / "loop.py")
    return root.resolve()


@pytest.mark.parametrize(
    ("flow", "told"),
    [
        ("flows/trian.py", "`flows/train.py`"),
        ("train.py", "`flows/train.py`"),
        ("flow/train.py", "`flows/train.py`"),
        ("prepare-commit.py", "relative to `working-directory`"),
        ("flows", "is a folder"),
        ("flows", "`flows/train.py`"),
        ("notes.md", "no Python file"),
        ("flows/*.py", "patterns are not read"),
        ("flows/train.py, flows/score.py", "one path a line"),
        ("flows/train.py flows/score.py", "one path a line"),
        ("../outside.py", "leads out of the checkout"),
        ("escape.py", "leads out of the checkout"),
        ("escape/train.py", "leads out of the checkout"),
        ("/etc/passwd", "relative to the repository's root"),
        ("a" * 5000 + ".py", "there is no such file"),
        ("loop.py", "`flow`"),
    ],
)
def test_a_wrong_flow_is_told_with_what_to_write(flow: str, told: str, workspace: Path) -> None:
    (failure,) = check_paths(read(flow=flow), workspace)
    assert failure.input == "flow"
    assert told in f"{failure.message} {failure.advice}"


@pytest.mark.parametrize("flow", ["flows/train.py", "./flows/../flows/train.py", "inside.py"])
def test_what_stays_inside_is_well(flow: str, workspace: Path) -> None:
    assert check_paths(read(flow=flow), workspace) == ()
    assert check_paths(read(flow=str(workspace / flow)), workspace) == ()


def test_every_wrong_path_is_told(workspace: Path) -> None:
    inputs = read(flow="a.py\nflows/train.py\nb.py", config="x: missing.json", requirements="require.txt")
    assert [failure.input for failure in check_paths(inputs, workspace)] == ["flow", "flow", "config", "requirements"]


def test_a_configs_file_is_in_the_checkout(workspace: Path) -> None:
    (failure,) = check_paths(read(config="a: notes.md\nb: {value: nothing.md}\nc: escape.py"), workspace)
    assert failure.input == "config"
    assert "leads out" in failure.message
    assert "'escape.py'" in failure.message


def test_paths_start_at_the_working_directory(workspace: Path) -> None:
    assert check_paths(read(flow="train.py", working_directory="flows/"), workspace) == ()
    (failure,) = check_paths(read(working_directory="flow"), workspace)
    assert failure.input == "working-directory"
    for outside in ("..", "/", "escape"):
        (failure,) = check_paths(read(working_directory=outside), workspace)
        assert "leads out" in failure.message


def test_an_empty_workspace_lacks_a_checkout(tmp_path: Path) -> None:
    (failure,) = check_paths(read(working_directory="flows"), tmp_path.resolve())
    assert "actions/checkout" in failure.advice
    (failure,) = check_paths(read(), tmp_path.resolve())
    assert "checkout step" in failure.advice


@pytest.mark.parametrize("requirements", ["requirements.txt", "pandas", "pandas==2.2.3", "pandas\nrequirements.txt"])
def test_requirements_are_a_file_or_themselves(requirements: str, workspace: Path) -> None:
    assert check_paths(read(requirements=requirements), workspace) == ()


def test_a_requirements_file_is_in_the_checkout(workspace: Path) -> None:
    (failure,) = check_paths(read(requirements="../outside.py"), workspace)
    assert "leads out" in failure.message
    (failure,) = check_paths(read(requirements="requirement.txt"), workspace)
    assert "`requirements.txt`" in failure.advice


CLUSTER = "{name: c, cluster: {server: 'https://api.example.com'}}"


def kubeconfig(user: str, cluster: str = CLUSTER) -> str:
    contexts = "contexts: [{name: prod, context: {cluster: c, user: u}}]"
    return f"current-context: prod\n{contexts}\nclusters: [{cluster}]\nusers: [{{name: u, user: {user}}}]\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (kubeconfig("{client-key: /home/mona/.minikube/client.key, token: x}"), "`client-key`"),
        (kubeconfig("{tokenFile: /var/nowhere/token}"), "`tokenFile`"),
        (kubeconfig("{token: x}", "{name: c, cluster: {certificate-authority: ca.crt}}"), "`certificate-authority`"),
        (kubeconfig("{exec: {command: no-such-plugin-anywhere}}"), "`no-such-plugin-anywhere` for its credentials"),
    ],
)
def test_a_kubeconfig_that_needs_the_machine_it_was_made_on_is_told(text: str, told: str, workspace: Path) -> None:
    (failure,) = check_paths(read(kubeconfig=text), workspace)
    assert failure.input == "kubeconfig"
    assert told in failure.message
    assert "kubectl" in failure.advice
    assert check_paths(read(kubeconfig=text, orchestrator="step-functions"), workspace) == ()


@pytest.mark.parametrize(
    ("command", "name", "way_out"),
    [
        ("/usr/local/bin/aws-iam-authenticator", "aws-iam-authenticator", "`eks-cluster`"),
        ("/nowhere/aws", "aws", "`eks-cluster`"),
        ("gke-gcloud-auth-plugin", "gke-gcloud-auth-plugin", "get-gke-credentials"),
        ("/nowhere/kubelogin", "kubelogin", "`kubelogin get-token`"),
        ("/nowhere/tsh", "tsh", "`kubectl create token`"),
    ],
)
def test_an_exec_plugin_that_is_not_there_is_told_with_its_own_way_out(
    command: str, name: str, way_out: str, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    user = f"{{exec: {{apiVersion: client.authentication.k8s.io/v1, command: {command}}}}}"
    (failure,) = check_paths(read(kubeconfig=kubeconfig(user)), workspace)
    assert failure.reason is FailureReason.CREDENTIALS
    assert f"`{name}`" in failure.message
    assert way_out in failure.advice
    assert "image of your own" in failure.advice


@pytest.mark.parametrize(
    "text",
    [
        kubeconfig("{token: x}"),
        kubeconfig("{client-key: /nowhere, client-key-data: eA==, tokenFile: /nowhere, token: x}"),
        kubeconfig("{exec: {command: python3}}"),
        kubeconfig("null", "null"),
        re.sub("user: u}", "user: other}", kubeconfig("{exec: {command: no-such-plugin-anywhere}}")),
    ],
)
def test_a_kubeconfig_that_stands_alone_is_well(text: str, workspace: Path) -> None:
    assert check_paths(read(kubeconfig=text), workspace) == ()
