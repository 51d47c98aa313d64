"""Look at everything that deploying needs, and change nothing: each look by itself, under a limit of its own."""

from __future__ import annotations

import shutil
import tempfile
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from deployer.check import bad, of_failure, ok, unknown, warning
from deployer.console import Console
from deployer.deadline import Cancellation, Deadline
from deployer.event import Event
from deployer.flows import check_syntax
from deployer.inputs import CommentMode, Inputs, check_paths
from deployer.operations.airflow import airflow_settings
from deployer.operations.job import open_worker
from deployer.orchestrators.airflow.settings import AirflowSettings
from deployer.orchestrators.checks import Area, areas
from deployer.outcome import Check, CheckState, DeployError, Failure, FailureReason
from deployer.worker import protocol
from deployer.worker.client import FlowProcess, Worker, WorkerCancelled, WorkerError, WorkerTimeout

LOOK_LIMIT = 20.0
"""Seconds for one area: a service that is well answers within one."""
LITTLE_ROOM, NO_ROOM = 1_000_000_000, 100_000_000
"""Bytes of disk: below the first `requirements` may not fit, below the second nothing does."""


@dataclass(frozen=True, kw_only=True)
class Doctor:
    """What every look may use."""

    event: Event
    inputs: Inputs
    environ: Mapping[str, str]
    workspace: Path
    console: Console
    cancellation: Cancellation


def examine(doctor: Doctor) -> tuple[tuple[Check, ...], tuple[Failure, ...]]:
    """Look at everything.

    Args:
        doctor: the job.

    Returns:
        What was found, in the order in which it was looked at; and why not all was looked at (the job was cancelled).
    """
    found: list[Check] = []
    try:
        for check in _all(doctor):
            doctor.console.info(_line(check))
            found.append(check)
    except WorkerCancelled as cancelled:
        return tuple(found), cancelled.failures
    return tuple(found), ()


def _line(check: Check) -> str:
    advice = f" -> {check.advice}" if check.advice else ""
    return f"{check.state:<8}{check.name}: {check.found}{advice}"


def _all(doctor: Doctor) -> Iterator[Check]:
    for name, look in (("Inputs", _inputs), ("Disk", _disk), ("GitHub token", _github)):
        yield from _looked(name, look, doctor)
    yield from _in_worker(doctor)


def _looked(name: str, look: Callable[[Doctor], tuple[Check, ...]], doctor: Doctor) -> tuple[Check, ...]:
    """What a look of this process found; one that raises ends by itself alone."""
    try:
        return look(doctor)
    except DeployError as error:
        return (of_failure(name, error.failure),)
    except Exception as error:  # noqa: BLE001  # the others go on: told as an internal failure, with its traceback
        return (_internal(name, error),)


def _internal(name: str, error: Exception) -> Check:
    return bad(
        name,
        f"Looking at it met an error that the action does not know: {type(error).__name__}: {error}",
        "Please report it with its traceback.",
        FailureReason.INTERNAL,
        traceback.format_exc(),
    )


def _inputs(doctor: Doctor) -> tuple[Check, ...]:
    wrong = [of_failure(f"Input {failure.input}", failure) for failure in check_paths(doctor.inputs, doctor.workspace)]
    if wrong:
        return tuple(wrong)
    checks = [_flow(doctor, flow) for flow in doctor.inputs.flows]
    return tuple(checks) or (ok("Inputs", "no flow is named: what a flow itself needs is not looked at"),)


def _flow(doctor: Doctor, flow: str) -> Check:
    name = str(Path(doctor.inputs.working_directory, flow))
    try:
        check_syntax(doctor.workspace / name, doctor.workspace)
    except DeployError as error:
        return of_failure(f"Flow {name}", error.failure)
    return ok(f"Flow {name}", "a Python file; Metaflow opens it when it is deployed")


def _disk(doctor: Doctor) -> tuple[Check, ...]:  # noqa: ARG001  # every look takes the same
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    found = f"{free / 1e9:.1f} GB free in `{folder}`"
    advice = "Free some on the runner: requirements and code packages are written there."
    if free < NO_ROOM:
        return (bad("Disk", f"{found}.", advice, FailureReason.DEPLOY),)
    return (warning("Disk", f"{found}.", advice) if free < LITTLE_ROOM else ok("Disk", found),)


def _github(doctor: Doctor) -> tuple[Check, ...]:
    inputs, event = doctor.inputs, doctor.event
    if inputs.comment is CommentMode.OFF:
        return (ok("GitHub token", "not needed with `comment: off`"),)
    if not inputs.github_token:
        advice = "Leave `github-token` at its default, or set `comment: off`."
        return (warning("GitHub token", "There is none, so no pull request gets a comment.", advice),)
    from deployer.github.client import ClientSettings, GitHubClient
    from deployer.github.token_check import token_checks

    client = GitHubClient(
        token=inputs.github_token,
        repository=event.repository or "",
        api_url=event.api_url,
        settings=ClientSettings(request_timeout=10, retries=0, longest_wait=0),
        deadline=Deadline(LOOK_LIMIT),
        cancellation=doctor.cancellation,
    )
    return token_checks(client, event, inputs.github_token, datetime.now(UTC))


def _in_worker(doctor: Doctor) -> Iterator[Check]:
    """What Metaflow's own process has to look at, with the interpreter that the flows are deployed with."""
    wanted = areas(doctor.inputs.orchestrator)
    try:
        yield from _examined(doctor, wanted)
    except DeployError as error:
        name = f"Input {error.failure.input}" if error.failure.input else "Environment"
        yield of_failure(name, error.failure)
        if error.failure.input == "requirements":
            yield from _examined(replace(doctor, inputs=replace(doctor.inputs, requirements=None)), wanted)
        else:
            yield from (unknown(area.title, f"not looked at, since {name} is not well") for area in wanted)


def _examined(doctor: Doctor, wanted: tuple[Area, ...]) -> Iterator[Check]:
    with open_worker(
        doctor.event,
        doctor.inputs,
        environ=doctor.environ,
        workspace=doctor.workspace,
        console=doctor.console,
        cancellation=doctor.cancellation,
    ) as worker:
        folder = str(doctor.workspace / doctor.inputs.working_directory)
        process = _Process(worker, doctor.inputs.orchestrator, airflow_settings(doctor.inputs, folder))
        try:
            ill: dict[str, str] = {}
            for area in wanted:
                cause = next((ill[need] for need in area.needs if need in ill), None)
                checks = process.look(area) if cause is None else (_not_looked_at(area, cause),)
                if any(check.state is CheckState.BAD and check.name == area.title for check in checks):
                    ill[area.name] = area.title
                elif cause is not None:
                    ill[area.name] = cause
                yield from checks
        finally:
            process.close()


def _not_looked_at(area: Area, cause: str) -> Check:
    return unknown(area.title, f"not looked at, since {cause} is not well")


class _Process:
    """The process that looks; a new one after each that had to be ended."""

    def __init__(self, worker: Worker, orchestrator: str, airflow: AirflowSettings | None = None) -> None:
        self._worker = worker
        self._orchestrator = orchestrator
        self._airflow = airflow
        self._process: FlowProcess | None = None

    def look(self, area: Area) -> tuple[Check, ...]:
        """What was found in an area; its failure as a line, whatever it is.

        Raises:
            WorkerCancelled: the job was cancelled.
        """
        deadline = Deadline(LOOK_LIMIT)
        try:
            if self._process is None:
                self._process = self._worker.start(deadline)
            request = protocol.Examine(area=area.name, orchestrator=self._orchestrator, airflow=self._airflow)
            return self._process.call(request, tuple[Check, ...], deadline)
        except WorkerCancelled:
            self._process = None
            raise
        except WorkerTimeout:
            self._process = None
            return (bad(area.title, f"{area.silent} within {LOOK_LIMIT:.0f} s.", area.advice, area.reason),)
        except WorkerError as error:
            self.close()
            return (of_failure(area.title, error.failures[0]),)

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.close()
            self._process = None
