"""One flow of the job: its process, opened when it is needed and opened again after it had to be ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from deployer.console import Console
from deployer.deadline import Cancellation, Deadline
from deployer.inputs import Inputs
from deployer.inputs.config import config_files
from deployer.operations.sources import Sources
from deployer.outcome import Provenance
from deployer.production import ProductionRight
from deployer.worker import protocol
from deployer.worker.client import FlowProcess, Worker, WorkerCancelled, WorkerTimeout

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Job:
    """What all flows of a job share."""

    inputs: Inputs
    worker: Worker
    console: Console
    cancellation: Cancellation
    workspace: str
    """The absolute folder of the checkout."""
    folder: str
    """The absolute folder that flows are deployed from."""
    provenance: Callable[[str], Provenance]
    """The provenance of a flow file."""
    sources: Sources
    """Where the code of its flows comes from."""
    trigger_key: str
    """What makes this attempt of this job one and the same asker."""


class FlowHandle:
    """A flow and the process that holds it."""

    def __init__(self, job: Job, request: protocol.Open) -> None:
        self.job = job
        self._request = request
        self._process: FlowProcess | None = None
        self.opened: protocol.Opened | None = None
        self.parameters: Mapping[str, Any] = job.inputs.parameters
        """The run's Parameters: of the input's, those that this flow gets."""
        self.compiled: protocol.Compiled | None = None
        """The flow as plain data, once it was prepared."""

    @property
    def user(self) -> str | None:
        """METAFLOW_USER of the job; None before the process was opened."""
        return self.opened.settings.user if self.opened is not None else None

    @property
    def right(self) -> ProductionRight:
        """Whether the code of the flow, and the files that its Configs are read from, may go to production."""
        flow_file = Path(self._request.flow_file or self.job.folder)
        configs = (Path(self.job.folder, path) for path in config_files(self.job.inputs.config))
        return self.job.sources.right_of((flow_file, *configs))

    def open(self, deadline: Deadline) -> protocol.Opened:
        """Open the orchestrator for the flow, once; answers from then on what was found.

        Raises:
            WorkerError: with all that is wrong with the flow or its options.
        """
        if self._process is None:
            self._process, self.opened = self.job.worker.open(self._request, deadline)
        assert self.opened is not None
        return self.opened

    def call(self, request: protocol.Request, kind: type[T], deadline: Deadline) -> T:
        """Ask the flow's process; see `FlowProcess.call`."""
        self.open(deadline)
        assert self._process is not None
        try:
            return self._process.call(request, kind, deadline)
        except (WorkerTimeout, WorkerCancelled):
            self._process = None
            raise

    def call_aside(self, request: protocol.Request, kind: type[T], deadline: Deadline) -> T:
        """Ask a process of its own, which has the orchestrator and not the flow, whether the job is cancelled or not.

        What puts things back must neither wait for the flow's import nor end with the job.
        """
        without_flow = msgspec.structs.replace(self._request, flow_file=None)
        process, _ = self.job.worker.open(without_flow, deadline, Cancellation())
        try:
            return process.call(request, kind, deadline)
        finally:
            process.close()

    def close(self) -> None:
        """End the process; the next call opens the flow anew."""
        if self._process is not None:
            self._process.close()
            self._process = None
