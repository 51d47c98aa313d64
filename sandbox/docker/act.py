"""act, which plays GitHub's runner: workflows in, what each job and step did out.

What it can't play: the `job.workflow_*` fields, `concurrency.queue`, environments, OIDC, and cancelling. Where a
workflow needs one of these, the tests say what stands in for it.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.docker.engine import Engine
from sandbox.docker.images import RUNNER
from sandbox.docker.machine import output

BINARY = Path(sys.executable).with_name("act")


@dataclass(frozen=True, kw_only=True)
class ActResult:
    """What act said: its exit status, and its log as the JSON records that it prints."""

    exit_code: int
    records: Sequence[Mapping[str, Any]]
    stderr: str = ""

    @property
    def jobs(self) -> dict[str, str]:
        """The result of each job that ran, by the job's name: `success`, `failure` or `skipped`."""
        return {str(one["job"]).strip(): str(one["jobResult"]) for one in self.records if "jobResult" in one}

    @property
    def steps(self) -> dict[str, str]:
        """The result of each step, by its name."""
        return {
            str(one["step"]): str(one["stepResult"])
            for one in self.records
            if one.get("stage") == "Main" and "stepResult" in one
        }

    def outputs(self, step: str = "deploy") -> dict[str, str]:
        """The outputs of a step, by the step's id."""
        return {
            str(one["name"]): str(one.get("arg", ""))
            for one in self.records
            if one.get("command") == "set-output" and one.get("stepID") == [step]
        }

    def annotations(self, kind: str) -> list[str]:
        """The texts of the `notice`, `warning` or `error` annotations."""
        return [str(one.get("arg", "")) for one in self.records if one.get("command") == kind]

    @property
    def log(self) -> str:
        """Everything, for people."""
        return "".join(f"{str(one.get('msg', '')).rstrip()}\n" for one in self.records) + self.stderr

    @property
    def printed(self) -> str:
        """What the steps themselves printed."""
        return "".join(str(one.get("msg", "")) for one in self.records if one.get("raw_output"))


class Act:
    """act with everything that a run needs besides the workflow and the event."""

    def __init__(
        self,
        engine: Engine,
        folder: Path,
        *,
        repositories: Path,
        stand_ins: Mapping[str, Path],
        environment: Mapping[str, str],
        variables: Mapping[str, str],
        secrets: Mapping[str, str],
    ) -> None:
        """Args:
        engine: where the containers run.
        folder: for act's own files; made if it is not there.
        repositories: mounted into every job at /repositories.
        stand_ins: what `uses: OWNER/NAME@REF` is taken from instead of GitHub.
        environment: set in every job.
        variables: the `vars` context.
        secrets: the `secrets` context.
        """
        self._engine = engine
        self._folder = folder
        self._repositories = repositories
        self._stand_ins = dict(stand_ins)
        self._environment = dict(environment)
        self._variables = dict(variables)
        self._secrets = dict(secrets)
        self._mark = uuid.uuid4().hex[:8]
        folder.mkdir(parents=True, exist_ok=True)

    def run(
        self,
        workflow: str,
        event: str,
        payload: Mapping[str, Any],
        *,
        repository: Path,
        variables: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
        secrets: Mapping[str, str] | None = None,
        limit: float = 900,
    ) -> ActResult:
        """Run a workflow.

        Args:
            workflow: its file, relative to the repository.
            event: the event's name.
            payload: the event's payload.
            repository: the checkout of the calling repository, at the commit that the event is about.
            variables: instead of the usual ones.
            environment: besides the usual one.
            limit: seconds.

        Raises:
            subprocess.TimeoutExpired: it took longer; its containers are removed.
        """
        event_file = self._folder / "event.json"
        event_file.write_text(json.dumps(payload))
        workflow_file = self._folder / Path(workflow).name
        workflow_file.write_text(marked((repository / workflow).read_text(), self._mark))
        command = [
            *(str(BINARY), event, "--workflows", str(workflow_file), "--eventpath", str(event_file), "--json"),
            *("--platform", f"ubuntu-latest={RUNNER}", "--pull=false", "--rm", "--no-cache-server"),
            *("--no-skip-checkout", "--container-options", f"--volume {self._repositories}:/repositories:ro"),
            *_pairs("--local-repository", {name: str(path) for name, path in self._stand_ins.items()}),
            *_pairs("--env", {**self._environment, **(environment or {})}),
            *_pairs("--var", self._variables if variables is None else variables),
            *_pairs("--secret", {**self._secrets, **(secrets or {})}),
        ]
        home = {"HOME": str(self._folder), "XDG_CONFIG_HOME": str(self._folder), "XDG_CACHE_HOME": str(self._folder)}
        try:
            done = subprocess.run(
                command,
                cwd=repository,
                env={**self._engine.environ(), **home},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=limit,
                check=False,
            )
        except subprocess.TimeoutExpired:
            output(["docker", "rm", "--force", *self._containers()], env=self._engine.environ())
            raise
        said = done.stdout.replace(f" {self._mark}", "")
        records = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
        return ActResult(exit_code=done.returncode, records=records, stderr=done.stderr)

    def _containers(self) -> list[str]:
        command = ["docker", "ps", "--all", "--quiet", "--filter", f"name={self._mark}"]
        return (output(command, env=self._engine.environ()) or "").split()


def for_act(text: str) -> str:
    """A workflow as act's schema takes it: without `queue`, which it does not know (act 0.2.89)."""
    return re.sub(r"^ *queue: max\n", "", text, flags=re.MULTILINE)


def marked(text: str, mark: str) -> str:
    """A workflow whose own name and jobs' names end with a mark.

    act names containers and volumes by these names alone, and those of a reusable workflow by its caller's job: of two
    that run at once with the same names, each would remove the other's.
    """
    return re.sub(r"^(name|    name): (.*)$", rf"\1: \2 {mark}", text, flags=re.MULTILINE)


def _pairs(flag: str, values: Mapping[str, str]) -> Iterator[str]:
    for name, value in values.items():
        yield flag
        yield f"{name}={value}"
