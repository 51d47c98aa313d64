"""Virtual environments with an Airflow in them, and a database that is migrated; made once, kept in the cache."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sandbox.docker.machine import UnavailableError, cache_folder, locked, logged, output

LOCKS = Path(__file__).resolve().parent.parent.parent / "requirements" / "airflow"
VERSIONS = ("2", "3")
PROVIDERS = ("7.14.0", "8.4.2", "9.0.0", "10.4.3")
"""Kubernetes providers beside those of the locks, the oldest first."""
PYTHONS = {"2": ">=3.9,<3.13", "3": ">=3.10,<3.15"}
"""What each Airflow runs on (its package's requires-python)."""
USER = "admin"
PASSWORD = "airflow-password"
RECIPE = 3
"""Raised where what is made here changes without its lock."""


@dataclass(frozen=True)
class Environment:
    """An Airflow that is installed."""

    version: str
    """`2` or `3`."""
    folder: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "venv" / "bin" / "python"

    @property
    def database(self) -> Path:
        """A migrated SQLite file with the user, to copy."""
        return self.folder / "airflow.db"

    def process_environment(self, **variables: str) -> dict[str, str]:
        """The environment of a process of this Airflow: nothing of ours but PATH, and no other Airflow's settings."""
        kept = ("PATH", "HOME", "LANG", "TMPDIR", "SSL_CERT_FILE", "KUBECONFIG")
        own = {name: os.environ[name] for name in kept if name in os.environ}
        path = f"{self.python.parent}{os.pathsep}{own.get('PATH', os.defpath)}"
        return {**own, "PATH": path, "AIRFLOW__CORE__LOAD_EXAMPLES": "False", "PYTHONUNBUFFERED": "1", **variables}


def ensure_environment(version: str) -> Environment:
    """The environment of an Airflow, made where it is not in the cache.

    Args:
        version: `2` or `3`.

    Raises:
        UnavailableError: no interpreter that it runs on, or its packages cannot be installed.
    """
    lock = LOCKS / f"{version}.txt"
    environment = Environment(version, _cache(f"airflow-{version}", lock.read_bytes()))
    with locked(environment.folder / "lock"):
        if not (environment.folder / "made").is_file():
            shutil.rmtree(environment.folder / "venv", ignore_errors=True)
            venv = environment.folder / "venv"
            _uv(environment.folder, "venv", "--quiet", "--no-project", "--python", PYTHONS[version], str(venv))
            _uv(environment.folder, *_install(lock), "--python", str(environment.python))
            _make_database(environment)
            (environment.folder / "made").touch()
    return environment


def ensure_provider(version: str, environment: Environment) -> Path:
    """A folder with another Kubernetes provider for an Airflow, for `import_dags`."""
    lock = LOCKS / f"provider-{version}.txt"
    folder = _cache(f"provider-{version}-{environment.version}", lock.read_bytes())
    with locked(folder / "lock"):
        if not (folder / "made").is_file():
            shutil.rmtree(folder / "packages", ignore_errors=True)
            python = ("--python", str(environment.python))
            _uv(folder, *_install(lock), "--no-deps", "--target", str(folder / "packages"), *python)
            (folder / "made").touch()
    return folder / "packages"


def provider_of(environment: Environment) -> str:
    """The version of an environment's own Kubernetes provider."""
    code = "import importlib.metadata as m; print(m.version('apache-airflow-providers-cncf-kubernetes'))"
    return (output([str(environment.python), "-c", code]) or "").strip()


def _install(lock: Path) -> tuple[str, ...]:
    # Compiled, or each start of Airflow would compile a thousand modules where PYTHONDONTWRITEBYTECODE is set.
    return ("pip", "install", "--quiet", "--compile-bytecode", "--require-hashes", "--requirement", str(lock))


def _make_database(environment: Environment) -> None:
    """Migrate a database, with the user where a user lives in it; both take longer than everything else."""
    with tempfile.TemporaryDirectory(prefix="airflow-") as home:
        env = environment.process_environment(AIRFLOW_HOME=home)
        _run(environment, ["db", "migrate"], env)
        if environment.version == "2":
            person = ["--username", USER, "--password", PASSWORD, "--email", "admin@example.com"]
            names = ["--firstname", "A", "--lastname", "D", "--role", "Admin"]
            _run(environment, ["users", "create", *person, *names], env)
        shutil.copy(Path(home, "airflow.db"), environment.database)


def _run(environment: Environment, arguments: list[str], env: Mapping[str, str]) -> None:
    log = cache_folder() / "logs" / f"airflow-{environment.version}-{arguments[0]}.log"
    command = [str(environment.python), "-m", "airflow", *arguments]
    logged(command, log, what=f"airflow {arguments[0]} {arguments[1]}", env=env)


def _uv(folder: Path, *arguments: str) -> None:
    from uv import find_uv_bin

    log = cache_folder() / "logs" / f"{folder.name}-{arguments[0]}.log"
    try:
        logged([find_uv_bin(), *arguments], log, what=f"uv {arguments[0]}")
    except UnavailableError as error:
        raise UnavailableError(f"there can be no Airflow here: {error}") from error


def _cache(name: str, *parts: bytes) -> Path:
    recipe = json.dumps([RECIPE, PYTHONS, sys.platform]).encode()
    digest = hashlib.sha256(b"".join((*parts, recipe))).hexdigest()[:12]
    folder = cache_folder() / "airflow" / f"{name}-{digest}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
