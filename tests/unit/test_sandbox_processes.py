"""The sandbox's servers end with all that they started, whatever their processes made of their environment."""

from __future__ import annotations

import textwrap
from pathlib import Path

import psutil
import pytest

from sandbox.processes import Servers

SERVER = textwrap.dedent("""
    import argparse, os, subprocess, sys, threading
    parser = argparse.ArgumentParser()
    for name in ("--host", "--port", "--ready-fd", "--life-fd"):
        parser.add_argument(name)
    options = parser.parse_args()
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], env={}, process_group=0)
    os.write(int(options.ready_fd), b'{"port": %d}\\n' % child.pid)
    os.close(int(options.ready_fd))
    threading.Event().wait()
""")
"""It starts a process in a group of its own, with none of its environment, and tells its id as its port."""


def test_a_process_whose_environment_is_gone_ends_with_its_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "titled.py").write_text(SERVER)
    monkeypatch.chdir(tmp_path)  # where `python -m` looks
    servers = Servers(tmp_path)
    child = int(servers.start("titled", host="127.0.0.1").rsplit(":", 1)[1])
    assert psutil.pid_exists(child)
    servers.stop()
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE
