"""A job's container as GitHub's own runner starts and cancels it: its paths, its mounts, its signals.

actions/runner mounts the workspace, a home and the command files under /github, gives the inputs as variables, and
starts the image with `docker run`. To cancel it sends SIGINT to that client, SIGTERM 7.5 s later, and kills it 2.5 s
after that (`ProcessInvoker`); the client hands the first two on to the container's first process.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import yaml

from sandbox.docker.engine import Engine
from sandbox.docker.machine import cache_folder, logged, output
from sandbox.runner import read_outputs

ROOT = Path(__file__).resolve().parent.parent.parent
IMAGE = "metaflow-deploy:local"
SIGTERM_AFTER = 7.5  # seconds after SIGINT
KILL_AFTER = 2.5  # seconds after SIGTERM
RUNNER_USER = os.geteuid() or 1001  # who owns the workspace, 1001 on GitHub's own runners; the container runs as root


def build_image(engine: Engine, folder: Path) -> None:
    """Build the action's image from a checkout as `metaflow-deploy:local`.

    Raises:
        UnavailableError: the build failed.
    """
    logged(
        ["docker", "build", "--tag", IMAGE, str(folder)],
        cache_folder() / "logs" / "image.log",
        what=f"building {IMAGE}",
        env=engine.environ(),
    )


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How the container ended."""

    exit_code: int
    seconds: float
    """From the first signal, or from the start where none was sent."""
    killed: bool
    """It outlived SIGTERM's grace, so the runner killed its client."""
    log: str
    outputs: Mapping[str, str]
    left: tuple[str, ...]
    """Files in the workspace that are not the runner's, so that it could not remove them."""


class ContainerJob:
    """One container action, started."""

    def __init__(
        self,
        engine: Engine,
        folder: Path,
        *,
        workspace: Path,
        inputs: Mapping[str, str],
        environment: Mapping[str, str],
        event: str,
        payload: Mapping[str, Any],
        sha: str,
    ) -> None:
        """Args:
        engine: where the container runs.
        folder: for the job's files; made if it is not there.
        workspace: the checkout; it is given to the runner's user.
        inputs: the step's `with`; the others have action.yml's defaults.
        environment: the job's `env`.
        event: GITHUB_EVENT_NAME.
        payload: the event's payload.
        sha: GITHUB_SHA.
        """
        self._engine = engine
        self._workspace = workspace
        self._files = _files(folder, payload)
        self._name = f"metaflow-deploy-{uuid.uuid4().hex[:12]}"
        variables = {
            **environment,
            **github_variables(event, sha),
            **_command_files(self._files),
            **input_variables(inputs),
        }
        _give(workspace, RUNNER_USER)
        self._started = time.monotonic()
        self._client = subprocess.Popen(
            [
                *("docker", "run", "--name", self._name, "--rm", "--network", "host", "--workdir", "/github/workspace"),
                *("--volume", f"{folder / 'home'}:/github/home"),
                *("--volume", f"{folder / 'workflow'}:/github/workflow"),
                *("--volume", f"{folder / 'file_commands'}:/github/file_commands"),
                *("--volume", f"{workspace}:/github/workspace"),
                *(part for name, value in variables.items() for part in ("--env", f"{name}={value}")),
                IMAGE,
            ],
            env=engine.environ(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        assert self._client.stdout is not None
        self._log = _Log(self._client.stdout)

    def wait_for(self, text: str, *, limit: float = 120) -> None:
        """Wait until the log has the text.

        Raises:
            AssertionError: the container ended or the limit (seconds) passed without it.
        """
        assert self._log.wait_for(text, limit), f"{text!r} is not in the log:\n{self._log.text}"

    def finish(self, *, limit: float = 300) -> Ended:
        """Let it end by itself within the limit, in seconds."""
        self._client.wait(limit)
        return self._ended(self._started, killed=False)

    def cancel(self) -> Ended:
        """Cancel as the runner does."""
        begun = time.monotonic()
        killed = False
        self._client.send_signal(signal.SIGINT)
        try:
            self._client.wait(SIGTERM_AFTER)
        except subprocess.TimeoutExpired:
            self._client.send_signal(signal.SIGTERM)
            try:
                self._client.wait(KILL_AFTER)
            except subprocess.TimeoutExpired:
                killed = True
                self._client.kill()
                self._client.wait()
        return self._ended(begun, killed=killed)

    def running(self) -> bool:
        """Whether the container is still there."""
        found = output(["docker", "ps", "--quiet", "--filter", f"name={self._name}"], env=self._engine.environ())
        return bool((found or "").strip())

    def remove(self) -> None:
        """Take the container away, whatever state it is in."""
        output(["docker", "rm", "--force", self._name], env=self._engine.environ())

    def _ended(self, begun: float, *, killed: bool) -> Ended:
        seconds = time.monotonic() - begun
        self._log.join()
        return Ended(
            exit_code=self._client.returncode,
            seconds=seconds,
            killed=killed,
            log=self._log.text,
            outputs=read_outputs(self._files["GITHUB_OUTPUT"].read_text()),
            left=tuple(
                str(path.relative_to(self._workspace))
                for path in sorted(self._workspace.rglob("*"))
                if path.lstat().st_uid != RUNNER_USER
            ),
        )


class _Log:
    """What the container prints, read as it comes."""

    def __init__(self, stream: IO[str]) -> None:
        self._lines: list[str] = []
        self._changed = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._read, args=(stream,), daemon=True)
        self._thread.start()

    @property
    def text(self) -> str:
        return "".join(self._lines)

    def wait_for(self, text: str, limit: float) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._ended or text in self.text, limit)
        return text in self.text

    def join(self) -> None:
        self._thread.join()

    def _read(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                with self._changed:
                    self._lines.append(line)
                    self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()


def _files(folder: Path, payload: Mapping[str, Any]) -> dict[str, Path]:
    for name in ("home", "workflow", "file_commands"):
        (folder / name).mkdir(parents=True)
    (folder / "workflow" / "event.json").write_text(json.dumps(payload))
    names = ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STATE", "GITHUB_STEP_SUMMARY")
    files = {name: folder / "file_commands" / f"{name.lower()}_{uuid.uuid4()}" for name in names}
    for path in files.values():
        path.touch()
    _give(folder, RUNNER_USER)
    return files


def _command_files(files: Mapping[str, Path]) -> dict[str, str]:
    return {name: f"/github/file_commands/{path.name}" for name, path in files.items()}


def github_variables(event: str, sha: str) -> dict[str, str]:
    """GITHUB_* as a container action has them, less those of the command files.

    Args:
        event: GITHUB_EVENT_NAME; the payload is at /github/workflow/event.json.
        sha: GITHUB_SHA.
    """
    return {
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "GITHUB_ACTOR": "octocat",
        "GITHUB_EVENT_NAME": event,
        "GITHUB_EVENT_PATH": "/github/workflow/event.json",
        "GITHUB_JOB": "deploy",
        "GITHUB_REF": "refs/heads/main",
        "GITHUB_REPOSITORY": "octo-org/flows",
        "GITHUB_RUN_ATTEMPT": "1",
        "GITHUB_RUN_ID": "1001",
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_SHA": sha,
        "GITHUB_WORKFLOW": "Deploy flows",
        "GITHUB_WORKSPACE": "/github/workspace",
        "HOME": "/github/home",
    }


def input_variables(given: Mapping[str, str]) -> dict[str, str]:
    """INPUT_* by a step's `with`; those that it does not name have action.yml's defaults."""
    declared = yaml.safe_load((ROOT / "action.yml").read_text())["inputs"]
    defaults = {name: str(about.get("default", "")) for name, about in declared.items()}
    values = {name: given.get(name, "" if "${{" in default else default) for name, default in defaults.items()}
    return {f"INPUT_{name.upper()}": value for name, value in values.items()}


def _give(folder: Path, user: int) -> None:
    group = user if os.geteuid() == 0 else -1  # whoever is not root gives nothing to a group that is not theirs
    for path in (folder, *folder.rglob("*")):
        os.chown(path, user, group, follow_symlinks=False)
