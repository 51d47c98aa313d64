"""What `operation: doctor` looks at, by orchestrator: which areas there are; `run_checks` looks at each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from deployer.outcome import FailureReason


class Setting(Protocol):
    """Metaflow's configuration."""

    def __call__(self, name: str) -> Any:
        """The value of a name without `METAFLOW_`, as Metaflow resolved it; None: it is unset, or off."""

    def is_set(self, name: str) -> bool:
        """Whether somebody chose the value, in the environment or in a configuration file of Metaflow's."""

    def is_known(self, name: str) -> bool:
        """Whether this Metaflow has such a setting; a flow may have pinned one that has not."""


@dataclass(frozen=True, kw_only=True)
class Area:
    """What is looked at together, in one question to the worker."""

    name: str
    title: str
    """What its first line is called; where that line is bad, what needs the area is not looked at."""
    silent: str
    """What is said where no answer came in time, without its end: `The datastore did not answer`."""
    advice: str
    reason: FailureReason
    needs: tuple[str, ...] = ()
    """Areas without which this one can tell nothing."""


METAFLOW = Area(
    name="metaflow",
    title="Metaflow",
    silent="Importing Metaflow did not end",
    advice="Look at `requirements`, and at what an extension does when it is imported.",
    reason=FailureReason.INTERNAL,
)
AWS = Area(
    name="aws",
    title="AWS credentials",
    silent="AWS did not answer",
    advice="Check AWS_DEFAULT_REGION and AWS_ENDPOINT_URL, and that the runner may reach AWS.",
    reason=FailureReason.CREDENTIALS,
    needs=("metaflow",),
)
DATASTORE = Area(
    name="datastore",
    title="Datastore",
    silent="The datastore did not answer",
    advice="Check its address (METAFLOW_DATASTORE_SYSROOT_…, METAFLOW_S3_ENDPOINT_URL) and the way to it.",
    reason=FailureReason.DATASTORE,
    needs=("metaflow", "aws"),
)
METADATA = Area(
    name="metadata",
    title="Metadata service",
    silent="The metadata service did not answer",
    advice="Check METAFLOW_SERVICE_URL, and that the runner may reach it.",
    reason=FailureReason.ORCHESTRATOR_UNREACHABLE,
    needs=("metaflow",),
)
KUBERNETES = Area(
    name="kubernetes",
    title="API server",
    silent="The cluster's API server did not answer",
    advice="Check the server's address in the kubeconfig, and that nothing between holds requests back.",
    reason=FailureReason.ORCHESTRATOR_UNREACHABLE,
    needs=("metaflow",),
)
RIGHTS = Area(
    name="rights",
    title="Rights in the cluster",
    silent="The API server did not say what the job may do",
    advice="Look at the API server's load, and at its authorization webhook if it has one.",
    reason=FailureReason.ORCHESTRATOR_UNREACHABLE,
    needs=("metaflow", "kubernetes"),
)
ARGO = Area(
    name="argo",
    title="Argo Workflows",
    silent="The API server did not say what is installed",
    advice="Look at the API server's load.",
    reason=FailureReason.ORCHESTRATOR_UNREACHABLE,
    needs=("metaflow", "kubernetes"),
)
STEP_FUNCTIONS = Area(
    name="step-functions",
    title="AWS Step Functions",
    silent="AWS Step Functions did not answer",
    advice="Check AWS_DEFAULT_REGION and AWS_ENDPOINT_URL_SFN, and that the runner may reach AWS.",
    reason=FailureReason.ORCHESTRATOR_UNREACHABLE,
    needs=("metaflow", "aws"),
)
EVENTBRIDGE = Area(
    name="eventbridge",
    title="EventBridge",
    silent="EventBridge did not answer",
    advice="Check that the runner may reach it: schedules are kept there.",
    reason=FailureReason.ORCHESTRATOR_UNREACHABLE,
    needs=("metaflow", "aws"),
)
BATCH = Area(
    name="batch",
    title="AWS Batch",
    silent="AWS Batch did not answer",
    advice="Check that the runner may reach it: the tasks run there.",
    reason=FailureReason.ORCHESTRATOR_UNREACHABLE,
    needs=("metaflow", "aws"),
)
DAGS_FOLDER = Area(
    name="dags-folder",
    title="DAGs folder",
    silent="The place for DAG files did not answer",
    advice="Check `airflow-dags-folder`, and that the runner may reach the bucket.",
    reason=FailureReason.ORCHESTRATOR_UNREACHABLE,
    needs=("metaflow",),
)
AIRFLOW = Area(
    name="airflow",
    title="Airflow",
    silent="Airflow did not answer",
    advice="Check `airflow-url`, that Airflow is up, and that the runner may reach it.",
    reason=FailureReason.ORCHESTRATOR_UNREACHABLE,
    needs=("metaflow",),
)
PLUGIN = Area(
    name="plugin",
    title="Orchestrator",
    silent="Importing the extension did not end",
    advice="Look at what it does when it is imported.",
    reason=FailureReason.INTERNAL,
    needs=("metaflow",),
)
OF_ALL = (METAFLOW, AWS, DATASTORE, METADATA)
OF_ORCHESTRATOR = {
    "argo-workflows": (KUBERNETES, RIGHTS, ARGO),
    "step-functions": (STEP_FUNCTIONS, EVENTBRIDGE, BATCH),
    "airflow": (DAGS_FOLDER, AIRFLOW),
}


def areas(orchestrator: str) -> tuple[Area, ...]:
    """What there is to look at for a Deployer TYPE, in the order in which it is looked at."""
    return (*OF_ALL, *OF_ORCHESTRATOR.get(orchestrator, (PLUGIN,)))
