"""What actions/checkout leaves of its credentials: as its versions write it, in checkouts that git itself makes."""

from __future__ import annotations

import base64
import shutil
import subprocess
from pathlib import Path

import pytest

from deployer.checkout import persisted_credentials

TOKEN = "ghs_16C7e42F292c6912E7710c838347Ae178B4a"
BASIC = base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
HEADER = f"AUTHORIZATION: basic {BASIC}"
KEY = "http.https://github.com/.extraheader"

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="there is no git on this machine")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    config(folder, "remote.origin.url", "https://github.com/octo-org/flows")
    return folder


def config(folder: Path, key: str, value: str, *options: str) -> None:
    subprocess.run(["git", "-C", str(folder), "config", *options, key, value], check=True)


def test_a_header_in_the_configuration_is_found(checkout: Path) -> None:
    config(checkout, KEY, HEADER)
    left = persisted_credentials(checkout)
    assert left is not None
    assert (left.where, left.secrets) == ("`.git/config`", (BASIC, TOKEN))


@pytest.mark.parametrize("readable", [True, False])
def test_a_file_of_the_runners_temporary_folder_is_found(readable: bool, checkout: Path, tmp_path: Path) -> None:
    file = tmp_path / "runner_temp" / "git-credentials-0a1b2c3d.config"
    if readable:
        file.parent.mkdir()
        config(checkout, KEY, HEADER, "--file", str(file))
    outside = "/home/runner/work/_temp/git-credentials-0a1b2c3d.config"
    config(checkout, "includeIf.gitdir:/home/runner/work/flows/flows/.git.path", outside)
    config(checkout, "includeIf.gitdir:/github/workspace/.git.path", str(file))
    left = persisted_credentials(checkout)
    assert left is not None
    assert left.where == "the runner's temporary folder"
    assert left.secrets == ((BASIC, TOKEN) if readable else ())


def test_an_ssh_key_is_found(checkout: Path) -> None:
    config(checkout, "core.sshCommand", '"/usr/bin/ssh" -i "$RUNNER_TEMP/0a1b" -o StrictHostKeyChecking=yes')
    left = persisted_credentials(checkout)
    assert left is not None
    assert "SSH key" in left.where


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("include.path", "../shared.config"),
        (KEY, "X-Trace: 1"),
        ("core.sshCommand", "ssh -v"),
        ("http.proxy", "http://proxy.example.com"),
    ],
)
def test_what_else_a_configuration_has_is_no_credential(key: str, value: str, checkout: Path) -> None:
    config(checkout, key, value)
    assert persisted_credentials(checkout) is None


def test_without_a_repository_nothing_is_left(tmp_path: Path) -> None:
    assert persisted_credentials(tmp_path) is None


def test_a_header_that_is_no_base64_is_a_secret_all_the_same(checkout: Path) -> None:
    config(checkout, KEY, f"Authorization: Bearer {TOKEN}")
    left = persisted_credentials(checkout)
    assert left is not None
    assert left.secrets == (TOKEN,)
