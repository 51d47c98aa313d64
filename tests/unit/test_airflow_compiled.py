"""The DAG file: read without being run, delivered with provenance and header; the header on stand-ins.

That the file loads on real ones is for tests/airflow to show.
"""

from __future__ import annotations

import sys
import types
from datetime import UTC, datetime
from typing import Any

import pytest
from airflow_samples import PROVENANCE, compiled

from deployer.orchestrators.airflow.compiled import (
    MAKES_DAG,
    check_schedule,
    deliverable,
    read_compiled,
    run_id_of,
)
from deployer.outcome import DeployError


def test_a_compiled_file_tells_what_is_deployed() -> None:
    dag = read_compiled(compiled(schedule_interval="0 6 * * *", is_paused_upon_creation=True))
    assert dag is not None
    assert (dag.dag_id, dag.flow_name, dag.schedule, dag.namespace) == ("HelloFlow", "HelloFlow", "0 6 * * *", "flows")
    assert (dag.owner, dag.production_token) == ("ci", "helloflow-0-apnt")
    assert (dag.project, dag.project_branch) == ("recsys", "prod")
    assert dag.start_date == datetime(2026, 11, 24, 5, 33, 13, 6855, tzinfo=UTC)
    assert dag.parameter_types == {"greeting": "string"}
    assert dag.tags[0] == "repository:octo-org/flows"
    assert dag.paused_upon_creation
    assert dag.provenance is None


@pytest.mark.parametrize("compatibility", [True, False])
def test_what_is_delivered_says_where_it_came_from_and_reads_the_same(compatibility: bool) -> None:
    text = deliverable(compiled(), PROVENANCE, compatibility=compatibility)
    compile(text, "HelloFlow.py", "exec")
    dag, plain = read_compiled(text), read_compiled(compiled())
    assert dag is not None
    assert plain is not None
    assert dag.provenance == PROVENANCE
    assert dag.version == plain.version, "provenance and header are left out of every comparison"
    assert ("metaflow_deploy_compatibility" in text) is compatibility
    assert text.endswith(compiled().rpartition("\n\n")[2][-20:])


def test_provenance_stays_on_its_line_whatever_is_in_it() -> None:
    import dataclasses

    hostile = dataclasses.replace(PROVENANCE, flow="a\nimport os\r.py", environment="é\x0c\u2028")
    text = deliverable(compiled(), hostile, compatibility=False)
    compile(text, "x", "exec")
    assert text.split("\n", 1)[1] == compiled()
    dag = read_compiled(text)
    assert dag is not None
    assert dag.provenance == hostile


@pytest.mark.parametrize(
    "text",
    [
        "",
        "import airflow\n",
        "CONFIG = {}\n",
        "CONFIG = make()\n",
        "CONFIG = {'states': 3}\n",
        "def (:\n",
        "\0",
        "CONFIG = 3",
    ],
)
def test_what_metaflow_did_not_compile_is_not_taken_for_it(text: str) -> None:
    assert read_compiled(text) is None


def test_a_form_that_the_header_was_not_made_for_is_told() -> None:
    text = compiled().replace(MAKES_DAG, "dag = Workflow.of(CONFIG)")
    with pytest.raises(DeployError, match="of another form") as raised:
        deliverable(text, PROVENANCE, compatibility=True)
    assert raised.value.failure.input == "airflow-compatibility"
    assert deliverable(text, PROVENANCE, compatibility=False).endswith(text)


@pytest.mark.parametrize(("cron", "advised"), [("0 6 * * ? *", "0 6 * * *"), ("0 6 ? * MON-FRI *", "0 6 * * MON-FRI")])
def test_a_sixth_field_of_a_schedule_is_refused(cron: str, advised: str) -> None:
    dag = read_compiled(compiled(schedule_interval=cron))
    assert dag is not None
    with pytest.raises(DeployError, match="every second") as raised:
        check_schedule(dag, "flows/hello.py")
    assert f'cron="{advised}"' in raised.value.failure.advice
    assert raised.value.failure.path == "flows/hello.py"


@pytest.mark.parametrize("cron", [None, "@daily", "0 6 * * *"])
def test_schedules_of_airflow_are_taken(cron: str | None) -> None:
    dag = read_compiled(compiled(schedule_interval=cron))
    assert dag is not None
    check_schedule(dag, "flows/hello.py")


def test_a_run_id_is_what_metaflows_own_filter_makes() -> None:
    from metaflow.plugins.airflow.airflow_utils import run_id_creator

    assert run_id_of("manual__1", "x.y") == f"airflow-{run_id_creator(['manual__1', 'x.y'])}"


class Pod:
    """The part of KubernetesPodOperator that Metaflow's text asks for; keeps what it is made with."""

    template_fields: tuple[str, ...] = ()

    def __init__(self, **arguments: Any) -> None:
        self.arguments = arguments

    def __rshift__(self, other: object) -> object:
        return other


class NewDag:
    """A DAG as Airflow 3 has it: no `schedule_interval`."""

    def __init__(self, dag_id: str, *, schedule: Any = None, tags: Any = None, start_date: Any = None, **rest: Any):
        assert "schedule_interval" not in rest
        assert tags is None or isinstance(tags, list)
        self.dag_id, self.schedule, self.start_date, self.fileloc = dag_id, schedule, start_date, ""

    def __enter__(self) -> NewDag:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class OldDag(NewDag):
    """A DAG as Airflow 2.3 had it."""

    def __init__(self, dag_id: str, *, schedule_interval: Any = None, **rest: Any):
        super().__init__(dag_id, schedule=schedule_interval, **rest)


Modules = dict[str, types.ModuleType]


def airflow(version: str, dag: type[NewDag], *, moved: bool, provider_info: dict[str, Any]) -> Modules:
    """The modules of an Airflow and its Kubernetes provider."""
    param = types.SimpleNamespace(Param=lambda **arguments: arguments)
    contents: dict[str, dict[str, Any]] = {
        "airflow": {"DAG": dag, "XComArg": object},
        "airflow.version": {"version": version},
        "airflow.models.param": vars(param),
        "airflow.providers.cncf.kubernetes.get_provider_info": {"get_provider_info": lambda: provider_info},
        "airflow.providers.cncf.kubernetes.operators.pod": {"KubernetesPodOperator": Pod},
        "airflow.providers.cncf.kubernetes.secret": {"Secret": object},
    }
    if not moved:
        contents["airflow.providers.cncf.kubernetes.operators.kubernetes_pod"] = {"KubernetesPodOperator": Pod}
        contents["airflow.kubernetes.secret"] = {"Secret": object}
    names = {".".join(name.split(".")[:end]) for name in contents for end in range(1, name.count(".") + 2)}
    modules = {name: types.ModuleType(name) for name in names}
    for name, values in contents.items():
        modules[name].__dict__.update(values)
    for module in modules.values():
        module.__path__ = []  # a package whose other modules do not exist
    return modules


NEW = airflow("3.3.2", NewDag, moved=True, provider_info={"name": "Kubernetes"})
OLD = airflow("2.9.0", OldDag, moved=False, provider_info={"versions": ["7.14.0"]})


@pytest.fixture
def provider_version(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.metadata

    monkeypatch.setattr(importlib.metadata, "version", lambda name: "10.25.0")


def load(monkeypatch: pytest.MonkeyPatch, modules: Modules, text: str) -> dict[str, Any]:
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    names: dict[str, Any] = {"__name__": "dag_file"}
    exec(compile(text, "HelloFlow.py", "exec"), names)
    return names


def test_metaflows_text_alone_does_not_load_on_a_new_airflow(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises((TypeError, KeyError, AssertionError)):
        load(monkeypatch, NEW, compiled())


def test_with_the_header_it_does(monkeypatch: pytest.MonkeyPatch, provider_version: None) -> None:
    before = set(sys.modules)
    text = deliverable(compiled(schedule_interval="@daily"), PROVENANCE, compatibility=True)
    names = load(monkeypatch, NEW, text)
    dag = names["dag"]
    assert (dag.dag_id, dag.schedule) == ("HelloFlow", "@daily")
    assert dag.start_date == datetime(2026, 11, 24, 5, 33, 13, 6855, tzinfo=UTC)
    values = [one["value"] for one in names["CONFIG"]["states"]["start"]["operator_args"]["env_vars"]]
    assert values == ["{{ ti.id }}"], "a task instance of Airflow 3 has no job_id"
    left = {name for name in set(sys.modules) - before if name.startswith("airflow")} - set(NEW)
    assert left == set(), "other DAGs of the process see the Airflow that is installed"
    assert NEW["airflow"].DAG is NewDag


def test_names_are_taken_back_when_the_dag_cannot_be_made(
    monkeypatch: pytest.MonkeyPatch, provider_version: None
) -> None:
    text = deliverable(compiled(), PROVENANCE, compatibility=True).replace("return dag\n", "raise RuntimeError('no')\n")
    with pytest.raises(RuntimeError, match="no"):
        load(monkeypatch, NEW, text)
    assert "airflow.kubernetes.secret" not in sys.modules


def test_the_header_leaves_an_airflow_that_needs_nothing_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    text = deliverable(compiled(schedule_interval="@daily", tags=None), PROVENANCE, compatibility=True)
    names = load(monkeypatch, OLD, text)
    assert names["dag"].schedule == "@daily"
    assert names["get_kubernetes_provider_version"]() == "7.14.0"
    values = [one["value"] for one in names["CONFIG"]["states"]["start"]["operator_args"]["env_vars"]]
    assert values == ["{{ ti.job_id }}"]
