"""A child process under a limit, ended when the job is cancelled."""

from __future__ import annotations

import subprocess

from deployer.deadline import Cancellation, Deadline

TURN = 0.2
"""Seconds between two looks at the cancellation, which `communicate` cannot watch."""


def finish(
    process: subprocess.Popen[str], text: str, deadline: Deadline, cancellation: Cancellation
) -> tuple[str, str]:
    """Wait for a process, and kill it at its limit or when the job is cancelled.

    Args:
        process: with a pipe for its standard input, and one for each stream that is read.
        text: its standard input.
        deadline: its limit.
        cancellation: the job's.

    Returns:
        What it wrote to its output and to its error stream.
    """
    given: str | None = text
    while True:
        try:
            # a pipe may fill, so communicate() reads it
            output, errors = process.communicate(given, timeout=min(TURN, deadline.remaining))
        except subprocess.TimeoutExpired:
            given = None  # it is taken once
            if not cancellation.cancelled and not deadline.passed:
                continue
            process.kill()
            output, errors = process.communicate()
        return output or "", errors or ""
