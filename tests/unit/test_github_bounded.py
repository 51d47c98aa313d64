"""A call that cannot hold up the job."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path

import pytest

from deployer.deadline import Cancellation
from deployer.github.bounded import Abandoned, bounded


def test_what_is_called_comes_back():
    assert bounded(lambda: 7, 10, Cancellation()) == 7
    with pytest.raises(KeyError, match="x"):
        bounded(lambda: {}["x"], 10, None)


def test_a_call_that_takes_too_long_is_left():
    never = threading.Event()
    before = time.monotonic()
    with pytest.raises(Abandoned, match="more than 0 s"):
        bounded(never.wait, 0.05, None)
    assert time.monotonic() - before < 5
    never.set()


def test_a_cancelled_job_waits_for_nothing():
    never, cancellation = threading.Event(), Cancellation()
    threading.Timer(0.05, cancellation.cancel, [signal.SIGTERM]).start()
    with pytest.raises(Abandoned, match="cancelled"):
        bounded(never.wait, 60, cancellation)
    never.set()


def test_nothing_is_begun_where_no_time_is_left_or_the_job_is_cancelled():
    called: list[int] = []
    cancellation = Cancellation()
    cancellation.cancel(signal.SIGTERM)
    with pytest.raises(Abandoned):
        bounded(lambda: called.append(1), 0, None)
    with pytest.raises(Abandoned):
        bounded(lambda: called.append(1), 60, cancellation)
    assert called == []


def test_no_descriptor_is_left():
    bounded(lambda: None, 10, None)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        bounded(lambda: None, 10, None)
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 1
