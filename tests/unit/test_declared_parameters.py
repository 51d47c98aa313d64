"""The Parameters of what is deployed: what each orchestrator keeps, what this action records, and what is checked."""

from __future__ import annotations

import json
from typing import Any

import pytest

from deployer.operations.declared import check_values, stating_parameters
from deployer.orchestrators.declared import from_text, of_dag, of_provenance, of_start_task, of_template, to_text
from deployer.orchestrators.provenance import TAG_LENGTH, from_tags, to_tags
from deployer.orchestrators.step_functions.objects import declared
from deployer.outcome import DeclaredParameters, Deployment, FlowDescription, FlowParameter, Provenance

FLOW = (
    FlowParameter(name="day", type="str"),
    FlowParameter(name="epochs", type="int", required=True),
    FlowParameter(name="dry-run", type="bool", default="False", help="long"),
    FlowParameter(name="größe = 1%", type="my.Type"),
    FlowParameter(name="data", type="IncludeFile"),
)
PROVENANCE = Provenance(repository="octo-org/flows", flow="flows/train.py", commit="a" * 40)
BARE = [(one.name, one.type, one.required) for one in FLOW]


def bare(parameters: tuple[FlowParameter, ...] | None) -> list[tuple[str, str, bool]]:
    return [(one.name, one.type, one.required) for one in parameters or ()]


def machine(**environment: str) -> dict[str, Any]:
    entries = [{"Name": name, "Value": value} for name, value in environment.items()]
    start = {"Parameters": {"ContainerOverrides": {"Environment": entries}}}
    return {"definition": json.dumps({"StartAt": "start", "States": {"start": start}}), "revisionId": "r2"}


def test_what_is_recorded_goes_through_aws_tags() -> None:
    stated = stating_parameters(PROVENANCE, FlowDescription(name="TrainFlow", parameters=FLOW))
    read = from_tags(to_tags(stated))
    assert read is not None
    assert bare(read.parameters) == BARE
    assert read.parameters is not None
    assert all(one.default is None and one.help is None for one in read.parameters)


def test_a_flow_without_parameters_is_known_to_have_none() -> None:
    stated = stating_parameters(PROVENANCE, FlowDescription(name="TrainFlow"))
    read = from_tags(to_tags(stated))
    assert read is not None
    assert read.parameters == ()
    before = from_tags(to_tags(PROVENANCE))
    assert before is not None
    assert before.parameters is None, "a deployment of an earlier version of this action says nothing"


@pytest.mark.parametrize("count", [1, 40, 200])
def test_many_parameters_take_several_tags(count: int) -> None:
    many = tuple(FlowParameter(name=f"parameter_number_{number}", type="int") for number in range(count))
    stated = stating_parameters(PROVENANCE, FlowDescription(name="TrainFlow", parameters=many))
    tags = to_tags(stated)
    assert all(len(value) <= TAG_LENGTH for value in tags.values())
    assert len(tags) < 40
    read = from_tags(tags)
    assert read is not None
    assert bare(read.parameters) == bare(many)


def test_what_fits_no_tags_is_not_recorded_by_half() -> None:
    many = tuple(FlowParameter(name=f"parameter_number_{number}", type="int") for number in range(400))
    read = from_tags(to_tags(stating_parameters(PROVENANCE, FlowDescription(name="TrainFlow", parameters=many))))
    assert read is not None
    assert read.parameters is None


@pytest.mark.parametrize("text", ["", "day", "=str", "day=str x"])
def test_a_tag_that_says_something_else_says_nothing(text: str) -> None:
    assert from_text(text) is None
    assert from_text(to_text(FLOW)) is not None


def test_a_state_machine_of_plain_metaflow_has_its_defaults_alone() -> None:
    defaults = {"day": "x", "epochs": 3, "rate": 0.5, "loud": False, "layers": {"a": 1}}
    found = of_start_task({"METAFLOW_PARAMETERS": "$.Parameters", "METAFLOW_DEFAULT_PARAMETERS": json.dumps(defaults)})
    assert found is not None
    assert not found.complete, "those without a default are not in it"
    assert {one.name: one.type for one in found.parameters} == {
        "day": "",
        "epochs": "number",
        "rate": "float",
        "loud": "bool",
        "layers": "JSONType",
    }
    assert of_start_task({"METAFLOW_FLOW_NAME": "TrainFlow"}) == DeclaredParameters()
    assert of_start_task({"METAFLOW_PARAMETERS": "$.Parameters", "METAFLOW_DEFAULT_PARAMETERS": "{"}) is None


def test_what_was_recorded_counts_for_its_own_revision_only() -> None:
    stated = stating_parameters(PROVENANCE, FlowDescription(name="TrainFlow", parameters=FLOW))
    later = machine(METAFLOW_PARAMETERS="$.Parameters", METAFLOW_DEFAULT_PARAMETERS='{"night": "x"}')
    found = declared(later, stated, "r2")
    assert found == of_provenance(stated)
    found = declared(later, stated, "r1")
    assert found is not None
    assert [one.name for one in found.parameters] == ["night"]


def test_a_workflow_template_has_names_types_and_need() -> None:
    written = {
        "day": {"name": "day", "value": "null", "type": "str", "is_required": True},
        "rate": {"name": "rate", "value": "0.5", "type": "float", "is_required": True},
        "layers": {"name": "layers", "value": '"[]"', "type": "JSON", "is_required": False},
        "data": {"name": "data", "value": "null", "type": "FilePath", "is_required": False},
    }
    assert bare(of_template(json.dumps(written), ()).parameters) == [
        ("day", "str", True),
        ("rate", "float", False),
        ("layers", "JSONType", False),
        ("data", "IncludeFile", False),
    ]
    assert bare(of_template(None, ["day"]).parameters) == [("day", "", False)]
    assert of_template(None, ()) == DeclaredParameters()


def test_a_dag_has_all_names_and_the_types_of_its_defaults() -> None:
    params = [{"name": "day", "type": "string", "default": "x"}, {"name": "epochs", "type": "integer", "default": 3}]
    assert bare(of_dag([*params, {"name": "layers", "default": {}}]).parameters) == [
        ("day", "", False),
        ("epochs", "int", False),
        ("layers", "", False),
    ]


def deployment(orchestrator: str, known: DeclaredParameters | None) -> Deployment:
    return Deployment(id="train", orchestrator=orchestrator, flow_name="TrainFlow", declared=known)


def test_values_are_checked_as_with_the_flow_file() -> None:
    known = DeclaredParameters(parameters=FLOW)
    checked = check_values(deployment("step-functions", known), {"dya": "friday", "epochs": "many"}, "/")
    assert [failure.message for failure in checked.failures] == [
        "The flow has no parameter `dya`. Did you mean `day`?",
        'The parameter `epochs` is an int: write a whole number, not "many".',
    ]
    assert "`epochs` (int, required)" in checked.failures[0].advice
    checked = check_values(deployment("step-functions", known), {"day": "friday"}, "/")
    assert [failure.message for failure in checked.failures] == [
        "The parameter `epochs` is required and was not given."
    ]
    checked = check_values(deployment("step-functions", known), {"epochs": "3", "dry-run": "true"}, "/")
    assert checked.values == {"epochs": 3, "dry-run": True}
    assert (checked.failures, checked.warnings) == ((), ())


def test_what_a_deployment_does_not_say_is_passed_on_with_a_warning() -> None:
    known = DeclaredParameters(parameters=(FlowParameter(name="epochs", type="number"),), complete=False)
    checked = check_values(deployment("step-functions", known), {"epochs": "3", "dya": "friday"}, "/")
    assert checked.values == {"epochs": 3, "dya": "friday"}
    assert checked.failures == ()
    (warning,) = checked.warnings
    assert "whether the flow has them, and of which type, for `dya`" in warning
    checked = check_values(deployment("step-functions", known), {"epochs": "many"}, "/")
    assert "`epochs`" in checked.failures[0].message
    assert check_values(deployment("dagster", None), {"a": 1}, "/").values == {"a": 1}


def test_a_file_is_uploaded_on_argo_workflows_alone(tmp_path: Any) -> None:
    (tmp_path / "data.csv").write_text("1")
    known = DeclaredParameters(parameters=(FlowParameter(name="data", type="IncludeFile"),))
    checked = check_values(deployment("argo-workflows", known), {"data": "data.csv"}, str(tmp_path))
    assert checked.values == {"data": str(tmp_path / "data.csv")}
    assert checked.failures == ()
    checked = check_values(deployment("airflow", known), {"data": "data.csv"}, str(tmp_path))
    assert "IncludeFile" in checked.failures[0].message
