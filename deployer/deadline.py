"""Limits and cancellation, handed into everything that waits. Nothing sleeps without them."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Deadline:
    """A point in time after which something is given up."""

    def __init__(self, seconds: float) -> None:
        """Args: seconds: from now."""
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    @property
    def remaining(self) -> float:
        """Seconds left, never below zero."""
        return max(0.0, self._end - time.monotonic())

    @property
    def passed(self) -> bool:
        """Whether it lies behind."""
        return self.remaining == 0.0

    def within(self, seconds: float) -> Deadline:
        """The earlier of this deadline and one `seconds` from now."""
        return Deadline(min(seconds, self.remaining))


class Cancellation:
    """Whether the job was cancelled, as a descriptor that waits can watch.

    GitHub's runner cancels a container action by SIGINT, SIGTERM 7.5 seconds later, and a kill 2.5 seconds after that
    (measured; docs/architecture.md). Only the first signal counts; what is under way sees it at its next wait.
    """

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        self.signal: signal.Signals | None = None

    def fileno(self) -> int:
        """Readable once cancelled."""
        return self._read

    @property
    def cancelled(self) -> bool:
        """Whether a signal came."""
        return self.signal is not None

    def cancel(self, number: int) -> None:
        """Cancel; what a signal handler calls."""
        if self.signal is None:
            self.signal = signal.Signals(number)
            os.write(self._write, b"x")

    def wait(self, seconds: float) -> bool:
        """Wait that long, or until cancelled; whether it was cancelled."""
        return bool(select.select([self._read], [], [], seconds)[0])

    @contextmanager
    def on_signals(self) -> Iterator[Cancellation]:
        """Take SIGINT and SIGTERM as cancellation for as long as this lasts. Main thread only."""
        numbers = (signal.SIGINT, signal.SIGTERM)
        before = [signal.signal(number, lambda received, _: self.cancel(received)) for number in numbers]
        try:
            yield self
        finally:
            for number, handler in zip(numbers, before, strict=True):
                signal.signal(number, handler)
