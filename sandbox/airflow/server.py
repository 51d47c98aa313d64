"""An Airflow for as long as a `with` block lasts."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from types import TracebackType

from sandbox.airflow.environments import PASSWORD, USER, Environment, ensure_environment
from sandbox.processes import Servers

START_LIMIT = 240.0
"""Seconds until its scheduler is well; 20 on two idle cores."""


class AirflowServer:
    """One Airflow: its address, its folder for DAGs, and the credentials of its only user."""

    username = USER
    password = PASSWORD

    def __init__(self, folder: Path, version: str, *, host: str = "127.0.0.1", sidecar: str = "") -> None:
        """Args:
        folder: AIRFLOW_HOME; made if it is not there.
        version: `2` or `3`.
        host: the address to serve on.
        sidecar: the image of the sidecar in each task's pod, one that the cluster has.

        Raises:
            UnavailableError: there can be no such Airflow here.
        """
        self.environment: Environment = ensure_environment(version)
        self.folder = folder
        self.dags = folder / "dags"
        self.url = ""
        self._host = host
        self._sidecar = sidecar
        folder.mkdir(parents=True, exist_ok=True)
        self._servers = Servers(folder)

    @property
    def inputs(self) -> dict[str, str]:
        """The inputs of the action that name it."""
        return {
            "orchestrator": "airflow",
            "airflow-dags-folder": str(self.dags),
            "airflow-url": self.url,
            "airflow-username": self.username,
            "airflow-password": self.password,
        }

    def start(self) -> None:
        """Start it, or start it again."""
        arguments = ["--version", self.environment.version, "--folder", str(self.folder)]
        if self._sidecar:
            arguments += ["--sidecar", self._sidecar]
        self.url = self._servers.start("sandbox.airflow", host=self._host, arguments=arguments, limit=START_LIMIT)

    def stop(self) -> None:
        """End all of its processes."""
        self._servers.stop()

    def __enter__(self) -> AirflowServer:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


IMPORT = """
import json, sys
try:
    from airflow.dag_processing.dagbag import DagBag
except ImportError:  # before 3.1
    from airflow.models.dagbag import DagBag
bag = DagBag(sys.argv[1])
print("\\n" + json.dumps({"dags": sorted(bag.dags), "errors": dict(bag.import_errors)}))
"""
IMPORT_SECONDS = 180


def import_dags(environment: Environment, dags: Path, home: Path, *packages: Path) -> tuple[list[str], dict[str, str]]:
    """Load a folder of DAG files as Airflow does, without a server.

    Args:
        environment: the Airflow.
        dags: the folder.
        home: AIRFLOW_HOME.
        packages: folders to put before the environment's own packages.

    Returns:
        The ids of the DAGs, and the stack trace of each file that could not be loaded.
    """
    home.mkdir(parents=True, exist_ok=True)
    variables = {"AIRFLOW_HOME": str(home), "AIRFLOW__CORE__DAGS_FOLDER": str(dags)}
    variables["AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT"] = str(IMPORT_SECONDS)
    if packages:
        variables["PYTHONPATH"] = os.pathsep.join(str(path) for path in packages)
    done = subprocess.run(
        [str(environment.python), "-c", IMPORT, str(dags)],
        env=environment.process_environment(**variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=IMPORT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    found = json.loads(done.stdout.strip().splitlines()[-1])
    return list(found["dags"]), {Path(name).name: str(trace) for name, trace in found["errors"].items()}
