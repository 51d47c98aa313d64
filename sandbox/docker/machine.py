"""What the rest of this package asks of the machine: commands, paths, and the reason where something can't be done."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path


class UnavailableError(Exception):
    """This machine can't do it; the message says what is missing, in one sentence."""


def cache_folder() -> Path:
    """Where what was made is kept: outside the work tree, shared by all clones of one user."""
    root = os.environ.get("XDG_CACHE_HOME")
    folder = (Path(root) if root else Path.home() / ".cache") / "metaflow-deploy"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Nobody else holds the lock of that path, in this process or another, for as long as this lasts."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def output(command: Sequence[str], *, env: Mapping[str, str] | None = None, timeout: float = 60) -> str | None:
    """What a command prints, or None if it failed, is not installed, or took longer than `timeout` seconds."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=env,
            timeout=timeout,
            check=False,
        )
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def logged(
    command: Sequence[str],
    log: Path,
    *,
    what: str,
    env: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> None:
    """Run a command with its output in a file.

    Args:
        command: the program and its arguments.
        log: takes what it prints; it is kept.
        what: what the command does, for the message.
        env: its environment; None for this process's own.
        folder: where it runs; None for this process's own.

    Raises:
        UnavailableError: the command failed; the message holds the end of the log.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as stream:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env=env,
            cwd=folder,
            check=False,
        )
    if done.returncode:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-12:])
        raise UnavailableError(f"{what} failed with exit status {done.returncode}; the log is {log}\n{tail}")


def install(*packages: str, log: Path) -> None:
    """Install system packages with apt.

    Raises:
        UnavailableError: not Debian or a relative of it, not root, or apt failed.
    """
    wanted = " ".join(packages)
    if shutil.which("apt-get") is None:
        raise UnavailableError(f"{wanted} can't be installed here: this system has no apt-get; install it by hand")
    if os.geteuid() != 0:
        raise UnavailableError(f"{wanted} can't be installed without root; install it by hand, or run this as root")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    logged(["apt-get", "update"], log.with_suffix(".update.log"), what="apt-get update", env=env)
    logged(
        ["apt-get", "install", "--yes", "--no-install-recommends", *packages],
        log,
        what=f"installing {wanted}",
        env=env,
    )
