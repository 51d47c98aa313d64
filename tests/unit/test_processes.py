"""Processes that the action starts: what they are given, and how they are ended."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployer.deadline import Cancellation, Deadline
from deployer.environment import git_variables, installer_environment, worker_environment
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


def test_an_installer_is_given_no_python_setting_of_the_jobs() -> None:
    job = {"PYTHONPATH": "src", "PYTHONHOME": "/x", "UV_INDEX": "https://example.com", "GH_TOKEN": "x"}
    assert installer_environment(job) == {"UV_INDEX": "https://example.com"}
    assert worker_environment(job, {})["PYTHONPATH"] == "src"


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://mona:s3cret@github.com/o/r.git", "https://github.com/o/r.git"),
        ("https://ghs_token@example.com:8443/o/r", "https://example.com:8443/o/r"),
        ("https://github.com/o/r.git", None),
        ("git@github.com:o/r.git", None),
        ("https://mona:s3cret@[broken/r.git", "https://[broken/r.git"),
    ],
)
def test_git_takes_the_workspace_and_hides_a_password_of_the_remote(url: str, told: str | None, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_text(f'[remote "origin"]\n\turl = {url}\n')
    for count, first in (("", 0), ("2", 2), ("many", 0)):
        variables = git_variables({"GITHUB_WORKSPACE": str(tmp_path), "GIT_CONFIG_COUNT": count})
        total = int(variables["GIT_CONFIG_COUNT"])
        pairs = [(variables[f"GIT_CONFIG_KEY_{n}"], variables[f"GIT_CONFIG_VALUE_{n}"]) for n in range(first, total)]
        assert ("safe.directory", str(tmp_path)) in pairs
        assert [value for key, value in pairs if key == "remote.origin.url"] == ([told] if told else [])


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
