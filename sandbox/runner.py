"""GitHub's runner as a container action meets it: the environment, the event file, the command files; no container.

It gives the action INPUT_* with action.yml's defaults, GITHUB_* and its files, starts entrypoint.py with the options of
the image's entrypoint, and reads back what a runner reads back. What it can't show: the image, the mounts, the
runner's own masking and the way it cancels; the end-to-end tests in Docker do that.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import uuid
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

import psutil
import yaml

ROOT = Path(__file__).resolve().parent.parent
MARKER = "METAFLOW_DEPLOY_RUNNER"
"""In the environment of all that a runner's jobs start."""
ISOLATED = ("-I", "-u", "-B")
"""The options of the Dockerfile's ENTRYPOINT."""
INHERITED = ("PATH", "LANG", "SSL_CERT_FILE", "HTTPS_PROXY", "NO_PROXY", "UV_INDEX", "UV_DEFAULT_INDEX", "UV_INDEX_URL")


@dataclass(frozen=True, kw_only=True)
class JobEvent:
    """What calls the job."""

    name: str
    payload: Mapping[str, Any]
    ref: str = "refs/heads/main"
    sha: str = "0" * 40
    actor: str = "octocat"


def of_head(event: JobEvent, workspace: Path) -> JobEvent:
    """The event as of the commit that is checked out, which it is by default; unchanged where git made none."""
    if not (workspace / ".git").exists() or _is_head_alone(workspace / ".git"):
        return event
    head = subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=workspace, text=True)
    return replace(event, sha=head.strip())


@dataclass(frozen=True, kw_only=True)
class JobResult:
    """What the runner has when the action has ended."""

    exit_code: int
    log: str
    outputs: dict[str, str] = field(default_factory=dict)
    summary: str = ""

    @property
    def deployments(self) -> list[dict[str, Any]]:
        """The output `deployments`, read."""
        return list(json.loads(self.outputs.get("deployments") or "[]"))


class Runner:
    """A runner with a folder of its own for the files of its jobs."""

    def __init__(
        self,
        folder: Path,
        *,
        environment: Mapping[str, str],
        api_url: str | None = None,
        repository: str = "octo-org/flows",
        token: str = "ghs_sandboxtoken000000000000000000000000",  # the stand-in takes any
    ) -> None:
        """Args:
        folder: where the jobs' files go; made if it is not there.
        environment: what the workflow's `env` holds, credentials above all.
        api_url: GITHUB_API_URL.
        repository: OWNER/NAME.
        token: `github.token`.
        """
        self.folder = folder
        self.environment = dict(environment)
        self.api_url = api_url or "https://api.github.com"
        self.repository = repository
        self.token = token
        self.python = sys.executable
        """The interpreter of the image."""
        self._jobs = 0
        # as GitHub's, no two runs of a repository have one id, whichever runner has them
        self._first_run = 1000 * (1 + zlib.crc32(str(folder).encode()) % 10**6)
        self.environment[MARKER] = self._marker = uuid.uuid4().hex

    def left_over(self) -> list[str]:
        """The command lines of processes that jobs of this runner started and that still run."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if process.environ().get(MARKER) == self._marker and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(" ".join(process.cmdline()))
        return found

    def run(
        self,
        event: JobEvent,
        inputs: Mapping[str, str],
        *,
        workspace: Path,
        job: str = "deploy",
        tell: Callable[[str], None] | None = None,
        started: Callable[[subprocess.Popen[str]], None] | None = None,
    ) -> JobResult:
        """Run the action once.

        Args:
            event: what calls it.
            inputs: the `with:` of the step; the other inputs have action.yml's defaults.
            workspace: the checkout; one without a repository gets a HEAD that says that the event's commit is checked
                out, as actions/checkout would leave it.
            job: the job's id.
            tell: takes each line of the log as it comes.
            started: is handed the process (to cancel it, say).
        """
        self._jobs += 1
        folder = self.folder / f"job-{self._jobs}"
        check_out(workspace, event.sha)
        files = _command_files(folder)
        environ = self._environment(event, inputs, workspace, folder, files, job)
        with subprocess.Popen(
            [self.python, *ISOLATED, str(ROOT / "entrypoint.py")],
            env=environ,
            cwd=workspace,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process:
            try:
                if started is not None:
                    started(process)
                assert process.stdout is not None
                log = _read(process.stdout, tell)
            except BaseException:
                process.terminate()  # whoever gives up on the job ends it too
                raise
        return JobResult(
            exit_code=process.returncode,
            log=log,
            outputs=read_outputs(files["GITHUB_OUTPUT"].read_text()),
            summary=files["GITHUB_STEP_SUMMARY"].read_text(),
        )

    def _environment(
        self,
        event: JobEvent,
        inputs: Mapping[str, str],
        workspace: Path,
        folder: Path,
        files: Mapping[str, Path],
        job: str,
    ) -> dict[str, str]:
        payload = folder / "event.json"
        payload.write_text(json.dumps(event.payload))
        home = folder / "home"
        home.mkdir()
        return {
            **{name: os.environ[name] for name in INHERITED if name in os.environ},
            **self.environment,
            **{f"INPUT_{name.replace(' ', '_').upper()}": value for name, value in self._inputs(inputs).items()},
            **{name: str(path) for name, path in files.items()},
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTOR": event.actor,
            "GITHUB_API_URL": self.api_url,
            "GITHUB_EVENT_NAME": event.name,
            "GITHUB_EVENT_PATH": str(payload),
            "GITHUB_JOB": job,
            "GITHUB_REF": event.ref,
            "GITHUB_REF_NAME": re.sub(r"^refs/(heads|tags)/", "", event.ref),
            "GITHUB_REF_TYPE": "tag" if event.ref.startswith("refs/tags/") else "branch",
            "GITHUB_REPOSITORY": self.repository,
            "GITHUB_REPOSITORY_OWNER": self.repository.split("/")[0],
            "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_RUN_ID": str(self._first_run + self._jobs),
            "GITHUB_RUN_NUMBER": str(self._jobs),
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_SHA": event.sha,
            "GITHUB_WORKFLOW": "Deploy flows",
            "GITHUB_WORKFLOW_REF": f"{self.repository}/.github/workflows/deploy.yml@{event.ref}",
            "GITHUB_WORKSPACE": str(workspace),
            "HOME": str(home),
            "PYTHONUNBUFFERED": "1",
            "RUNNER_TEMP": str(folder),
        }

    def _inputs(self, given: Mapping[str, str]) -> dict[str, str]:
        declared = yaml.safe_load((ROOT / "action.yml").read_text())["inputs"]
        unknown = set(given) - set(declared)
        assert not unknown, f"no such inputs: {', '.join(sorted(unknown))}"
        defaults = {name: str(about.get("default", "")) for name, about in declared.items()}
        return {
            name: given.get(name, value).replace("${{ github.token }}", self.token) for name, value in defaults.items()
        }


def check_out(workspace: Path, sha: str) -> None:
    """Say that a commit is checked out, in a folder that git has made no repository in."""
    git = workspace / ".git"
    if git.is_dir() and not _is_head_alone(git):
        return
    git.mkdir(exist_ok=True)
    (git / "HEAD").write_text(f"{sha}\n")


def _is_head_alone(git: Path) -> bool:
    """Whether it is what `check_out` makes."""
    return git.is_dir() and {path.name for path in git.iterdir()} == {"HEAD"}


def merged_pull_request(
    number: int,
    title: str,
    *,
    base: str = "main",
    merged: bool = True,
    sha: str,
    author: str = "octocat",
    head: str = "octo-org/flows",
) -> dict[str, Any]:
    """The payload of `pull_request: closed`, as far as actions read it; `head` is the repository that it came from."""
    return {
        "action": "closed",
        "number": number,
        "pull_request": {
            "number": number,
            "title": title,
            "merged": merged,
            "merge_commit_sha": sha,
            "user": {"login": author},
            "base": {"ref": base, "repo": {"full_name": "octo-org/flows"}},
            "head": {"ref": "feature", "sha": "f" * 40, "repo": {"full_name": head, "fork": head != "octo-org/flows"}},
        },
        "repository": {"full_name": "octo-org/flows", "default_branch": "main"},
        "sender": {"login": author},
    }


def push(*, before: str, after: str, ref: str = "refs/heads/main", deleted: bool = False) -> dict[str, Any]:
    """The payload of `push`, as far as actions read it."""
    commit = {"id": after, "timestamp": "2026-11-23T08:41:00Z", "message": "Merge", "author": {"name": "Mona"}}
    return {
        "ref": ref,
        "before": before,
        "after": after,
        "deleted": deleted,
        "head_commit": None if deleted else commit,
        "commits": [] if deleted else [commit],
        "repository": {"full_name": "octo-org/flows", "default_branch": "main"},
        "sender": {"login": "octocat"},
    }


def cancel(process: subprocess.Popen[str]) -> None:
    """Cancel as the runner begins to: SIGINT. What follows (SIGTERM, kill) is for the tests in Docker."""
    process.send_signal(signal.SIGINT)


def read_outputs(text: str) -> dict[str, str]:
    """Read a GITHUB_OUTPUT file as the runner does: `name=value`, and `name<<DELIMITER` for several lines."""
    outputs: dict[str, str] = {}
    lines = iter(text.splitlines())
    for line in lines:
        several = re.fullmatch(r"([^=<]+)<<(.+)", line)
        if several:
            value = []
            for part in lines:
                if part == several[2]:
                    break
                value.append(part)
            outputs[several[1]] = "\n".join(value)
        elif "=" in line:
            name, value_text = line.split("=", 1)
            outputs[name] = value_text
    return outputs


def _command_files(folder: Path) -> dict[str, Path]:
    folder.mkdir(parents=True)
    files = {name: folder / name.lower() for name in ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STATE")}
    files["GITHUB_STEP_SUMMARY"] = folder / "github_step_summary"
    for path in files.values():
        path.touch()
    return files


def _read(stream: IO[str], tell: Callable[[str], None] | None) -> str:
    lines = []
    for line in stream:
        lines.append(line)
        if tell is not None:
            tell(line.rstrip("\n"))
    return "".join(lines)
