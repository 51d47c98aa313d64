"""`make compat`: which Metaflow works with which of Argo's CRDs, and on Step Functions, tried and written down.

Each release is installed as a user installs it, by the input `requirements`, and the whole action does each operation:
on a real Kubernetes with a real workflow-controller, in a cluster of its own (docs/cluster.md), and on the sandbox's
AWS, which executes. The result is docs/compatibility.json; `make docs` makes the tables of docs/compatibility.md of it.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from deployer.deadline import Cancellation, Deadline
from deployer.inputs import read_inputs
from deployer.worker.environment import interpreter
from sandbox.docker.engine import ensure_engine
from sandbox.job import ENDED, EVENTS, Job
from sandbox.kubernetes.api import path_of, wait_for
from sandbox.kubernetes.argo import Crds
from sandbox.kubernetes.cluster import Cluster, own_cluster
from sandbox.kubernetes.lifecycle import down
from sandbox.kubernetes.place import own_place
from sandbox.kubernetes.versions import read_versions
from sandbox.runner import ROOT, JobResult, Runner
from sandbox.world import World

YEAR = datetime.timedelta(days=365)
"""How far back releases are tried: with `minimal` CRDs and on Step Functions all of them."""
EACH_KIND = ("2.19.9", "2.19.22", "2.19.32", "2.19.35", "2.19.39")
"""Those that are tried with every kind of CRDs: what was the newest twelve, eight and four months before the table was
made, and the newest then; 2.19.32 is the first that can write a schedule as Argo 4 takes it."""
KINDS: tuple[Crds, ...] = ("minimal", "full", "v4")
FLOWS = ROOT / "tests" / "e2e" / "kubernetes" / "flows"
CLUSTER = 2
"""The number of the cluster: its CRDs are changed, so nobody else may use it."""
LIMIT = 120.0
"""Seconds for a command of Metaflow's own, an installation, or the controller to act."""
TASK_CPU = "0.4"
"""Of a core, for each task: so little that four run at a time, and enough beside the action's own processes."""
WORKS = "works"


@dataclass(frozen=True, kw_only=True)
class Row:
    """What was found of one release in one place.

    Attributes:
        date: when it was tried.
        metaflow: the release.
        orchestrator: as the input names it.
        crds: the kind of Argo's CRDs; None where there are none.
        operations: `works`, or what was told instead, by the operation.
    """

    date: str
    metaflow: str
    orchestrator: str
    crds: Crds | None
    operations: dict[str, str]


class Trial:
    """One release in one place: jobs of the action, and what came of them."""

    def __init__(self, job: Job, release: str) -> None:
        self.job = job
        self.release = release
        self.found: dict[str, str] = {}

    def run(self, name: str, flow: str = "", **inputs: str) -> JobResult:
        """Run a job, and keep how it ended as the operation's result."""
        result = self.job(flow, tell=None, requirements=f"metaflow=={self.release}", **inputs)
        self.keep(name, result.exit_code == 0, _told(result))
        return result

    def keep(self, name: str, works: bool, told: str) -> None:
        """Keep an operation's result; what was kept as failed stays failed."""
        if self.found.get(name, WORKS) == WORKS:
            self.found[name] = WORKS if works else told

    def deploy(self) -> str:
        """Create, trigger and follow a run, and redeploy; the run's id."""
        result = self.run("create", "tiny", **ENDED)
        # a job that fails while it waits has deployed and triggered all the same
        deployed = bool(result.deployments) and result.deployments[0]["deployment_id"] is not None
        self.found["create"] = WORKS if deployed else _told(result)
        self.keep("create", f"Metaflow {self.release} " in result.log, "another Metaflow deployed")
        self.keep("trigger", bool(result.outputs.get("run-id")), _told(result))
        self.keep("wait", result.outputs.get("run-status") == "succeeded", _told(result))
        again = self.run("redeploy", "tiny")
        self.keep("redeploy", "Replaced" in again.summary, "nothing was replaced")
        return result.outputs.get("run-id", "")


class ArgoTrial:
    """What a release does on the real cluster."""

    def __init__(self, trial: Trial, cluster: Cluster, namespace: str) -> None:
        self._trial = trial
        self._cluster = cluster
        self._namespace = namespace
        self._job = trial.job

    def __call__(self) -> dict[str, str]:
        """Try every operation, one after another."""
        trial, name = self._trial, "tinyflow"
        trial.deploy()
        scheduled = trial.run("schedule", "nightly").deployments
        trial.keep("schedule", bool(scheduled and scheduled[0]["schedule"]), "the schedule is not read back")
        self._job.runner.environment.update(EVENTS)
        evented = trial.run("event", "arrival").deployments
        trial.keep("event", bool(evented and evented[0]["triggers"]), "the trigger is not read back")
        run = self._triggered()
        for operation, field, value in (
            ("suspend", "suspend", True),
            ("unsuspend", "suspend", None),
            ("terminate", "shutdown", "Terminate"),
        ):
            trial.run(operation, operation=operation, deployment_id=name, run_id=run)
            self._keep_switch(operation, run, field, value)
        self._metaflows_own(self._triggered())
        trial.run("delete", operation="delete", deployment_id=name)
        trial.keep("delete", self._find("WorkflowTemplate", name) is None, "the template still stands")
        return trial.found

    def _triggered(self) -> str:
        """A run under way that the controller has taken up."""
        result = self._trial.run("trigger", operation="trigger", deployment_id="tinyflow", wait="none")
        run = str(result.outputs["run-id"])
        name = run.removeprefix("argo-")
        wait_for(lambda: (self._find("Workflow", name) or {}).get("status"), what=f"the controller: {run}", limit=LIMIT)
        return run

    def _keep_switch(self, operation: str, run: str, field: str, value: Any) -> None:
        workflow = self._find("Workflow", run.removeprefix("argo-")) or {}
        trial = self._trial
        trial.keep(operation, workflow.get("spec", {}).get(field) == value, f"`spec.{field}` was left as it was")

    def _metaflows_own(self, run: str) -> None:
        """Metaflow's own commands, which Deployer's objects call too, in the same release."""
        folder = self._job.runner.folder / "own"
        folder.mkdir(parents=True)
        environ = {**os.environ, **self._job.runner.environment, "METAFLOW_HOME": str(folder)}
        environ["METAFLOW_USER"] = "octo-org.flows"  # as the action calls itself, so that the flow is its own
        inputs = read_inputs({"INPUT_FLOW": "tiny.py", "INPUT_REQUIREMENTS": f"metaflow=={self._trial.release}"})
        python = interpreter(
            inputs,
            environ,
            workspace=self._job.workspace,
            folder=folder,
            deadline=Deadline(LIMIT),
            cancellation=Cancellation(),
            print_line=lambda _: None,
        )
        for command, field, value in (("suspend", "suspend", True), ("terminate", "shutdown", "Terminate")):
            ended = subprocess.run(
                [python, str(FLOWS / "tiny.py"), "--no-pylint", "argo-workflows", command, run],
                env=environ,
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=LIMIT,
                check=False,
            )
            last = [line.strip() for line in (ended.stdout + ended.stderr).splitlines() if line.strip()][-1:]
            self._trial.keep(f"metaflow's own {command}", ended.returncode == 0, " ".join(last))
            self._keep_switch(f"metaflow's own {command}", run, field, value)

    def _find(self, kind: str, name: str) -> dict[str, Any] | None:
        return self._cluster.api().get(path_of(kind, name, namespace=self._namespace, api="argoproj.io/v1alpha1"))


def on_argo(cluster: Cluster, world: World, folder: Path, kind: Crds, release: str) -> Row:
    """Try a release in a namespace of its own."""
    namespace = f"compat-{kind}-{release.replace('.', '-')}"
    cluster.namespace(namespace)
    try:
        environment = {**cluster.environment(world, namespace), "METAFLOW_KUBERNETES_CPU": TASK_CPU}
        trial = Trial(_job(folder / namespace, world, environment, "argo-workflows"), release)
        operations = ArgoTrial(trial, cluster, namespace)()
    finally:
        cluster.remove_namespace(namespace)
    return _row(release, "argo-workflows", kind, operations)


def on_step_functions(world: World, folder: Path, release: str) -> Row:
    """Try a release on AWS; a name of its own for each, since they share the account."""
    job = _job(folder / f"aws-{release}", world, world.environment, "step-functions")
    job.runner.environment["METAFLOW_USER"] = "compat"
    name = f"Tiny-{release.replace('.', '-')}"
    trial = Trial(Job(job.runner, job.workspace, orchestrator="step-functions", deployment_name=name), release)
    trial.deploy()
    deleting = Trial(Job(job.runner, job.workspace, orchestrator="step-functions"), release)
    deleting.run("delete", operation="delete", deployment_id=name)
    return _row(release, "step-functions", None, {**trial.found, **deleting.found})


def _row(release: str, orchestrator: str, kind: Crds | None, operations: dict[str, str]) -> Row:
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    row = Row(date=today, metaflow=release, orchestrator=orchestrator, crds=kind, operations=operations)
    failed = {name: told for name, told in operations.items() if told != WORKS}
    print(f"Metaflow {release} on {orchestrator}{f' ({kind} CRDs)' if kind else ''}: {failed or WORKS}", flush=True)
    return row


def _job(folder: Path, world: World, environment: dict[str, str], orchestrator: str) -> Job:
    workspace = folder / "checkout"
    shutil.copytree(FLOWS, workspace / "flows")
    runner = Runner(folder / "runner", environment=environment, api_url=world.github.api_url)
    return Job(runner, workspace, orchestrator=orchestrator)


def _told(result: JobResult) -> str:
    """What the action told of a failure, in one line."""
    errors = [line for line in result.log.splitlines() if line.startswith("::error")]
    first = errors[0].rpartition("::")[2] if errors else f"exit code {result.exit_code}"
    return first.split("%0A%0A")[0].replace("%0A", " ").strip()  # the evidence comes after


@contextmanager
def _cluster() -> Iterator[Cluster]:
    place = own_place(CLUSTER)
    try:
        yield own_cluster(ensure_engine(), lambda line: print(line, flush=True), place)
    finally:
        down(place)


class Measured:
    """The rows of the file, the earlier ones too as long as they are of the same versions of all else.

    Each is written as soon as it is known, so that what was tried is not lost with the rest.
    """

    def __init__(self, output: Path, versions: dict[str, str]) -> None:
        self._output = output
        self._versions = {**versions, "python": ".".join(str(part) for part in sys.version_info[:3])}
        self._lock = threading.Lock()
        before = json.loads(output.read_text()) if output.exists() else {}
        rows = before["rows"] if before.get("versions") == self._versions else []
        self._rows = {_order(row): row for row in (Row(**one) for one in rows)}

    def has(self, orchestrator: str, release: str, kind: Crds | None) -> bool:
        """Whether it was tried."""
        with self._lock:
            return _key(orchestrator, release, kind) in self._rows

    def add(self, row: Row) -> None:
        """Keep a row in place of an earlier one of the same, and write all, in the order of the releases."""
        with self._lock:
            self._rows[_order(row)] = row
            rows = [asdict(self._rows[key]) for key in sorted(self._rows)]
            self._output.write_text(json.dumps({"versions": self._versions, "rows": rows}, indent=2) + "\n")


def _order(row: Row) -> tuple[str, tuple[int, ...], int]:
    return _key(row.orchestrator, row.metaflow, row.crds)


def _key(orchestrator: str, release: str, kind: Crds | None) -> tuple[str, tuple[int, ...], int]:
    return orchestrator, _numbers(release), KINDS.index(kind) if kind else 0


def _numbers(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in release.split("."))


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is to be tried."""

    releases: tuple[str, ...]
    """With `minimal` CRDs and on Step Functions."""
    each_kind: tuple[str, ...]
    """With the other CRDs."""
    kinds: tuple[Crds, ...]
    missing: bool
    """Only what has no row yet."""
    parallel: int

    def of(self, measured: Measured, orchestrator: str, kind: Crds | None) -> list[str]:
        """The releases to try in one place."""
        releases = self.releases if kind in (None, "minimal") else self.each_kind
        return [one for one in releases if not (self.missing and measured.has(orchestrator, one, kind))]


def _try_argo(wanted: Wanted, output: Path, folder: Path) -> None:
    with (
        _cluster() as cluster,
        World(folder / "world", host=cluster.address) as world,
        ThreadPoolExecutor(max_workers=wanted.parallel) as pool,
    ):
        measured = Measured(output, asdict(cluster.built.versions))
        for kind in wanted.kinds:
            releases = wanted.of(measured, "argo-workflows", kind)
            if releases:
                cluster.install_crds(kind)
            rows = [pool.submit(on_argo, cluster, world, folder, kind, release) for release in releases]
            for row in rows:
                measured.add(row.result())


def _try_step_functions(wanted: Wanted, output: Path, folder: Path) -> None:
    measured = Measured(output, asdict(read_versions()))
    with World(folder / "aws") as world:
        for release in wanted.of(measured, "step-functions", None):
            measured.add(on_step_functions(world, folder, release))


def recent_releases(today: datetime.date) -> tuple[str, ...]:
    """The releases of the last year that the package registry has, after the one that was the newest before it.

    Raises:
        subprocess.CalledProcessError: the registry cannot be asked.
    """
    before = (today - YEAR).isoformat()
    compile_ = ["uv", "pip", "compile", "--quiet", "--no-deps", "--no-header", "--no-annotate", "-"]
    oldest = _output([*compile_, "--exclude-newer", before], "metaflow").strip().partition("==")[2]
    listed = _output([sys.executable, "-m", "pip", "index", "versions", "metaflow"])
    found = re.search(r"Available versions: (.*)", listed)
    versions = found[1].split(", ") if found else []
    return tuple(sorted((one for one in versions if _numbers(one) >= _numbers(oldest)), key=_numbers))


def _output(command: list[str], given: str = "") -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environ = {**os.environ, "PATH": path, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    return subprocess.run(
        command, input=given, env=environ, stdout=subprocess.PIPE, text=True, timeout=LIMIT, check=True
    ).stdout


def main() -> int:
    """Try everything, and write docs/compatibility.json; failures are results, and written too."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("releases", nargs="*", metavar="RELEASE", help="of Metaflow; without one, the last year's")
    parser.add_argument("--on", choices=("argo-workflows", "step-functions"), help="this orchestrator alone")
    parser.add_argument("--crds", choices=KINDS, action="append", help="this kind of CRDs alone; may be repeated")
    parser.add_argument("--missing", action="store_true", help="only what has no row yet")
    parser.add_argument("--parallel", type=int, default=2, help="releases tried at a time on the cluster")
    arguments = parser.parse_args()
    given = tuple(arguments.releases)
    wanted = Wanted(
        releases=given or recent_releases(datetime.datetime.now(datetime.UTC).date()),
        each_kind=given or EACH_KIND,
        kinds=tuple(arguments.crds or KINDS),
        missing=arguments.missing,
        parallel=arguments.parallel,
    )
    output = ROOT / "docs" / "compatibility.json"
    with tempfile.TemporaryDirectory(prefix="metaflow-deploy-compat-") as name:
        if arguments.on != "argo-workflows":
            _try_step_functions(wanted, output, Path(name))
        if arguments.on != "step-functions":
            _try_argo(wanted, output, Path(name))
    return 0


if __name__ == "__main__":
    sys.exit(main())
