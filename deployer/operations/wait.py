"""Waiting for a run: one observation after another, one line of progress a change, an end at the limit."""

from __future__ import annotations

from dataclasses import replace

from deployer.deadline import Deadline
from deployer.inputs import OnTimeout, Wait
from deployer.operations.handle import FlowHandle
from deployer.outcome import Action, Change, Deployment, Failure, FailureReason, Run, RunStatus
from deployer.worker import protocol
from deployer.worker.client import WorkerCancelled, WorkerError

OBSERVE_LIMIT = 60.0
"""Seconds for one look at a run; the clients below have shorter limits of their own."""
MEND = "Correct the flow and merge again."
PASSING = (FailureReason.ORCHESTRATOR_UNREACHABLE, FailureReason.INTERNAL, FailureReason.DATASTORE)
"""What may pass by itself while a run goes on: the wait goes on too."""


def follow(handle: FlowHandle, deployment: Deployment, run: Run, wait: Wait) -> tuple[Run, Failure | None]:
    """Follow a run until it has started, or until its end.

    Args:
        handle: the flow.
        deployment: what was triggered.
        run: as `trigger` returned it.
        wait: how far to follow it.

    Returns:
        The run as it was seen last, and why the job fails for it; None if it does not.
    """
    return _Follower(handle, deployment, wait).follow(run)


class _Follower:
    def __init__(self, handle: FlowHandle, deployment: Deployment, wait: Wait) -> None:
        self._handle = handle
        self._deployment = deployment
        self._wait = wait
        self._inputs = handle.job.inputs
        self._console = handle.job.console
        self._deadline = Deadline(self._inputs.wait_timeout)
        self._unseen: Failure | None = None
        """Why the last look failed."""
        self._waiting: tuple[str, ...] = ()
        """What kept the run at the last look."""
        self._told_waiting: set[str] = set()
        self._unended: Failure | None = None
        """Why the run could not be terminated."""

    def follow(self, run: Run) -> tuple[Run, Failure | None]:
        told = None
        while True:
            try:
                run = self._look(run)
            except WorkerCancelled as error:
                return self._cancelled(run), error.failures[0]
            except WorkerError as error:
                if error.failures[0].reason not in PASSING:
                    return self._blind(run, error.failures[0])
                self._tell_unseen(error.failures[0])
            else:
                told = self._tell(run, told)
                if self._done(run):
                    return self._end(run)
            if self._wait is Wait.NONE:
                return run, None
            if self._deadline.passed:
                return self._late(run)
            if self._handle.job.cancellation.wait(min(self._inputs.poll_interval, self._deadline.remaining)):
                return self._cancelled(run), _cancelled_failure()

    def _look(self, run: Run, *, diagnose: bool = False) -> Run:
        request = protocol.Observe(deployment=self._deployment, run=run, diagnose=diagnose)
        seen = self._handle.call(request, Run, Deadline(OBSERVE_LIMIT))
        if self._unseen is not None:
            self._console.info("the run can be seen again")
            self._unseen = None
        return seen

    def _tell_unseen(self, failure: Failure) -> None:
        if self._unseen is None or self._unseen.message != failure.message:
            self._console.warning(f"The run cannot be seen at the moment; waiting goes on. {failure.message}")
        self._unseen = failure

    def _tell(self, run: Run, told: str | None) -> str:
        steps = f", in step {list(run.step_tasks)[-1]}" if run.step_tasks and not run.status.is_terminal else ""
        line = f"{run.pathspec}: {run.status}{steps}"
        if line != told:
            self._console.info(line)
        self._tell_waiting(run)
        return line

    def _tell_waiting(self, run: Run) -> None:
        """Tell what keeps the run, once it was seen twice: a pod that waits for a moment is nothing to tell."""
        lasting = [what for what in run.waiting if what in self._waiting and what not in self._told_waiting]
        for what in lasting:
            self._console.info(f"{run.pathspec}: {what}")
        self._told_waiting.update(lasting)
        self._waiting = run.waiting

    def _blind(self, run: Run, failure: Failure) -> tuple[Run, Failure | None]:
        """The run can be followed no further (credentials that expired, a right that is missing); it goes on."""
        note = f"left {run.status}, since it could not be followed any more"
        return replace(run, note=note), replace(failure, message=f"{failure.message} The run {run.pathspec} goes on.")

    def _done(self, run: Run) -> bool:
        return run.status.is_terminal or (self._wait is Wait.STARTED and run.begun)

    def _end(self, run: Run) -> tuple[Run, Failure | None]:
        if not run.status.is_terminal:
            return run, None
        try:
            run = self._look(run, diagnose=True)
        except WorkerCancelled as error:
            return self._cancelled(run), error.failures[0]
        except WorkerError as error:
            self._console.warning(f"The run has ended, but its tasks cannot be read. {error.failures[0].message}")
        return run, _run_failure(run)

    def _late(self, run: Run) -> tuple[Run, Failure | None]:
        waited = _span(self._inputs.wait_timeout)
        if self._inputs.on_timeout is OnTimeout.TERMINATE:
            run = self._terminate(run, waited)
        else:
            run = replace(run, note=f"left {run.status} after {waited}")
        begun = run.begun
        what = "did not end" if begun else "did not start"
        fate = run.note or "its fate is not known"
        kept = "".join(f" {_sentence(what)}" for what in run.waiting)
        said = f" The last look at it failed: {self._unseen.message}" if self._unseen is not None else ""
        return run, Failure(
            reason=FailureReason.RUN_TIMEOUT if begun else FailureReason.START_TIMEOUT,
            input="wait-timeout",
            message=f"The run {run.pathspec} {what} within {waited}: it was {fate}.{kept}{said}",
            advice=" ".join(filter(None, [_advice(run), self._unended.advice if self._unended is not None else ""])),
        )

    def _terminate(self, run: Run, waited: str) -> Run:
        request = protocol.Terminate(deployment=self._deployment, run=run)
        try:
            change = self._handle.call(request, Change, Deadline(OBSERVE_LIMIT))
        except WorkerError as error:
            self._unended = error.failures[0]
            return replace(run, note=f"left {run.status} after {waited}, since terminating it failed: {error}")
        if change.action is not Action.TERMINATED:
            return replace(run, note=f"over by itself just before it was to be terminated after {waited}")
        return replace(run, status=RunStatus.TERMINATED, note=f"terminated after {waited}")

    def _cancelled(self, run: Run) -> Run:
        return run if run.status.is_terminal else replace(run, note=f"left {run.status} when the job was cancelled")


def _cancelled_failure() -> Failure:
    return Failure(
        reason=FailureReason.CANCELLED,
        message="The job was cancelled while it waited for the run.",
        advice="The run goes on; terminate it at the orchestrator if it should not.",
    )


def _run_failure(run: Run) -> Failure | None:
    if run.status is RunStatus.SUCCEEDED:
        return None
    if run.status is RunStatus.TERMINATED:
        return Failure(
            reason=FailureReason.RUN_FAILED,
            message=f"The run {run.pathspec} was terminated by somebody else while the job waited for it.",
            advice="Trigger it again when it may run.",
            evidence=run.note or "",
        )
    if run.status is RunStatus.TIMED_OUT:
        return Failure(
            reason=FailureReason.RUN_FAILED,
            message=f"The run {run.pathspec} did not end within the deployment's own time limit, and was ended.",
            advice="Find out in its log what takes so long, or deploy with a longer `workflow-timeout`.",
            evidence=run.note or "",
        )
    task = run.failed_task
    where = f" in step {task.step}" if task is not None else ""
    why = f": {task.exception}" if task is not None and task.exception else ""
    return Failure(
        reason=FailureReason.RUN_FAILED,
        message=f"The run {run.pathspec} failed{where}{why}",
        advice=f"{(task.advice if task is not None else '') or MEND} What was deployed stays deployed meanwhile.",
        evidence=task.log if task is not None else run.note or "",
        path=task.path if task is not None else None,
        line=task.line if task is not None else None,
    )


def _advice(run: Run) -> str:
    if run.waiting:
        return "Correct what keeps the run waiting, or raise `wait-timeout`."
    if run.begun:
        return "Raise `wait-timeout`, or look at the run for what it waits for."
    return "Look at the orchestrator for what keeps it from starting (capacity, quota, image), or raise `wait-timeout`."


def _sentence(text: str) -> str:
    """What the orchestrator says in passing, as a sentence."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def _span(seconds: float) -> str:
    """A limit as a person writes it: 90s, 5m, 2h."""
    for size, unit in ((3600, "h"), (60, "m")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds:g}s"
