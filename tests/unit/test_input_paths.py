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


@pytest.mark.parametrize(
    "line",
    [
        "-c /proc/self/environ",
        "-c/proc/self/environ",
        "-c=/proc/self/environ",
        "  --constraint\t/proc/self/environ # as uv reads it",
        "--constraint=/proc/self/environ",
        '-c "/proc/self/environ"',
        "-c file:///proc/self/environ",
        "-c file:///proc/self%2Fenviron",
        "-c \\\n /proc/self/environ",
        "-r ../outside.py",
        "-r flows/../../outside.py",
        "-r escape.py",
        "-r escape/train.py",
        "--requirement ../outside.py",
        "-r ${HOME}/outside.py",
        "-r ..\\/outside.py",
        "-e ../outside",
        "--editable=../outside",
        "-f ../outside",
        "--find-links /var",
        "../outside",
        "escape/package.whl",
        "package @ file:///var/package",
        "package[extra] @ ../outside",
        "-e git+file:///var/repository",
    ],
)
def test_nothing_in_requirements_leads_out_of_the_checkout(line: str, workspace: Path) -> None:
    for given in (f"pandas\n{line}\n", line):
        (failure,) = check_paths(read(requirements=given), workspace)
        assert failure.input == "requirements"
        assert "leads out of the checkout" in failure.message or "depends on a variable" in failure.message
    (workspace / "requirements.txt").write_text("# nested\n-r more.txt\n")
    (workspace / "more.txt").write_text("-c last.txt\n-r more.txt\n")
    (workspace / "last.txt").write_text(f"pandas\n{line}\n")
    (failure,) = check_paths(read(requirements="requirements.txt"), workspace)
    assert failure.input == "requirements"
    assert "`last.txt`" in failure.message


@pytest.mark.parametrize(
    "line",
    [
        "-r requirements.txt",
        "-c flows/../requirements.txt",
        "-e ./flows",
        "./flows",
        "pandas>=2 ; python_version < '3.12'",
        "pandas==2.2.3 --hash=sha256:abc/def",
        "package @ https://example.com/package.whl",
        "-e git+https://${TOKEN}@example.com/package.git",
        "-c https://example.com/constraints.txt",
        "--index-url https://example.com/simple",
        "--extra-index-url=https://${TOKEN}@example.com/simple",
        "-r nothing.txt",
        "# -c /proc/self/environ",
        "",
    ],
)
def test_what_requirements_take_from_the_checkout_and_from_elsewhere_is_well(line: str, workspace: Path) -> None:
    assert check_paths(read(requirements=f"pandas\n{line}"), workspace) == ()


def test_an_included_file_is_found_from_the_one_that_names_it(workspace: Path) -> None:
    (workspace / "flows" / "all.txt").write_text("-r ../requirements.txt\n")
    assert check_paths(read(requirements="flows/all.txt"), workspace) == ()
    (workspace / "flows" / "all.txt").write_text("-r ../../outside.py\n")
    (failure,) = check_paths(read(requirements="flows/all.txt"), workspace)
    assert "'../../outside.py' in `all.txt`" in failure.message


def test_endless_requirements_are_refused(workspace: Path) -> None:
    for one in range(120):
        (workspace / f"{one}.txt").write_text(f"-r {one + 1}.txt\n")
    (failure,) = check_paths(read(requirements="0.txt"), workspace)
    assert "more than 100 files" in failure.message
    (workspace / "large.txt").write_text("#" * (1 << 21))
    (failure,) = check_paths(read(requirements="large.txt"), workspace)
    assert "more than 1 MB" in failure.message


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
