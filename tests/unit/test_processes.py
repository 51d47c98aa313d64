"""Processes that the action starts: what they are given, and how they are ended."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from deployer.deadline import Cancellation, Deadline
from deployer.environment import worker_environment
from deployer.processes import finish


def test_a_flow_is_given_no_token_of_the_jobs() -> None:
    job = {
        "ACTIONS_ID_TOKEN_REQUEST_URL": "x",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "x",
        "INPUT_GITHUB-TOKEN": "x",
        "GITHUB_TOKEN": "x",
        "ACTIONS_RUNTIME_TOKEN": "x",
        "GITHUB_OUTPUT": "x",
        "AWS_ACCESS_KEY_ID": "x",
        "PATH": "/bin",
    }
    assert worker_environment(job, {"A": "1"}, {"AWS_ACCESS_KEY_ID"}) == {"PATH": "/bin", "A": "1"}


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    code = "import sys; print(sys.stdin.read(), flush=True); sys.stdin.close(); import time; time.sleep(600)"
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe, stderr=pipe, text=True) as started:
        yield started
        started.kill()


def test_a_process_is_ended_at_its_limit_and_what_it_wrote_is_kept(process: subprocess.Popen[str]) -> None:
    output, _ = finish(process, "asked", Deadline(2), Cancellation())
    assert process.returncode == -signal.SIGKILL
    assert output == "asked\n"


def test_a_process_is_ended_when_the_job_is_cancelled(process: subprocess.Popen[str]) -> None:
    cancellation = Cancellation()
    cancellation.cancel(signal.SIGINT)
    finish(process, "", Deadline(600), cancellation)
    assert process.returncode == -signal.SIGKILL
