"""What every orchestrator module holds to, built-in or of an extension, asked as operations ask: by a flow's process.

What one of them cannot do is refused with the reason `input`, in words that name what lacks, and never made up.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest

from deployer.deadline import Cancellation, Deadline
from deployer.environment import worker_environment
from deployer.inputs import read_inputs
from deployer.orchestrators.airflow import AirflowSettings
from deployer.outcome import Change, Deployment, FailureReason, Provenance, Run, RunStatus
from deployer.worker import inventory_protocol, protocol
from deployer.worker.client import FlowProcess, Worker, WorkerError
from deployer.worker.environment import interpreter
from sandbox.airflow.stand_in import Api, served
from sandbox.kubernetes_api.control import KubernetesControl
from sandbox.runner import INHERITED
from sandbox.world import World

T = TypeVar("T")

FLOW = (
    "from metaflow import FlowSpec, Parameter, step\n\n\nclass ContractFlow(FlowSpec):\n"
    "    word = Parameter('word', default='hello')\n\n"
    "    @step\n    def start(self):\n        self.next(self.end)\n\n"
    "    @step\n    def end(self):\n        print(self.word)\n\n\n"
    'if __name__ == "__main__":\n    ContractFlow()\n'
)
PROVENANCE = Provenance(repository="octo-org/flows", flow="contract.py", commit="c" * 40, pull_request=7)
LIMIT = 180.0
"""Seconds for one request, the one that runs a whole run in the extension's own process included."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """An orchestrator, and what it can do; what it cannot, it has to refuse."""

    type: str
    runs: str
    """How its runs' ids begin."""
    requirements: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    by_identifier: bool = True
    """Whether a run can be triggered without the flow's file."""
    keyed: bool = True
    """Whether the same key then never starts a second run; Metaflow's own `from_deployment` knows no keys."""
    keeps: bool = True
    """Whether it can be asked what stands: the provenance, snapshots, deletion."""
    suspends: bool = False
    terminates: bool = True
    ends: bool = True
    """Whether something here takes up its runs, so that they come to an end."""
    named_after: bool = True
    """Whether Metaflow's id of a run holds the orchestrator's own name of it."""
    named_before: bool = True
    """Whether the deployment's name is known before it is deployed; a plug-in gives it afterwards."""


CASES = (
    Case(type="argo-workflows", runs="argo-contractflow-", suspends=True, ends=False, keyed=False),
    Case(type="step-functions", runs="sfn-"),
    Case(
        type="airflow",
        runs="airflow-",
        environment={
            "METAFLOW_KUBERNETES_CONTAINER_IMAGE": "python:3.13",
            "METAFLOW_UI_URL": "https://metaflow.example.com",
        },
        suspends=True,
        ends=False,
        named_after=False,
    ),
    Case(
        type="dagster",
        runs="dagster-",
        requirements="metaflow-dagster==0.3.7\ndagster==1.13.29",
        environment={"METAFLOW_DEFAULT_METADATA": "local", "METAFLOW_DEFAULT_DATASTORE": "local"},
        by_identifier=False,
        keeps=False,
        terminates=False,
        named_before=False,
    ),
)


class Standing:
    """A case with its flow deployed and a run of it triggered."""

    def __init__(self, case: Case, worker: Worker, folder: Path, airflow: AirflowSettings) -> None:
        self.case = case
        self._worker = worker
        self._folder = folder
        self._airflow = airflow if case.type == "airflow" else None
        self.flow, self.opened = self._open("contract.py")
        self.alone, _ = self._open(None)
        options = {"tags": ["mine"]}
        asked_to_compile = protocol.Compile(command="create", options=options, provenance=PROVENANCE)
        self.compiled = self.ask(asked_to_compile, protocol.Compiled)
        asked_to_deploy = protocol.Deploy(
            flow_name=self.compiled.description.name,
            writes=self.compiled.writes,
            options=options,
            provenance=PROVENANCE,
        )
        created = self.ask(asked_to_deploy, protocol.Deployed)
        self.created = created
        self.ask(protocol.Stamp(deployment_id=created.deployment_id, provenance=PROVENANCE), type(None))
        self.deployment = self.read()
        self.trigger = self.ask(
            protocol.Compile(command="trigger", parameters={"word": "salve"}), protocol.Compiled
        ).trigger
        assert self.trigger is not None
        asked = protocol.Trigger(
            deployment=self.deployment, parameters=self.trigger.parameters, compiled=True, key="one"
        )
        self.run = self.ask(asked, Run)

    def _open(self, flow: str | None) -> tuple[FlowProcess, protocol.Opened]:
        request = protocol.Open(
            orchestrator=self.case.type,
            folder=str(self._folder),
            flow_file=str(self._folder / flow) if flow is not None else None,
            repository_root=str(self._folder),
            airflow=self._airflow,
        )
        return self._worker.open(request, Deadline(LIMIT))

    def ask(self, request: protocol.Request, kind: type[T], *, alone: bool = False) -> T:
        """Ask the flow's process, or the one that has no flow file."""
        return (self.alone if alone else self.flow).call(request, kind, Deadline(LIMIT))

    def read(self) -> Deployment:
        """What stands."""
        request = protocol.Read(deployment_id=self.created.deployment_id, flow_name=self.created.flow_name)
        return self.ask(request, Deployment)

    def observe(self, *, diagnose: bool = False) -> Run:
        """The run as it is now."""
        return self.ask(protocol.Observe(deployment=self.deployment, run=self.run, diagnose=diagnose), Run)

    def follow(self) -> None:
        """Look at the run until it is over, where something takes it up."""
        deadline = Deadline(LIMIT)
        with Cancellation().on_signals() as cancellation:
            while self.case.ends and not self.observe().status.is_terminal and not deadline.passed:
                assert not cancellation.wait(0.5)


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AirflowSettings]:
    """A folder, and an API that has loaded what will be in it."""
    api = Api()
    api.dags["ContractFlow"] = {"dag_id": "ContractFlow", "is_paused": False}
    with served(api) as url:
        yield AirflowSettings(dags_folder=str(tmp_path_factory.mktemp("dags")), url=url)


@pytest.fixture(scope="module", params=CASES, ids=[case.type for case in CASES])
def standing(
    request: pytest.FixtureRequest,
    world: World,
    server: KubernetesControl,
    airflow: AirflowSettings,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Standing]:
    case: Case = request.param
    folder = tmp_path_factory.mktemp(case.type)
    (folder / "contract.py").write_text(FLOW)
    (folder / "kubeconfig").write_text(server.kubeconfig())
    cancellation = Cancellation()
    environment = {
        **{name: os.environ[name] for name in INHERITED if name in os.environ},
        **world.environment,
        "HOME": str(folder),
        "KUBECONFIG": str(folder / "kubeconfig"),
        "METAFLOW_HOME": str(folder / "metaflow-home"),
        "METAFLOW_USER": "contract",
        "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(folder / "runs"),
        **case.environment,
    }
    inputs = read_inputs({"INPUT_FLOW": "contract.py", "INPUT_REQUIREMENTS": case.requirements})
    limits: dict[str, Any] = {"deadline": Deadline(300), "cancellation": cancellation, "print_line": print}
    python = interpreter(inputs, environment, workspace=folder, folder=folder, **limits)
    with Worker(
        interpreter=python,
        environment=worker_environment(environment, {}),
        orchestrator=case.type,
        cancellation=cancellation,
        print_line=print,
    ) as worker:
        yield Standing(case, worker, folder, airflow)
    shutil.rmtree(folder / "overlay", ignore_errors=True)


def refused(call: Callable[[], Any]) -> None:
    """That it is refused as something that this orchestrator lacks."""
    with pytest.raises(WorkerError) as caught:
        call()
    (failure,) = caught.value.failures
    assert failure.reason is FailureReason.INPUT, failure
    assert "`" in failure.message or " cannot " in failure.message, "what lacks is named"
    assert failure.advice


def test_it_is_one_of_deployers(standing: Standing) -> None:
    assert standing.case.type in standing.opened.orchestrators


def test_what_is_deployed_is_read_back(standing: Standing) -> None:
    found = standing.deployment
    assert found.id == standing.created.deployment_id
    assert (found.orchestrator, found.flow_name) == (standing.case.type, "ContractFlow")
    known = standing.compiled.target
    assert (known.deployment_id if known else None) == (found.id if standing.case.named_before else None)
    if standing.case.keeps:
        assert found.provenance == PROVENANCE
        assert found.owner == "contract"
        assert found.version == standing.read().version, "reading changes no version"
    else:
        assert found.provenance is None, "nothing is made up"


def test_a_snapshot_of_what_stands_changes_nothing(standing: Standing) -> None:
    from deployer.orchestrators.driver import Snapshot

    asked = protocol.TakeSnapshot(deployment_id=standing.deployment.id)
    snapshot = standing.ask(asked, Snapshot | None)  # type: ignore[arg-type]
    if not standing.case.keeps:
        assert snapshot is None
        return
    assert snapshot is not None
    assert standing.ask(protocol.Restore(snapshot=snapshot), tuple[Change, ...]) == ()
    assert standing.read().version == standing.deployment.version


def test_a_triggered_run_says_what_it_is(standing: Standing) -> None:
    run = standing.run
    assert run.id.startswith(standing.case.runs)
    assert run.pathspec == f"ContractFlow/{run.id}"
    assert run.parameters == {"word": "salve"}
    assert run.status is RunStatus.PENDING


def test_a_run_is_followed_to_its_end(standing: Standing) -> None:
    standing.follow()
    run = standing.observe(diagnose=True)
    assert (run.id, run.pathspec, run.parameters) == (standing.run.id, standing.run.pathspec, standing.run.parameters)
    if standing.case.ends:
        assert run.status is RunStatus.SUCCEEDED
        assert run.begun
        assert run.step_tasks == {"start": (1, 1), "end": (1, 1)}
    else:
        assert not run.status.is_terminal
    assert run.url is None or run.url.startswith("https://")


def test_a_run_is_triggered_without_the_flows_file(standing: Standing) -> None:
    def again() -> Run:
        asked = protocol.Trigger(deployment=standing.deployment, parameters={"word": "x"}, key="again")
        return standing.ask(asked, Run, alone=True)

    if not standing.case.by_identifier:
        # the extension has a way of its own to find a deployment: its words are passed on
        with pytest.raises(WorkerError, match="metaflow-dagster could not find the deployment"):
            again()
        return
    first = again()
    assert first.id.startswith(standing.case.runs.rsplit("-", 1)[0])
    assert first.id != standing.run.id
    assert (again().id == first.id) is standing.case.keyed


def test_a_run_that_is_over_is_not_terminated_again(standing: Standing) -> None:
    request = protocol.Terminate(deployment=standing.deployment, run=standing.run)
    if not standing.case.terminates:
        refused(lambda: standing.ask(request, Change))
        return
    standing.follow()
    first, second = standing.ask(request, Change), standing.ask(request, Change)
    assert first.name.endswith(standing.run.id.split("-", 1)[1]) is standing.case.named_after
    if standing.case.ends:
        assert (str(first.action), str(second.action)) == ("unchanged", "unchanged")
    else:
        assert str(first.action) == "terminated"


def test_runs_are_suspended_or_it_is_said_that_they_cannot_be(standing: Standing) -> None:
    asked = {"deployment": standing.deployment, "run_id": standing.run.id}
    for request in (inventory_protocol.Suspend(**asked), inventory_protocol.Unsuspend(**asked)):
        if standing.case.suspends:
            assert standing.ask(request, Change).name
        else:
            refused(lambda request=request: standing.ask(request, Change))  # type: ignore[misc]


def test_what_is_deleted_is_gone(standing: Standing) -> None:
    request = inventory_protocol.Delete(deployment_id=standing.deployment.id)
    if not standing.case.keeps:
        refused(lambda: standing.ask(request, tuple[Change, ...], alone=True))
        return
    assert {str(change.action) for change in standing.ask(request, tuple[Change, ...], alone=True)} == {"removed"}
    read = protocol.Read(deployment_id=standing.deployment.id)
    assert standing.ask(read, Deployment | None, alone=True) is None  # type: ignore[arg-type]
    assert standing.ask(request, tuple[Change, ...], alone=True) == (), "nothing stood"
