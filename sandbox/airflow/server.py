"""An Airflow for as long as a `with` block lasts."""

from __future__ import annotations

import json
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


IMPORT = '''
import importlib.util, json, sys
NAME = "airflow.providers.cncf.kubernetes"
class Other:
    """Finds the provider that was asked for; the path would not do, where Airflow's own folder comes first."""
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name != NAME:
            return None
        folder = f"{sys.argv[2]}/{NAME.replace('.', '/')}"
        file = f"{folder}/__init__.py"
        return importlib.util.spec_from_file_location(name, file, submodule_search_locations=[folder])
if len(sys.argv) > 2:
    sys.meta_path.insert(0, Other)
try:
    from airflow.dag_processing.dagbag import DagBag
except ImportError:  # before 3.1
    from airflow.models.dagbag import DagBag
bag = DagBag(sys.argv[1])
print("\\n" + json.dumps({"dags": sorted(bag.dags), "errors": dict(bag.import_errors)}))
assert len(sys.argv) == 2 or importlib.import_module(NAME).__file__.startswith(sys.argv[2])
'''
IMPORT_SECONDS = 180


def import_dags(
    environment: Environment, dags: Path, home: Path, provider: Path | None = None
) -> tuple[list[str], dict[str, str]]:
    """Load a folder of DAG files as Airflow does, without a server.

    Args:
        environment: the Airflow.
        dags: the folder.
        home: AIRFLOW_HOME.
        provider: another Kubernetes provider in place of the environment's own, of `ensure_provider`.

    Returns:
        The ids of the DAGs, and the stack trace of each file that could not be loaded.
    """
    home.mkdir(parents=True, exist_ok=True)
    variables = {"AIRFLOW_HOME": str(home), "AIRFLOW__CORE__DAGS_FOLDER": str(dags)}
    variables["AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT"] = str(IMPORT_SECONDS)
    others = [str(provider)] if provider is not None else []
    if others:
        variables["PYTHONPATH"] = others[0]  # where importlib.metadata finds its version
    done = subprocess.run(
        [str(environment.python), "-c", IMPORT, str(dags), *others],
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
