"""Every case, deployed by `python flow.py … create` and by the action: what came of it on each side."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from feature_cases import ARGO_EVENTS, CASES, CHECKOUT, Case
from orchestrator_sides import Objects, Side, Sides
from plain import AT_ONCE, Command, Done, Plain, environment_of

from sandbox.runner import JobEvent, JobResult, Runner, push

REPOSITORY = "octo-org/flows"
USER = "octo-org.flows"
"""The METAFLOW_USER that the action derives from the repository."""
MOST_FLOWS = 20
"""In one job."""


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """What an orchestrator holds of a flow."""

    identifier: str
    facts: Objects
    objects: Objects


@dataclass(frozen=True, kw_only=True)
class PlainResult:
    """What a person has who ran `create`."""

    done: Done
    deployed: Deployed | None

    @property
    def branch(self) -> str | None:
        """The branch of the project, as Metaflow printed it."""
        found = re.search(r"Project: \S+, Branch: (\S+)", self.done.output)
        return found[1] if found else None


@dataclass(frozen=True, kw_only=True)
class ActionResult:
    """What a job has of one of its flows."""

    job: JobResult
    flow: Mapping[str, Any]
    """Its object in the output `deployments`; empty where there is none."""
    deployed: Deployed | None
    written: int = 0
    """How much all jobs wrote whose flows were to be refused, or all others."""

    @cached_property
    def words(self) -> str:
        """What people read of the job, less Markdown's escapes."""
        text = re.sub(r"\\|\u200b|<!-- -->|[*`]|</?code>", "", self.job.summary + str(self.flow.get("failure_message")))
        return " ".join(html.unescape(text).split())


@dataclass(frozen=True, kw_only=True)
class Row:
    """A case on one orchestrator."""

    case: Case
    plain: PlainResult
    action: ActionResult

    @property
    def refused(self) -> bool:
        """Whether it is to be refused, by Metaflow or by a rule of the action's own."""
        return self.plain.deployed is None or bool(self.case.own_refusal)


class Table:
    """All cases on one orchestrator, both ways."""

    def __init__(self, orchestrator: str, folder: Path, cases: Iterable[Case] = CASES) -> None:
        """Deploy everything.

        Args:
            orchestrator: Deployer's TYPE.
            folder: an empty folder for checkout, logs and homes.
            cases: the rows.
        """
        self._orchestrator = orchestrator
        self._folder = folder
        self._checkout = folder / "checkout"
        self._sha = _make_checkout(self._checkout)
        self._stack = ExitStack()
        self._sides = self._stack.enter_context(Sides(folder / "servers", orchestrator))
        try:
            plain = self._run_plain(tuple(case for case in cases if orchestrator in case.orchestrators))
            self.rows = self._run_action(plain)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the servers."""
        self._stack.close()

    @property
    def provenance(self) -> tuple[str, ...]:
        """The Metaflow tags that the action adds."""
        return (f"repository:{REPOSITORY}", f"commit:{self._sha}")

    def _run_plain(self, cases: tuple[Case, ...]) -> dict[Case, PlainResult]:
        kubeconfig = self._folder / "kubeconfig"
        kubeconfig.write_text(self._sides.plain.kubeconfig)
        own = {"METAFLOW_USER": USER, "METAFLOW_HOME": self._folder / "metaflow-home", "HOME": self._folder}
        own["KUBECONFIG"] = kubeconfig
        usual = environment_of({**self._sides.plain.environment, **ARGO_EVENTS}, **own)
        results: dict[Case, PlainResult] = {}
        for shared in (True, False):
            some = [case for case in cases if _imports_as_usual(case) is shared]
            with Plain(usual, with_metaflow=shared) as python:
                for number, wave in enumerate(_waves(some)):
                    files = [self._folder / f"attributes-{shared}-{number}-{place}" for place, _ in enumerate(wave)]
                    commands = [
                        self._command(
                            case, file, environment_of({**self._sides.plain.environment, **case.environment}, **own)
                        )
                        for case, file in zip(wave, files, strict=True)
                    ]
                    for case, file, done in zip(wave, files, python.run(commands), strict=True):
                        name = _identifier(done, file)
                        results[case] = PlainResult(done=done, deployed=_look(self._sides.plain, name))
        return {case: results[case] for case in cases}

    def by_python_itself(self, case: Case) -> Deployed | None:
        """What a case is deployed as by a Python that is started for it: what all are compared with stands on that."""
        own = {"METAFLOW_USER": USER, "METAFLOW_HOME": self._folder / "metaflow-home", "HOME": self._folder}
        environment = {**self._sides.plain.environment, **case.environment}
        file = self._folder / "attributes-of-python"
        command = self._command(case, file, environment_of(environment, KUBECONFIG=self._folder / "kubeconfig", **own))
        done = subprocess.run(
            [sys.executable, command.flow, *command.arguments],
            cwd=command.folder,
            env=dict(command.environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        found = Done(exit_code=done.returncode, output=done.stdout + done.stderr)
        return _look(self._sides.plain, _identifier(found, file))

    def _command(self, case: Case, attributes: Path, environment: Mapping[str, str]) -> Command:
        tags = [part for tag in self.provenance for part in ("--tag", tag)]
        named = ("--deployer-attribute-file", str(attributes))
        return Command(
            flow=os.path.relpath(case.path, case.folder),
            arguments=(*case.options, self._orchestrator, *case.group, "create", *named, *case.create, *tags),
            folder=str(self._checkout / case.folder),
            environment=environment,
        )

    def _run_action(self, plain: Mapping[Case, PlainResult]) -> tuple[Row, ...]:
        """Flows of one job together, jobs side by side. Those that are to be refused come last, in jobs of their own:
        these must write nothing."""
        refused = {case for case, result in plain.items() if result.deployed is None or case.own_refusal}
        found: dict[Case, ActionResult] = {}
        for some in ([case for case in plain if case not in refused], [case for case in plain if case in refused]):
            before = self._sides.action.written()
            for wave in _waves(some):
                with ThreadPoolExecutor(AT_ONCE) as at_once:
                    for results in at_once.map(self._job, _jobs(wave)):
                        found |= results
            written = self._sides.action.written() - before
            found |= {case: replace(found[case], written=written) for case in some}
        return tuple(Row(case=case, plain=plain[case], action=found[case]) for case in plain)

    def _job(self, cases: list[Case]) -> dict[Case, ActionResult]:
        first = cases[0]
        inputs = {
            "orchestrator": self._orchestrator,
            "flow": "\n".join(os.path.relpath(case.path, case.folder) for case in cases),
            "working-directory": first.folder,
            "kubeconfig": self._sides.action.kubeconfig,
            "comment": "off",
            **first.inputs,
        }
        environment = {**self._sides.action.environment, **first.environment}
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        runner = Runner(folder, environment=environment, api_url=self._sides.api_url, repository=REPOSITORY)
        payload = push(before="1" * 40, after=self._sha, ref=f"refs/heads/{first.branch}")
        event = JobEvent(name="push", payload=payload, sha=self._sha, ref=f"refs/heads/{first.branch}")
        job = runner.run(event, inputs, workspace=self._checkout)
        by_flow = {one["flow"]: one for one in job.deployments}
        found = {}
        for case in cases:
            flow = by_flow.get(case.path, {})
            deployed = _look(self._sides.action, flow.get("deployment_id") if flow.get("status") == "success" else None)
            found[case] = ActionResult(job=job, flow=flow, deployed=deployed)
        return found


def _jobs(cases: Iterable[Case]) -> list[list[Case]]:
    jobs: dict[object, list[Case]] = {}
    for case in cases:
        jobs.setdefault(case.job, []).append(case)
    return [one[start : start + MOST_FLOWS] for one in jobs.values() for start in range(0, len(one), MOST_FLOWS)]


def _look(side: Side, identifier: str | None) -> Deployed | None:
    if identifier is None:
        return None
    return Deployed(identifier=identifier, facts=side.facts(identifier), objects=side.objects(identifier))


def _waves(cases: Iterable[Case]) -> list[list[Case]]:
    """Such that none has a flow twice: what one deployed is looked at before the next replaces it."""
    waves: list[list[Case]] = []
    for case in cases:
        free = (wave for wave in waves if case.flow not in {one.flow for one in wave})
        wave = next(free, None)
        if wave is None:
            waves.append(wave := [])
        wave.append(case)
    return waves


def _imports_as_usual(case: Case) -> bool:
    """Whether Metaflow, imported with the usual environment, is what this case imports."""
    own = {name: value for name, value in case.environment.items() if not name.startswith("METAFLOW_FLOW_")}
    return own == ARGO_EVENTS and not case.fresh


def _identifier(done: Done, attributes: Path) -> str | None:
    """What Metaflow wrote for its Deployer; it writes it before it deploys, so the exit code counts as well."""
    if done.exit_code or not attributes.is_file():
        return None
    return str(json.loads(attributes.read_text())["name"])


def _make_checkout(folder: Path) -> str:
    """A repository with the flows, and the commit's SHA."""
    shutil.copytree(CHECKOUT, folder, ignore=shutil.ignore_patterns("__pycache__", ".metaflow"))

    def git(*arguments: str) -> str:
        author = ("-c", "user.name=Mona", "-c", "user.email=mona@example.com")
        done = subprocess.run(["git", *author, *arguments], cwd=folder, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    git("init", "--quiet", "--initial-branch", "main")
    git("remote", "add", "origin", f"https://github.com/{REPOSITORY}.git")
    git("add", ".")
    git("commit", "--quiet", "--message", "Flows")
    return git("rev-parse", "HEAD")
