"""The workflow files among themselves and with action.yml: what stands in two places says the same in both."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
import yaml

from deployer.inputs import CommentMode, OnTimeout, OperationName, Wait
from deployer.outcome import RunStatus

ROOT = Path(__file__).resolve().parent.parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
EXAMPLES = sorted((ROOT / "examples" / "workflows").glob("*.yml"))
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SECRETS = {
    "kubeconfig": "KUBECONFIG",
    "metaflow-config": "METAFLOW_CONFIG",
    "airflow-token": "AIRFLOW_TOKEN",
    "airflow-password": "AIRFLOW_PASSWORD",
    "github-token": "COMMENT_TOKEN",
}
ORCHESTRATORS = {"argo-workflows", "step-functions", "airflow"}


def read(path: Path) -> Any:
    """A YAML file with nothing but strings in it, so that `on` is `on`."""
    return yaml.load(path.read_text(), Loader=yaml.BaseLoader)


@pytest.fixture
def action() -> Any:
    return read(ROOT / "action.yml")


@pytest.fixture
def reusable() -> Any:
    return read(ROOT / ".github" / "workflows" / "deploy.yml")


def deploy_step(reusable: Any) -> Any:
    return next(step for step in reusable["jobs"]["deploy"]["steps"] if step.get("id") == "deploy")


def test_the_reusable_workflow_hands_on_every_input(action: Any, reusable: Any) -> None:
    given = deploy_step(reusable)["with"]
    assert set(given) == set(action["inputs"])
    for name, expression in given.items():
        secret = SECRETS.get(name)
        assert f"inputs.{name}" in expression or f"secrets.{secret}" in expression, f"{name}: {expression}"


def test_the_reusable_workflow_has_the_defaults_of_the_action(action: Any, reusable: Any) -> None:
    inputs = reusable["on"]["workflow_call"]["inputs"]
    for name, about in action["inputs"].items():
        if name in inputs and name != "max-workers":  # a number, and 0 stands for unset
            assert inputs[name].get("default", "") == about.get("default", ""), name


def test_the_reusable_workflow_hands_back_every_output(action: Any, reusable: Any) -> None:
    assert set(reusable["jobs"]["deploy"]["outputs"]) == set(action["outputs"])
    assert set(reusable["on"]["workflow_call"]["outputs"]) == set(action["outputs"])


def test_the_button_and_its_example_are_the_same_but_for_where_they_are() -> None:
    ours, example = read(ROOT / ".github" / "workflows" / "manual.yml"), read(ROOT / "examples/workflows/manual.yml")
    assert ours["jobs"]["deploy"].pop("uses") == "./.github/workflows/deploy.yml"
    assert example["jobs"]["deploy"].pop("uses") == "OWNER/metaflow-deploy/.github/workflows/deploy.yml@v1"
    for one in (ours, example):
        assert len(one["on"]["workflow_dispatch"]["inputs"]) <= 25, "GitHub takes no more"
        one["on"]["workflow_dispatch"]["inputs"]["flow"].pop("default")
    assert ours == example


def test_the_button_reaches_every_orchestrator_that_comes_with_the_action() -> None:
    button = read(ROOT / ".github" / "workflows" / "manual.yml")
    assert set(button["on"]["workflow_dispatch"]["inputs"]["orchestrator"]["options"]) == ORCHESTRATORS
    deploy, reusable = button["jobs"]["deploy"], read(ROOT / ".github" / "workflows" / "deploy.yml")
    for name, about in reusable["on"]["workflow_call"]["inputs"].items():
        if name.startswith("airflow-") and not about.get("default"):
            assert deploy["with"][name] == f"${{{{ vars.{name.upper().replace('-', '_')} }}}}"
    for name in ("KUBECONFIG", "METAFLOW_CONFIG", "AIRFLOW_TOKEN", "AIRFLOW_PASSWORD"):
        assert deploy["secrets"][name] == f"${{{{ secrets.{name} }}}}"


def test_the_button_offers_every_operation_and_hands_on_every_field() -> None:
    button = read(ROOT / ".github" / "workflows" / "manual.yml")
    fields = button["on"]["workflow_dispatch"]["inputs"]
    by_event = {OperationName.AUTO}  # somebody who pushes the button knows what they want
    assert set(fields["operation"]["options"]) == {str(one) for one in OperationName} - {str(one) for one in by_event}
    given = button["jobs"]["deploy"]["with"]
    for name in fields:
        assert f"inputs.{name}" in given[name], name
    reusable = read(ROOT / ".github" / "workflows" / "deploy.yml")["on"]["workflow_call"]["inputs"]
    for name in fields.keys() & reusable.keys() - {"flow", "operation"}:
        if fields[name]["type"] in ("string", "boolean"):
            assert fields[name].get("default", "") == reusable[name].get("default", ""), name


def test_only_what_changes_deployments_queues_behind_them(reusable: Any) -> None:
    concurrency = reusable["jobs"]["deploy"]["concurrency"]
    assert (concurrency["cancel-in-progress"], concurrency["queue"]) == ("false", "max")
    queue = "metaflow-deploy/${{ github.repository }}/${{ inputs.environment }}"
    own_group = re.fullmatch(
        r"\$\{\{ contains\(fromJSON\('(.+)'\), inputs\.operation\) && format\('/\{0\}', github\.run_id\) \|\| '' \}\}",
        concurrency["group"].removeprefix(queue),
    )
    assert own_group is not None, concurrency["group"]
    queued = {OperationName.AUTO, OperationName.DEPLOY, OperationName.TRIGGER, OperationName.DELETE}
    queued |= {OperationName.CLEANUP}
    assert set(json.loads(own_group[1])) == set(OperationName) - queued, "the job that waits for a run holds them up"


def test_nothing_queues_before_the_reusable_workflow_does() -> None:
    callers = [
        path for path in [*WORKFLOWS, *EXAMPLES] if "/workflows/deploy.yml" in path.read_text().split("\njobs:")[-1]
    ]
    assert {path.name for path in callers} >= {"manual.yml", "many-flows.yml"}
    for path in callers:
        workflow = read(path)
        assert "concurrency" not in workflow, path
        assert not [name for name, job in workflow["jobs"].items() if "concurrency" in job], path


@pytest.mark.parametrize("path", [*WORKFLOWS, *EXAMPLES], ids=lambda path: f"{path.parent.name}/{path.name}")
def test_others_actions_are_pinned_to_one_commit_each(path: Path) -> None:
    for name, ref, comment in re.findall(r"uses: ([^.\s@]+)@(\S+)(.*)", path.read_text()):
        if not name.startswith("OWNER/"):
            assert re.fullmatch("[0-9a-f]{40}", ref), f"{name}@{ref}"
            assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), f"{name} does not say its version"
            pins = {
                f"{name}@{ref}" in other.read_text()
                for other in [*WORKFLOWS, *EXAMPLES]
                if f"{name}@" in other.read_text()
            }
            assert pins == {True}, f"{name} is pinned to two commits"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_others_actions_in_the_documents_are_pinned_to_the_same_commits(path: Path) -> None:
    """What is in a document is copied as well."""
    files = [one.read_text() for one in (*WORKFLOWS, *EXAMPLES, *DOCUMENTS)]
    for name, ref, comment in re.findall(r"uses: ([^.\s@`]+)@([^\s`]+)(.*)", path.read_text()):
        if name.startswith("OWNER/"):
            continue
        assert re.fullmatch("[0-9a-f]{40}", ref), f"{name}@{ref}"
        assert re.fullmatch(r" # v\d+\.\d+(\.\d+)?", comment), f"{name} does not say its version"
        assert all(f"{name}@{ref}" in one for one in files if f"uses: {name}@" in one), f"{name} has two commits"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_every_example_says_what_it_can_and_cannot(path: Path) -> None:
    header = path.read_text().split("\nname:")[0]
    assert "# Can: " in header
    assert "# Cannot: " in header


def test_the_images_start_from_the_same_base() -> None:
    files = (ROOT / "Dockerfile", ROOT / "sandbox" / "docker" / "runner.Dockerfile")
    assert {base for file in files for base in re.findall(r"^FROM (\S+)", file.read_text(), re.MULTILINE)} == {
        "python:3.13-slim-trixie"
    }


def test_the_types_of_choices_are_the_choices_that_the_inputs_take() -> None:
    types = read(ROOT / "action-types.yml")
    choices: dict[str, type[StrEnum]] = {
        "operation": OperationName,
        "wait": Wait,
        "on-timeout": OnTimeout,
        "comment": CommentMode,
    }
    for name, kind in choices.items():
        assert types["inputs"][name]["allowed-values"] == [str(one) for one in kind], name
    assert types["outputs"]["run-status"]["allowed-values"] == [str(one) for one in RunStatus]


def check_environment(reusable: Any, *, allowed: str, chosen: str) -> subprocess.CompletedProcess[str]:
    """Run the step that checks the environment."""
    step = reusable["jobs"]["deploy"]["steps"][0]
    assert step["if"] == "${{ inputs.allowed-environments }}"
    assert step["env"] == {"ALLOWED": step["if"], "CHOSEN": "${{ inputs.environment }}"}
    environment = {"ALLOWED": allowed, "CHOSEN": chosen, "PATH": os.environ["PATH"]}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("allowed", "chosen"),
    [
        ("production", "production"),
        ("staging\r\nproduction\r\n", "production"),
        ("  staging\n\n  production", "production"),
        ("Production", "production"),  # GitHub does not tell them apart
        ("data platform\nproduction", "data platform"),
    ],
)
def test_an_environment_of_the_list_is_taken(reusable: Any, allowed: str, chosen: str) -> None:
    done = check_environment(reusable, allowed=allowed, chosen=chosen)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("allowed", "chosen"),
    [
        ("production", "sandbox"),
        ("production", "prod"),
        ("prod", "production"),
        ("*", "production"),
        ("production", "*"),
        ("production", ""),
        ("\n", "production"),
        ("production", "$(touch made)\n::error::x"),
    ],
)
def test_any_other_environment_ends_the_job_before_all_else(reusable: Any, allowed: str, chosen: str) -> None:
    done = check_environment(reusable, allowed=allowed, chosen=chosen)
    assert done.returncode == 1
    assert done.stdout.startswith("::error::the environment is not one of `allowed-environments`")
    assert done.stdout.count("\n") == 1, "what was chosen is not printed"


def test_the_manual_workflow_accepts_listed_environments_only() -> None:
    for path in (ROOT / ".github" / "workflows" / "manual.yml", ROOT / "examples" / "workflows" / "manual.yml"):
        assert read(path)["jobs"]["deploy"]["with"]["allowed-environments"] == "production"


def set_variables(reusable: Any, folder: Path, **variables: str) -> tuple[int, str, str]:
    """Run the step that sets the environment variables; its exit status, what it prints, and what it sets."""
    step = next(one for one in reusable["jobs"]["deploy"]["steps"] if one["name"] == "Set the environment variables")
    file = folder / "env"
    file.touch()
    environment = {**dict.fromkeys(step["env"], ""), **variables, "GITHUB_ENV": str(file), "PATH": os.environ["PATH"]}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr, file.read_text()


def test_environment_variables_are_set_and_the_secret_ones_masked(reusable: Any, tmp_path: Path) -> None:
    status, printed, made = set_variables(
        reusable,
        tmp_path,
        VARIABLES="UV_INDEX=https://example.com/a=b\r\n\nEMPTY=\n",
        SECRET_VARIABLES="API_KEY=s3cret $(date)\n",
        AWS_ACCESS_KEY_ID="AKIA",
    )
    assert status == 0, printed
    assert made.splitlines() == [
        "UV_INDEX=https://example.com/a=b",
        "EMPTY=",
        "API_KEY=s3cret $(date)",
        "AWS_ACCESS_KEY_ID=AKIA",
        "METAFLOW_DEPLOY_SECRET_VARIABLES=API_KEY",
    ]
    assert printed == "::add-mask::s3cret $(date)\n"


def test_secret_variables_of_several_lines_and_with_percent_signs(reusable: Any, tmp_path: Path) -> None:
    secrets = (
        "RATE=50%25 off%0A\nKEY_FILE<<END\n-----\nabcdefgh12\n%percent%\n\nEND\n"
        "ANSWER=1\nDEBUG=true\nAWS_REGION=eu-west-1\nNAMESPACE=production-ml\nDB_PASSWORD=weak-password\n"
    )
    status, printed, made = set_variables(reusable, tmp_path, SECRET_VARIABLES=secrets)
    assert status == 0, printed
    assert printed.splitlines() == [
        "::add-mask::50%2525 off%250A",
        "::add-mask::abcdefgh12",
        "::add-mask::%25percent%25",
        "::add-mask::weak-password",
    ]
    assert made.startswith("RATE=50%25 off%0A\nKEY_FILE<<END\n-----\nabcdefgh12\n%percent%\n\nEND\n")
    names = "RATE KEY_FILE ANSWER DEBUG AWS_REGION NAMESPACE DB_PASSWORD"
    assert made.endswith(f"METAFLOW_DEPLOY_SECRET_VARIABLES={names}\n")


def test_a_value_of_several_lines_has_an_end(reusable: Any, tmp_path: Path) -> None:
    status, printed, _ = set_variables(reusable, tmp_path, SECRET_VARIABLES="A<<END\nb\n")
    assert status == 1
    assert "no line that ends it" in printed


@pytest.mark.parametrize("line", ["no equals sign", "1NAME=value", "A B=c", "=value"])
def test_a_line_that_is_no_environment_variable_is_refused(reusable: Any, tmp_path: Path, line: str) -> None:
    status, printed, made = set_variables(reusable, tmp_path, VARIABLES=line)
    assert status == 1
    assert "NAME=VALUE" in printed
    assert made == ""


def test_a_release_names_its_image_by_digest(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    for file in ("scripts/name_image", "action.yml"):
        shutil.copy(ROOT / file, tmp_path / file)
    image = f"ghcr.io/octo-org/metaflow-deploy@sha256:{'a' * 64}"
    subprocess.run([tmp_path / "scripts" / "name_image", image], check=True)
    assert read(tmp_path / "action.yml")["runs"] == {"using": "docker", "image": f"docker://{image}"}
    again = subprocess.run([tmp_path / "scripts" / "name_image", image], capture_output=True, text=True, check=False)
    assert again.returncode != 0
    assert "does not name the Dockerfile" in again.stderr


@pytest.mark.parametrize("image", ["ghcr.io/octo-org/metaflow-deploy:1.2.3", "x@sha256:12", "a|b@sha256:" + "a" * 64])
def test_a_release_takes_no_image_without_a_digest(tmp_path: Path, image: str) -> None:
    done = subprocess.run([ROOT / "scripts" / "name_image", image], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "no image with a digest" in done.stderr
