"""`make demo`, as a person runs it: each scenario ends well, tells what it should, and leaves nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import psutil

LIMIT = 300
"""Seconds for a scenario; both take less than one minute on two idle cores."""


def demo(scenario: str, output: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "sandbox.demo", "--scenario", scenario, "--output", str(output)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_operations_are_played_from_the_list_to_the_cleanup(tmp_path: Path) -> None:
    with demo("operations", tmp_path) as process:
        printed, _ = process.communicate(timeout=LIMIT)
    assert process.returncode == 0, printed
    reports = {path.name: path.read_text() for path in sorted(tmp_path.iterdir())}
    assert "its run succeeded" in reports["03-trigger.md"]
    assert "The nearest names are: `TrainFlow`" in reports["06-terminate.md"]
    assert "was terminated" in reports["07-terminate.md"]
    assert "would be deleted" in reports["08-cleanup.md"]
    assert "Deleted 1 deployment" in reports["09-cleanup.md"]
    assert "HelloFlow" not in reports["10-list.md"]


def test_a_demo_that_is_terminated_leaves_no_process(tmp_path: Path) -> None:
    with demo("merge", tmp_path) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "triggered TrainFlow/" in line:
                break
        else:
            raise AssertionError("the demo never triggered its run")
        started = psutil.Process(process.pid).children(recursive=True)
        assert started
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=LIMIT)
    assert process.returncode == 128 + signal.SIGTERM
    _, left = psutil.wait_procs(started, timeout=10)
    assert not left
