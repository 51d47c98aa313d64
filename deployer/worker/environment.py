"""The environment and the interpreter that a flow is deployed with, made from the inputs."""

from __future__ import annotations

import json
import re
import site
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Mapping
from pathlib import Path

from deployer.credentials.files import write_secret
from deployer.deadline import Cancellation, Deadline
from deployer.environment import installer_environment
from deployer.inputs import Inputs, wrong_paths
from deployer.outcome import DeployError, Failure, FailureReason
from deployer.processes import finish

TAIL_LINES = 25


def metaflow_variables(inputs: Inputs, environ: Mapping[str, str], repository: str, folder: Path) -> dict[str, str]:
    """What the inputs say about Metaflow, as environment variables.

    METAFLOW_* is read when Metaflow is imported, so all of it has to stand before the worker starts.

    Args:
        inputs: the job's inputs.
        environ: the job's environment; what the user set there is kept where no input says otherwise.
        repository: OWNER/NAME, from which the stable default of METAFLOW_USER is derived.
        folder: an existing folder of the job's own; secrets are written there, readable by nobody else.

    Returns:
        The variables to add to the environment.
    """
    home = folder / "metaflow-home"
    home.mkdir(mode=0o700, exist_ok=True)
    own = {"METAFLOW_USER": inputs.metaflow_user or environ.get("METAFLOW_USER") or default_user(repository)}
    if inputs.metaflow_config is not None:
        profile = inputs.metaflow_profile or environ.get("METAFLOW_PROFILE")
        name = f"config_{profile}.json" if profile else "config.json"
        write_secret(home / name, json.dumps(dict(inputs.metaflow_config)))
    if inputs.metaflow_config is not None or "METAFLOW_HOME" not in environ:
        # A cache of tokens in a home that outlives the job would answer for somebody else's deployment.
        own["METAFLOW_HOME"] = str(home)
    if inputs.metaflow_profile is not None:
        own["METAFLOW_PROFILE"] = inputs.metaflow_profile
    return own


def default_user(repository: str) -> str:
    """The METAFLOW_USER of a repository's jobs: the same in every job, and another one for every repository.

    Metaflow lets the user who deployed last deploy again, and refuses others without the production token. An owner's
    name has no dot on GitHub, so no two repositories share a name.
    """
    return re.sub(r"[^a-z0-9._-]", "-", repository.lower().replace("/", ".", 1)) or "metaflow-deploy"


def interpreter(
    inputs: Inputs,
    environ: Mapping[str, str],
    *,
    workspace: Path,
    folder: Path,
    deadline: Deadline,
    cancellation: Cancellation,
    print_line: Callable[[str], None],
) -> str:
    """The Python to deploy with: this one, or an overlay environment on it that has the input `requirements`.

    Raises:
        DeployError: the requirements cannot be installed.
    """
    if inputs.requirements is None:
        return sys.executable
    here = workspace / inputs.working_directory
    # asked again here: `doctor` goes on after a wrong path, and uv prints what it cannot read
    asked = {"working_directory": inputs.working_directory, "requirements": inputs.requirements}
    for wrong in wrong_paths(asked, workspace):
        raise DeployError(wrong)
    file = requirements_file(inputs.requirements, here)
    overlay = folder / "overlay"
    python = str(overlay / "bin" / "python")
    run = _Uv(environ, deadline, cancellation, print_line)
    run(["venv", "--quiet", "--no-project", "--python", sys.executable, str(overlay)])
    install = ["pip", "install", "--quiet", "--python", python, "--requirement"]
    if file is not None:
        run([*install, str(file)], cwd=file.parent)
    else:
        run([*install, "-"], cwd=here, text=inputs.requirements)
    link_packages(overlay)
    return python


def requirements_file(text: str, working_directory: Path) -> Path | None:
    """The file that the input names; None where it holds the requirements themselves."""
    named = working_directory / text.strip()
    if "\n" not in text.strip() and named.is_file():
        return named
    if "\n" not in text.strip() and text.strip().endswith(".txt") and not text.strip().startswith("-"):
        raise DeployError(
            Failure(
                reason=FailureReason.INPUT,
                input="requirements",
                message=f"There is no file {text.strip()!r} in {working_directory.name or 'the workspace'}.",
                advice="Give the path of a requirements file relative to `working-directory`, or the requirements "
                "themselves, one a line.",
            )
        )
    return None


def link_packages(overlay: Path) -> None:
    """Let the overlay see this interpreter's packages behind its own: what it pins itself comes first."""
    paths = [sysconfig.get_paths()["purelib"], sysconfig.get_paths()["platlib"], *site.getsitepackages()]
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = overlay / "lib" / version / "site-packages"
    (packages / "zz-metaflow-deploy.pth").write_text("\n".join(dict.fromkeys(paths)) + "\n")


class _Uv:
    """uv, under a limit, its output kept for the failure."""

    def __init__(
        self,
        environ: Mapping[str, str],
        deadline: Deadline,
        cancellation: Cancellation,
        print_line: Callable[[str], None],
    ) -> None:
        self._environ = environ
        self._deadline = deadline
        self._cancellation = cancellation
        self._print_line = print_line

    def __call__(self, arguments: list[str], cwd: Path | None = None, text: str = "") -> None:
        from uv import find_uv_bin

        with subprocess.Popen(
            [find_uv_bin(), *arguments],
            cwd=cwd,
            env=installer_environment(self._environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            text=True,
        ) as process:
            output, _ = finish(process, text, self._deadline, self._cancellation)
        for line in output.splitlines():
            self._print_line(line)
        if process.returncode != 0:
            raise DeployError(self._failure(output))

    def _failure(self, output: str) -> Failure:
        if self._cancellation.cancelled:
            return Failure(
                reason=FailureReason.CANCELLED,
                message="The job was cancelled while the requirements were installed.",
                advice="Run it again when you are ready; nothing was deployed.",
            )
        late = self._deadline.passed
        limit = f"{self._deadline.seconds:.0f} s"
        return Failure(
            reason=FailureReason.INPUT,
            input="requirements",
            message=f"The requirements were not installed within {limit}."
            if late
            else "uv cannot install the requirements.",
            advice="Raise `deploy-timeout`, or ask for less."
            if late
            else "Correct the requirements; uv says why below. "
            "A package index of your own is named by uv's variables in the job's `env`: docs/workflows.md shows how.",
            evidence="\n".join(output.splitlines()[-TAIL_LINES:]),
        )
