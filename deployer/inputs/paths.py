"""The paths in the inputs against the checkout: what is missing, what leads out of it, what is no flow."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from deployer.inputs.config import ConfigPath
from deployer.inputs.inside import is_inside, outside
from deployer.inputs.mistake import shown
from deployer.inputs.model import Inputs, input_failure
from deployer.inputs.requirements import check_requirements
from deployer.kubeconfig import current_cluster, current_user, exec_command, lacks_plugin, missing_plugin
from deployer.outcome import Failure
from deployer.yaml_mapping import parse_mapping

MOST_FILES = 5000
"""Files of the checkout that are looked at for the nearest spelling."""
SHRINK = "`kubectl config view --raw --minify --flatten` writes the files' content into it."


def check_paths(inputs: Inputs, workspace: Path) -> tuple[Failure, ...]:
    """What is wrong with the paths in the inputs, seen from the checkout.

    Args:
        inputs: the inputs.
        workspace: the absolute, resolved folder of the checkout.
    """
    return wrong_paths(vars(inputs), workspace)


def wrong_paths(values: Mapping[str, Any], workspace: Path) -> tuple[Failure, ...]:
    """As `check_paths`, of those fields of `Inputs` that could be read."""
    failures: list[Failure] = []
    if values.get("kubeconfig") is not None and values.get("orchestrator") == "argo-workflows":
        failures += _check_kubeconfig(values["kubeconfig"])
    if "working_directory" not in values:
        return tuple(failures)
    folder = workspace / values["working_directory"]
    wrong = _check_folder(values["working_directory"], folder, workspace)
    if wrong is not None:
        return (*failures, wrong)
    failures += [found for flow in values.get("flows", ()) if (found := _check_flow(flow, folder, workspace))]
    dags_folder = values.get("airflow_dags_folder") or ""
    # an absolute folder is a volume's, which lies elsewhere on purpose
    if "://" not in dags_folder and not dags_folder.startswith("/") and not is_inside(folder / dags_folder, workspace):
        failures.append(outside("airflow-dags-folder", dags_folder))
    for name, source in values.get("config", {}).items():
        if isinstance(source, ConfigPath) and (found := _check_config(name, source.path, folder, workspace)):
            failures.append(found)
    requirements = values.get("requirements")
    if requirements is not None and (found := _check_requirements(requirements, folder, workspace)):
        failures.append(found)
    return tuple(failures)


def _check_folder(name: str, folder: Path, workspace: Path) -> Failure | None:
    if not is_inside(folder, workspace):
        return outside("working-directory", name)
    if _is_directory(folder):
        return None
    wrong = f"is {shown(name)}, and there is no such folder in the checkout"
    advice = "Give a folder relative to the repository's root."
    if not any(workspace.iterdir() if _is_directory(workspace) else ()):
        advice = "The workspace is empty: add a step with actions/checkout before this one."
    return input_failure("working-directory", wrong, advice)


def _check_flow(flow: str, folder: Path, workspace: Path) -> Failure | None:
    path = folder / flow
    if not is_inside(path, workspace):
        return outside("flow", flow)
    if _is_directory(path):
        wrong = f"names {shown(flow)}, which is a folder"
        return input_failure("flow", wrong, f"Write the path of a flow file, one a line.{_files_in(path, flow)}")
    if not _is_file(path):
        wrong = f"names {shown(flow)}, and there is no such file in the checkout"
        return input_failure("flow", wrong, _nearest(flow, folder, ".py"))
    if path.suffix != ".py":
        wrong = f"names {shown(flow)}, which is no Python file"
        return input_failure("flow", wrong, "Write the path of a flow file, `….py`.")
    return None


def _check_config(name: str, path: str, folder: Path, workspace: Path) -> Failure | None:
    if not is_inside(folder / path, workspace):
        return outside("config", path)
    if _is_file(folder / path):
        return None
    wrong = f"gives {shown(path)} for {shown(name)}, and there is no such file"
    return input_failure("config", wrong, _nearest(path, folder, ""))


def _check_requirements(text: str, folder: Path, workspace: Path) -> Failure | None:
    """One line may be a file's path or a requirement: only what can be nothing but a path is checked as one."""
    path = folder / text
    if "\n" in text or not (_is_file(path) or path.suffix == ".txt") or text.startswith("-"):
        return check_requirements(text, None, folder, workspace)
    if not is_inside(path, workspace):
        return outside("requirements", text)
    if _is_file(path):
        return check_requirements(text, path, folder, workspace)
    wrong = f"is {shown(text)}, and there is no such file in the checkout"
    advice = f"{_nearest(text, folder, '.txt')} Requirements themselves are written one a line."
    return input_failure("requirements", wrong, advice)


def _check_kubeconfig(text: str) -> list[Failure]:
    """What the current context's user and cluster need from the machine that the kubeconfig was made on."""
    config = parse_mapping(text)
    failures = []
    for part in (current_user(config), current_cluster(config)):
        for key, path in _files(part):
            if not _is_file(Path(path)):
                wrong = f"names the file {shown(path)} as `{key}`, which the action's container does not have"
                failures.append(input_failure("kubeconfig", wrong, SHRINK))
    command = exec_command(config)
    if command is not None and lacks_plugin(command):
        failures.append(missing_plugin(command))
    return failures


def _files(part: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The files that a user or a cluster names and that no data beside them replaces."""
    for key in ("certificate-authority", "client-certificate", "client-key", "tokenFile"):
        path = part.get(key)
        replaced = part.get("token") if key == "tokenFile" else part.get(f"{key}-data")
        if isinstance(path, str) and path and not replaced:
            yield key, path


def _nearest(wanted: str, folder: Path, suffix: str) -> str:
    if any(sign in wanted for sign in "*?["):
        return "Name each file, one a line: patterns are not read."
    if len(parts := wanted.replace(",", " ").split()) > 1 and all(_is_file(folder / part) for part in parts):
        return "Write one path a line."
    files = [path for path in _walk(folder) if path.endswith(suffix)]
    named_alike = [path for path in files if Path(path).name == Path(wanted).name]
    near = named_alike or difflib.get_close_matches(wanted[:500], files, n=1, cutoff=0.5)
    if near:
        return f"Write `{near[0]}`, which is the nearest."
    if not files:
        return f"`working-directory` has no {suffix or 'such'} file at all: is a checkout step missing?"
    return "Write a path relative to `working-directory`."


def _files_in(path: Path, name: str) -> str:
    files = sorted(f"{name.rstrip('/')}/{file.name}" for file in path.glob("*.py") if file.name != "__init__.py")
    return f" It has {', '.join(f'`{file}`' for file in files[:5])}." if files else ""


def _walk(folder: Path) -> list[str]:
    """Files below a folder, hidden folders and installed packages left out, relative to it."""
    found: list[str] = []
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(one for one in folders if not one.startswith(".") and one not in ("node_modules", "venv"))
        found += [os.path.relpath(Path(root, file), folder) for file in sorted(files) if _is_file(Path(root, file))]
        if len(found) > MOST_FILES:
            break
    return found


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _is_directory(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False
