"""The DAG file: what `airflow create` compiled, read back as data, and what is delivered of it.

Read from metaflow/plugins/airflow (2.19): the whole DAG is a literal, `CONFIG`, of plain Python values; the code below
it is Metaflow's own, the same for every flow; the last statement makes the DAG.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from deployer.orchestrators.declared import of_dag, of_provenance
from deployer.outcome import DeclaredParameters, DeployError, Failure, FailureReason, Provenance

STAMP = "# metaflow-deploy: "
"""How the first line of a delivered file begins; the provenance follows as JSON."""
HEADER = Path(__file__).with_name("compatibility.py")
MAKES_DAG = "dag = Workflow.from_dict(CONFIG).compile()"
"""Metaflow's statement that makes the DAG, in a line of its own."""
SECONDS_FIELD = 6


@dataclass(frozen=True, kw_only=True)
class CompiledDag:
    """What a compiled file says of its DAG."""

    dag_id: str
    flow_name: str
    start_date: datetime | None = None
    """When Metaflow compiled it: it tells one version of a DAG from the next, in Airflow's own answers too."""
    schedule: str | None = None
    owner: str | None = None
    production_token: str | None = None
    project: str | None = None
    project_branch: str | None = None
    namespace: str | None = None
    """The Kubernetes namespace of the start task."""
    paused_upon_creation: bool = False
    tags: tuple[str, ...] = ()
    parameter_types: Mapping[str, str | None] = field(default_factory=dict)
    """The JSON type of each of Airflow's params (`integer`, `number`, `string`); None for any."""
    declared: DeclaredParameters = DeclaredParameters()  # noqa: RUF009  # it is frozen
    """The flow's Parameters."""
    provenance: Provenance | None = None
    version: str = ""


def read_compiled(text: str) -> CompiledDag | None:
    """Read a DAG file without running it.

    Args:
        text: the file, as Metaflow compiled it or as it was delivered.

    Returns:
        What it says; None where it is no file that Metaflow compiled.
    """
    config = _config(text)
    if config is None:
        return None
    try:
        return _compiled(text, config)
    except (KeyError, TypeError, AttributeError, ValueError):
        return None  # a CONFIG of somebody else's


def deliverable(text: str, provenance: Provenance, *, compatibility: bool) -> str:
    """The file that is delivered.

    Args:
        text: what Metaflow compiled.
        provenance: for the first line.
        compatibility: whether to put the compatibility header before it.

    Raises:
        DeployError: the header was asked for, and the text is not of the form that it was made for.
    """
    stamp = STAMP + msgspec.json.encode(provenance).decode() + "\n"
    if not compatibility:
        return stamp + text
    line = re.compile(rf"^{re.escape(MAKES_DAG)}$", re.MULTILINE)
    if len(line.findall(text)) != 1:
        raise DeployError(_unknown_form())
    guarded = f"with metaflow_deploy_compatibility(globals()):\n    {MAKES_DAG}"
    return f"{stamp}{HEADER.read_text()}\n\n{line.sub(lambda _: guarded, text)}"


def check_schedule(compiled: CompiledDag, flow: str) -> None:
    """Refuse a schedule that means something else to Airflow.

    Raises:
        DeployError: the schedule has six fields. EventBridge and Argo take the sixth for a year; Airflow (croniter)
            takes it for seconds, and would start a run every second of the minute that is meant.
    """
    fields = (compiled.schedule or "").split()
    if len(fields) < SECONDS_FIELD:
        return
    raise DeployError(
        Failure(
            reason=FailureReason.FLOW_INVALID,
            message=f"The schedule `{compiled.schedule}` has {len(fields)} fields, and Airflow takes the sixth for "
            "seconds: the flow would be started every second.",
            advice=f'Write five fields in @schedule: `cron="{" ".join(fields[:5]).replace("?", "*")}"`.',
            path=flow,
        )
    )


def run_id_of(dag_run_id: str, dag_id: str) -> str:
    """The Metaflow run id of a DAG run (metaflow/plugins/airflow/airflow_utils.py, `run_id_creator`)."""
    digest = hashlib.md5(f"{dag_run_id}-{dag_id}".encode(), usedforsecurity=False).hexdigest()
    return f"airflow-{digest[:12]}"


def _config(text: str) -> dict[str, Any] | None:
    try:
        module = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return None
    for statement in module.body:
        if isinstance(statement, ast.Assign) and _names(statement) == ["CONFIG"]:
            with suppress(ValueError, RecursionError):  # no literal
                value = ast.literal_eval(statement.value)
                return value if isinstance(value, dict) else None
    return None


def _names(statement: ast.Assign) -> list[str]:
    return [target.id for target in statement.targets if isinstance(target, ast.Name)]


def _compiled(text: str, config: Mapping[str, Any]) -> CompiledDag:
    arguments = config["dag_instantiation_params"]
    start = next((one for one in config["states"].values() if "annotations" in one["operator_args"]), None)
    operator = start["operator_args"] if start is not None else {}
    annotations = operator.get("annotations", {})
    provenance = _provenance(text)
    return CompiledDag(
        dag_id=arguments["dag_id"],
        flow_name=config["metadata"]["flow_name"],
        start_date=_time(arguments.get("start_date")),
        schedule=arguments.get("schedule_interval"),
        owner=annotations.get("metaflow/owner") or arguments.get("default_args", {}).get("owner"),
        production_token=annotations.get("metaflow/production_token"),
        project=annotations.get("metaflow/project_name"),
        project_branch=annotations.get("metaflow/branch_name"),
        namespace=operator.get("namespace"),
        tags=tuple(arguments.get("tags") or ()),
        paused_upon_creation=bool(arguments.get("is_paused_upon_creation")),
        parameter_types={one["name"]: one.get("type") for one in config.get("metaflow_params") or ()},
        declared=of_provenance(provenance) or of_dag(config.get("metaflow_params") or ()),
        provenance=provenance,
        version=hashlib.sha256(repr(config).encode()).hexdigest()[:16],
    )


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    time = datetime.fromisoformat(text)
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)


def _provenance(text: str) -> Provenance | None:
    first = text.partition("\n")[0]
    if first.startswith(STAMP):
        with suppress(msgspec.DecodeError):
            return msgspec.json.decode(first.removeprefix(STAMP), type=Provenance)
    return None


def _unknown_form() -> Failure:
    return Failure(
        reason=FailureReason.DEPLOY,
        input="airflow-compatibility",
        message="This Metaflow compiles DAGs of another form than the compatibility header was made for.",
        advice="Set `airflow-compatibility: false` if the file loads as it is, or deploy with the Metaflow that the "
        "action brings.",
    )
