"""What `operation: doctor` looks at with Metaflow's own eyes: its versions, its configuration, datastore, metadata."""

from __future__ import annotations

import io
import time
import uuid
from typing import Any

from deployer.check import bad, ok, warning
from deployer.orchestrators import checks, run_checks
from deployer.orchestrators.airflow.settings import AirflowSettings
from deployer.outcome import Check, FailureReason
from deployer.worker import configuration

FOLDER = "metaflow-deploy-doctor"
"""Below the datastore's root: what is written there is deleted again, and told where it cannot be."""
SERVICE_SECONDS = (5, 10)
"""To connect to the metadata service, and to be answered."""
CLIENT = {"connect_timeout": 5, "read_timeout": 10, "retries": {"total_max_attempts": 2}}
REMOTE_DATASTORES = ("s3", "azure", "gs")
"""What Argo Workflows, Step Functions and Airflow take (metaflow/plugins/argo/argo_workflows_cli.py)."""
NO_MORE = 400
"""The lowest HTTP status that is a refusal."""


def examine(area: str, orchestrator: str, airflow: AirflowSettings | None = None) -> tuple[Check, ...]:
    """Look at an area.

    Args:
        area: the name of an `Area`.
        orchestrator: Deployer's TYPE.
        airflow: where Airflow is; None for every other orchestrator.

    Raises:
        DeployError: the look itself failed.
    """
    if area == checks.METAFLOW.name:
        return (*_metaflow(orchestrator), *_configuration(orchestrator))
    if area == checks.DATASTORE.name:
        return (_datastore(orchestrator),)
    if area == checks.METADATA.name:
        return (_metadata(),)
    if area == checks.PLUGIN.name:
        from deployer.worker.plugins import plugin_check

        return (plugin_check(orchestrator),)
    return run_checks.examine(area, setting, airflow)


class Settings:
    """Metaflow's configuration; see `deployer.orchestrators.checks.Setting`."""

    def __call__(self, name: str) -> Any:
        """A value as Metaflow resolved it; None where it is unset, or off."""
        from metaflow import metaflow_config

        return getattr(metaflow_config, name, None) or None

    def is_set(self, name: str) -> bool:
        """Whether somebody chose it."""
        return configuration.is_set(f"{configuration.PREFIX}{name}")

    def is_known(self, name: str) -> bool:
        """Whether this Metaflow has it."""
        return configuration.is_known(f"{configuration.PREFIX}{name}")


setting = Settings()


def _metaflow(orchestrator: str) -> tuple[Check, ...]:
    from deployer.worker.runtime import installed_orchestrators, runtime

    installed = installed_orchestrators()
    found = runtime(orchestrator)
    versions = ok("Metaflow", f"Metaflow {found.metaflow} on Python {found.python}")
    extensions = _extensions()
    lines = [versions, ok("Extensions", ", ".join(extensions) if extensions else "none is installed")]
    if orchestrator not in installed:
        advice = (
            f"Write one of {', '.join(f'`{one}`' for one in installed)}, or add the extension that registers it to "
            "`requirements`."
        )
        message = f"This Metaflow has no orchestrator `{orchestrator}`."
        lines.append(bad("Input orchestrator", message, advice, FailureReason.INPUT))
    return tuple(lines)


def _extensions() -> list[str]:
    """The installed distributions that extend Metaflow, with their versions."""
    try:
        from metaflow.extension_support import extension_info
    except ImportError:
        return []  # a pinned Metaflow from before it told them
    return sorted(f"{name} {about['dist_version']}" for name, about in extension_info()["installed"].items())


def _configuration(orchestrator: str) -> tuple[Check, ...]:
    from metaflow.util import get_username

    from deployer.worker.runtime import runtime

    user = get_username()
    lines = [ok("User", f"deploys as `{user}` (METAFLOW_USER)")]
    if user is None:
        advice = "Set `metaflow-user`; Metaflow takes no `root`."
        lines = [bad("User", "Metaflow does not know who deploys.", advice, FailureReason.INPUT)]
    if orchestrator not in checks.OF_ORCHESTRATOR:
        return tuple(lines)
    found = runtime(orchestrator)
    if found.task_image is not None:
        return (*lines, ok("Task image", f"`{found.task_image}`"))
    batch = orchestrator == "step-functions"
    variable = "METAFLOW_BATCH_CONTAINER_IMAGE" if batch else "METAFLOW_KUBERNETES_CONTAINER_IMAGE"
    version = ".".join(found.python.split(".")[:2])
    told = f"None is configured: steps that name none run on `python:{version}`, the Python that deploys."
    return (*lines, warning("Task image", told, f"Set {variable} to an image with what the steps import."))


def _datastore(orchestrator: str) -> Check:
    kind = str(setting("DEFAULT_DATASTORE") or "local")
    if kind not in REMOTE_DATASTORES:
        if orchestrator not in checks.OF_ORCHESTRATOR:
            return ok("Datastore", f"`{kind}`, as the extension may want it")
        return bad(
            "Datastore",
            f"It is `{kind}`, which tasks elsewhere cannot read.",
            "Set METAFLOW_DEFAULT_DATASTORE to `s3`, `azure` or `gs` in `metaflow-config` or the job's `env`.",
            FailureReason.DATASTORE,
        )
    variable = f"METAFLOW_DATASTORE_SYSROOT_{kind.upper()}"
    root = setting(variable.removeprefix("METAFLOW_"))
    if root is None:
        advice = f"Set {variable} in `metaflow-config` or the job's `env`."
        return bad("Datastore", f"It is `{kind}`, and no place is configured for it.", advice, FailureReason.DATASTORE)
    started = time.monotonic()
    try:
        left = _round_trip_s3(str(root)) if kind == "s3" else _round_trip(kind, str(root))
    except Exception as error:  # noqa: BLE001  # each storage's client has its own; whatever it is, it is told
        return bad(
            "Datastore",
            f"What was written to `{root}` could not be written and read back: {_said(error)}",
            "Check the address, the region, and the job's rights to read and write there.",
            FailureReason.DATASTORE,
        )
    took = f"`{root}`: written and read in {time.monotonic() - started:.1f} s"
    return ok("Datastore", took if left is None else f"{took}; {left}")


def _round_trip_s3(root: str) -> str | None:
    """Write, read and delete an object with Metaflow's own client; what is left behind, in words."""
    from botocore.exceptions import BotoCoreError, ClientError
    from metaflow.plugins.aws.aws_client import get_aws_client

    client = get_aws_client("s3", client_params={"config": dict(CLIENT), **_endpoint()})
    bucket, _, prefix = root.removeprefix("s3://").partition("/")
    content = uuid.uuid4().hex.encode()
    where = {"Bucket": bucket, "Key": "/".join([*filter(None, [prefix.strip("/")]), FOLDER, uuid.uuid4().hex])}
    client.put_object(**where, Body=content)
    read = client.get_object(**where)["Body"].read()
    try:
        client.delete_object(**where)
    except (ClientError, BotoCoreError) as error:
        # Metaflow itself deletes nothing, and many roles may not
        return f"`{where['Key']}` could not be deleted again ({_said(error)}), which Metaflow never needs"
    if read != content:
        raise ValueError("what was read is not what was written")
    return None


def _endpoint() -> dict[str, Any]:
    params = dict(setting("S3_CLIENT_PARAMS") or {}) if isinstance(setting("S3_CLIENT_PARAMS"), dict) else {}
    if setting("S3_ENDPOINT_URL"):
        params["endpoint_url"] = setting("S3_ENDPOINT_URL")
    return {key: value for key, value in params.items() if key != "config"}


def _round_trip(kind: str, root: str) -> str | None:
    """Write and read an object of a fixed name through Metaflow's storage, which has no way to delete."""
    from metaflow.plugins import DATASTORES

    storage = next(one for one in DATASTORES if kind == one.TYPE)(root)
    content, path = uuid.uuid4().hex.encode(), f"{FOLDER}/check"
    storage.save_bytes(iter([(path, io.BytesIO(content))]), overwrite=True, len_hint=1)
    with storage.load_bytes([path]) as loaded:
        for _, file, _ in loaded:
            if file is None:
                raise ValueError("what was written is not there")
            with open(file, "rb") as stream:  # noqa: PTH123  # a path or nothing, as Metaflow's storage hands it
                if stream.read() != content:
                    raise ValueError("what was read is not what was written")
    return f"`{path}` stays, and is overwritten each time"


def _metadata() -> Check:
    if setting("DEFAULT_METADATA") != "service":
        return warning(
            "Metadata service",
            "None is configured (METAFLOW_DEFAULT_METADATA): runs are kept where their tasks run, and cannot be seen "
            "from here.",
            "Set METAFLOW_DEFAULT_METADATA=service and METAFLOW_SERVICE_URL, to wait for runs and to name what failed.",
        )
    url = setting("SERVICE_URL")
    if url is None:
        advice = "Set METAFLOW_SERVICE_URL in `metaflow-config` or the job's `env`."
        message = "METAFLOW_DEFAULT_METADATA is `service`, and there is no METAFLOW_SERVICE_URL."
        return bad("Metadata service", message, advice, FailureReason.ORCHESTRATOR_UNREACHABLE)
    return _ping(str(url))


def _ping(url: str) -> Check:
    """Ask the service for its version as Metaflow does, less its retries, which take half a minute."""
    import requests

    headers = dict(setting("SERVICE_HEADERS") or {})
    advice = "Check METAFLOW_SERVICE_URL, METAFLOW_SERVICE_HEADERS, and that the runner may reach it."
    reason = FailureReason.ORCHESTRATOR_UNREACHABLE
    try:
        answer = requests.get(f"{url.rstrip('/')}/ping", headers=headers, timeout=SERVICE_SECONDS)
    except requests.RequestException as error:
        return bad("Metadata service", f"`{url}` cannot be reached: {_said(error)}", advice, reason)
    version = answer.headers.get("METADATA_SERVICE_VERSION")
    if answer.status_code >= NO_MORE:
        message = f"`{url}` answers with status {answer.status_code} to `/ping`."
        refused = answer.status_code in (401, 403)
        return bad("Metadata service", message, advice, FailureReason.CREDENTIALS if refused else reason)
    if version is None:
        message = f"What answers at `{url}` does not say which version of Metaflow's service it is."
        return warning("Metadata service", message, "Check that METAFLOW_SERVICE_URL is the service's own address.")
    return ok("Metadata service", f"`{url}`, version {version}")


def _said(error: BaseException) -> str:
    """An error in one line: its kind and its words."""
    words = " ".join(str(error).split()) or "no words"
    return f"{type(error).__name__}: {words if len(words) <= 300 else words[:300] + ' …'}"  # noqa: PLR2004
