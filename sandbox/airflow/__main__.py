"""`python -m sandbox.airflow`: an Airflow that serves until it is ended: all of its parts."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path

from sandbox.airflow.environments import PASSWORD, USER, VERSIONS, Environment, ensure_environment
from sandbox.processes import MARKER, die_with_parent, tell_ready
from sandbox.serving import parser

PAUSE = 0.5
"""Seconds between two looks at a server that is starting."""
LOOK_SECONDS = 5
FILE_SECONDS = "3"
"""How often a DAG file is parsed again: the more often, the busier two cores are."""
SECRET = "sandbox" * 10
SCHEDULER_SECONDS = "1"
COMMON = {
    "AIRFLOW__CORE__FERNET_KEY": "",
    "AIRFLOW__DATABASE__LOAD_DEFAULT_CONNECTIONS": "False",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": SCHEDULER_SECONDS,
    "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
}
OF_VERSION = {
    "2": {
        "AIRFLOW__API__AUTH_BACKENDS": "airflow.api.auth.backend.basic_auth",
        "AIRFLOW__CORE__MIN_SERIALIZED_DAG_FETCH_INTERVAL": "1",
        "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "1",
        "AIRFLOW__SCHEDULER__DAG_DIR_LIST_INTERVAL": "2",
        "AIRFLOW__SCHEDULER__MIN_FILE_PROCESS_INTERVAL": FILE_SECONDS,
        "AIRFLOW__SCHEDULER__PARSING_PROCESSES": "1",
        "AIRFLOW__WEBSERVER__SECRET_KEY": SECRET,
    },
    "3": {
        "AIRFLOW__API__SECRET_KEY": SECRET,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API_AUTH__JWT_SECRET": SECRET,
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL": "1",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": FILE_SECONDS,
        "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "1",
    },
}
HEALTH = {"2": "/api/v1/health", "3": "/api/v2/monitor/health"}


def main() -> int:
    """Serve until ended; the exit status of the first part that ends by itself."""
    arguments = parser(__doc__ or "")
    arguments.add_argument("--version", choices=VERSIONS, default=VERSIONS[-1])
    arguments.add_argument("--folder", type=Path, required=True, help="AIRFLOW_HOME; `dags` in it is where DAGs go")
    arguments.add_argument("--sidecar", default="", help="the image of the sidecar that reads what a pod returned")
    options = arguments.parse_args()
    die_with_parent(options.life_fd, own_marker=os.environ.get(MARKER))
    environment = ensure_environment(options.version)
    port = options.port or _free_port(options.host)
    parts = _start(environment, options, port)
    ended = _wait_until_healthy(parts, f"http://{options.host}:{port}{HEALTH[options.version]}")
    if ended is None:
        tell_ready(options.ready_fd, port)
        ended = _first_to_end(parts)
    for process in parts.values():
        process.terminate()  # or the others would serve on, with nobody to end them
    sys.stderr.write(f"airflow {ended} ended; see its log in {options.folder}\n")
    return 1


def _start(environment: Environment, options: argparse.Namespace, port: int) -> dict[str, subprocess.Popen[bytes]]:
    home: Path = options.folder
    (home / "dags").mkdir(parents=True, exist_ok=True)
    if not (home / "airflow.db").exists():
        shutil.copy(environment.database, home / "airflow.db")
    address = f"http://{options.host}:{port}"
    variables = {
        **COMMON,
        **OF_VERSION[environment.version],
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        MARKER: os.environ.get(MARKER, ""),
    }
    if options.sidecar:
        connection = {"conn_type": "kubernetes", "extra": {"xcom_sidecar_container_image": options.sidecar}}
        variables["AIRFLOW_CONN_KUBERNETES_DEFAULT"] = json.dumps(connection)
    if environment.version == "3":
        passwords = home / "passwords.json"
        passwords.write_text(json.dumps({USER: PASSWORD}))
        variables["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"] = str(passwords)
        variables["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] = f"{address}/execution/"
    env = environment.process_environment(**variables)
    return {
        command[0]: _part(environment, command, env, home)
        for command in _commands(environment.version, options.host, port)
    }


def _commands(version: str, host: str, port: int) -> list[list[str]]:
    if version == "2":
        return [["webserver", "--hostname", host, "--port", str(port), "--workers", "1"], ["scheduler"]]
    return [["api-server", "--host", host, "--port", str(port)], ["scheduler"], ["dag-processor"]]


def _part(environment: Environment, command: list[str], env: dict[str, str], home: Path) -> subprocess.Popen[bytes]:
    with (home / f"{command[0]}.log").open("wb") as log:
        return subprocess.Popen(
            [str(environment.python), "-m", "airflow", *command],
            env=env,
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def _wait_until_healthy(parts: dict[str, subprocess.Popen[bytes]], url: str) -> str | None:
    """Wait until database and scheduler are well; the part that ended meanwhile, if one did.

    Whoever started this process has a limit, and ends it at that.
    """
    pause = threading.Event()
    while not _is_healthy(url):
        ended = next((name for name, process in parts.items() if process.poll() is not None), None)
        if ended is not None:
            return ended
        pause.wait(PAUSE)
    return None


def _is_healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=LOOK_SECONDS) as answer:
            health = json.load(answer)
    except (OSError, ValueError, urllib.error.URLError):
        return False
    return all((health.get(part) or {}).get("status") == "healthy" for part in ("metadatabase", "scheduler"))


def _first_to_end(parts: dict[str, subprocess.Popen[bytes]]) -> str:
    pid, _ = os.wait()
    return next((name for name, process in parts.items() if process.pid == pid), "process")


def _free_port(host: str) -> int:
    with socket.create_server((host, 0)) as listener:
        return int(listener.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
