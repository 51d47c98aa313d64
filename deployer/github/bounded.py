"""A call that cannot hold up the job: it is left when its time is over or the job is cancelled."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from deployer.deadline import Cancellation

T = TypeVar("T")


class Abandoned(Exception):
    """The call was left; whether it was done is not known."""


class _Call(Generic[T]):
    """A call in a thread of its own, with a descriptor that tells its end."""

    def __init__(self, call: Callable[[], T]) -> None:
        self._call = call
        self._result: T | None = None
        self._error: BaseException | None = None
        self.ended, self._end = os.pipe()
        threading.Thread(target=self._run, daemon=True, name="github").start()

    def _run(self) -> None:
        try:
            self._result = self._call()
        except BaseException as error:  # noqa: BLE001  # raised where the call is waited for
            self._error = error
        finally:
            os.close(self._end)  # the thread's alone, so that it never writes into another's descriptor

    def result(self) -> T:
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[return-value]  # set where there is no error


def bounded(call: Callable[[], T], seconds: float, cancellation: Cancellation | None) -> T:
    """Call, and leave it when it takes too long.

    A socket's own timeout ends a server that is silent, not one that sends a byte now and then; a wait for a rate
    limit sleeps where no signal wakes it. What is left goes on in a daemon thread, which ends with the process.

    Args:
        call: what to do.
        seconds: how long at most; with none left, nothing is called.
        cancellation: ends the wait as soon as the job is cancelled; None where it is already, and told all the same.

    Returns:
        What the call returned.

    Raises:
        Abandoned: it was left, or never begun; with the reason.
        BaseException: whatever the call raised.
    """
    if seconds <= 0:
        raise Abandoned("no time was left")
    if cancellation is not None and cancellation.cancelled:
        raise Abandoned("the job was cancelled")
    running = _Call(call)
    watched = [running.ended] if cancellation is None else [running.ended, cancellation.fileno()]
    try:
        ready = select.select(watched, [], [], seconds)[0]
    finally:
        os.close(running.ended)
    if running.ended in ready:
        return running.result()
    raise Abandoned("the job was cancelled" if ready else f"it took more than {seconds:.0f} s")
