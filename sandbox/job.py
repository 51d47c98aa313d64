"""A job of one step, the action on a push, as tests run many of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sandbox.runner import JobEvent, JobResult, Runner, of_head, push

SHA = "e" * 40
PUSH = JobEvent(name="push", payload=push(before="1" * 40, after=SHA), sha=SHA)
ENDED = {"trigger": "true", "wait": "completed", "wait_timeout": "5m", "poll_interval": "1s"}
"""Inputs that follow a run to its end."""
EVENTS = {
    "METAFLOW_ARGO_EVENTS_EVENT": "metaflow-event",
    "METAFLOW_ARGO_EVENTS_EVENT_BUS": "default",
    "METAFLOW_ARGO_EVENTS_EVENT_SOURCE": "argo-events-webhook",
    "METAFLOW_ARGO_EVENTS_SERVICE_ACCOUNT": "operate-workflow-sa",
}
"""What Metaflow has to know of Argo Events for flows with triggers."""


class Job:
    """A job of one step, the action, on a push to the default branch."""

    def __init__(self, runner: Runner, workspace: Path, **inputs: str) -> None:
        """Args:
        runner: what runs it.
        workspace: the checkout.
        inputs: of every job, in snake_case.
        """
        self.runner = runner
        self.workspace = workspace
        self._inputs = inputs

    def __call__(self, flow: str = "", *, tell: Callable[[str], None] | None = None, **inputs: str) -> JobResult:
        """Run it.

        Args:
            flow: the flow file's name in `flows`, without its ending; empty where the operation has none.
            tell: takes each line of the log as it comes.
            inputs: in snake_case.
        """
        given = {"flow": f"flows/{flow}.py" if flow else "", "comment": "off", **self._inputs, **inputs}
        named = {name.replace("_", "-"): value for name, value in given.items() if value}
        return self.runner.run(of_head(PUSH, self.workspace), named, workspace=self.workspace, tell=tell)
