"""Limits and cancellation."""

import os
import signal
import threading

from deployer.deadline import Cancellation, Deadline


def test_a_deadline_never_goes_below_zero() -> None:
    deadline = Deadline(-1)
    assert deadline.remaining == 0.0
    assert deadline.passed
    assert deadline.within(60).passed


def test_a_part_of_a_deadline_ends_no_later_than_the_whole() -> None:
    assert Deadline(1).within(60).remaining <= 1
    assert Deadline(60).within(1).remaining <= 1


def test_a_signal_ends_a_wait_at_once_and_only_the_first_counts() -> None:
    with Cancellation().on_signals() as cancellation:
        threading.Timer(0.01, os.kill, [os.getpid(), signal.SIGTERM]).start()
        assert cancellation.wait(30)
        os.kill(os.getpid(), signal.SIGINT)
        assert cancellation.signal is signal.SIGTERM
        assert cancellation.wait(0), "a cancelled job stays cancelled"


def test_signals_are_given_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with Cancellation().on_signals():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before
