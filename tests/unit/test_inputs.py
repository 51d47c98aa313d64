"""Inputs: what is read, and what is told about what cannot be read."""

import random
import string
from pathlib import Path

import pytest

from deployer.inputs import (
    CommentMode,
    InputErrors,
    Inputs,
    OnTimeout,
    OperationName,
    Wait,
    check_paths,
    input_names,
    read_inputs,
    secrets,
    unknown_inputs,
)


def environ(**inputs: str) -> dict[str, str]:
    return {f"INPUT_{name.replace('_', '-').upper()}": value for name, value in {"flow": "flow.py", **inputs}.items()}


def read(**inputs: str) -> Inputs:
    return read_inputs(environ(**inputs))


def mistakes(**inputs: str) -> dict[str, str]:
    with pytest.raises(InputErrors) as caught:
        read(**inputs)
    return {str(failure.input): f"{failure.message} {failure.advice}" for failure in caught.value.failures}


def test_the_defaults_are_those_of_a_cautious_deployment() -> None:
    inputs = read()
    assert inputs.orchestrator == "argo-workflows"
    assert inputs.operation is OperationName.AUTO
    assert inputs.trigger is False
    assert inputs.wait is None
    assert inputs.on_timeout is OnTimeout.LEAVE
    assert (inputs.wait_timeout, inputs.poll_interval, inputs.deploy_timeout) == (3600, 10, 600)
    assert inputs.production is None
    assert inputs.comment is CommentMode.UPDATE
    assert inputs.given == {"flow"}


def test_a_list_of_flows_is_read_line_by_line() -> None:
    assert read(flow="\n a.py \n\n# not this\nb c.py\n").flows == ("a.py", "b c.py")


def test_a_shells_spelling_of_an_input_is_read_too() -> None:
    assert read_inputs({"INPUT_FLOW": "a.py", "INPUT_WAIT_TIMEOUT": "5m"}).wait_timeout == 300


@pytest.mark.parametrize(
    ("written", "seconds"), [("90s", 90), ("1h30m", 5400), ("1.5h", 5400), ("2 m", 120), ("250ms", 0.25), ("1d", 86400)]
)
def test_durations_have_units(written: str, seconds: float) -> None:
    assert read(wait_timeout=written).wait_timeout == seconds


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("wait_timeout", "60", "write `60s`"),
        ("wait_timeout", "0s", "more than nothing"),
        ("wait_timeout", "-5m", "is no duration"),
        ("poll_interval", "soon", "`90s`"),
        ("trigger", "yes", "Write `true`"),
        ("trigger", "nope", "Write `false`"),
        ("production", "maybe", "`auto`, `true` or `false`"),
        ("max_workers", "0", "whole number above zero"),
        ("max_workers", "many", "whole number above zero"),
        ("orchestrator", "argo_workflows", "`argo-workflows`"),
        ("orchestrator", "Step Functions", "`step-functions`"),
        ("operation", "deply", "`deploy` is the nearest"),
        ("comment", "always", "update, new, failures, off"),
        ("project_branch", "feature/X-1", "`feature_x_1`"),
        ("create_options", "- a", "is a list, not a mapping"),
        ("create_options", "just text", "is text, not a mapping"),
        ("create_options", "a: [1", "in line 1, column"),
        ("create_options", "a: 1\na: 2", "written twice"),
        ("config", "a: 1", "`name: path/to/file`"),
        ("config_value", "a: 1", "`name: {key: value}`"),
        ("metaflow_config", "{", "is no JSON"),
        ("metaflow_config", "[]", "no object"),
        ("workflow_timeout", "3600", "write `3600s`"),
    ],
)
def test_a_mistake_names_its_input_and_what_to_write(name: str, value: str, told: str) -> None:
    kebab = name.replace("_", "-")
    said = mistakes(**{name: value})
    assert list(said) == [kebab]
    assert f"`{kebab}`" in said[kebab]
    assert told.lower() in said[kebab].lower()


def test_all_mistakes_are_told_at_once() -> None:
    said = mistakes(flow="", wait_timeout="60", trigger="ja", comment="loud")
    assert set(said) >= {"wait-timeout", "trigger", "comment"}


def test_what_makes_no_sense_without_a_run_is_refused() -> None:
    assert "no run is triggered" in mistakes(wait="completed")["wait"]
    assert "no run is triggered" in mistakes(parameters="a: 1")["parameters"]
    assert read(wait="completed", trigger="true").wait is Wait.COMPLETED
    assert read(parameters="a: 1", operation="trigger").parameters == {"a": 1}


def test_a_flow_has_to_be_given_but_for_triggering_by_name() -> None:
    assert "was not given" in mistakes(flow="")["flow"]
    assert read(flow="", operation="trigger", deployment_name="helloflow").flows == ()


def test_one_name_cannot_be_given_to_several_flows() -> None:
    assert "several flows" in mistakes(flow="a.py\nb.py", deployment_name="x")["deployment-name"]


@pytest.mark.parametrize(
    ("written", "value"),
    [("no", "no"), ("on", "on"), ("2026-01-01", "2026-01-01"), ("010", "010"), ("1:30", "1:30"), ("0x10", "0x10"),
     ("true", True), ("10", 10), ("1e3", 1000.0), ("~", None), ("[1, two]", [1, "two"])],
)  # fmt: skip
def test_parameters_are_yaml_as_people_mean_it(written: str, value: object) -> None:
    assert read(trigger="true", parameters=f"key: {written}").parameters == {"key": value}


def test_parameters_may_be_json() -> None:
    assert read(trigger="true", parameters='{"a": {"b": [1, 2.5, null, true]}}').parameters == {
        "a": {"b": [1, 2.5, None, True]}
    }


def test_garbage_in_any_input_is_a_mistake_and_never_a_crash() -> None:
    random.seed(7)
    alphabet = string.printable + "é\u2028{}[]:,&*!|>'\"%@`"
    for name in input_names():
        for _ in range(40):
            text = "".join(random.choice(alphabet) for _ in range(random.randrange(1, 40)))
            try:
                read_inputs({"INPUT_FLOW": "a.py", f"INPUT_{name.upper()}": text})
            except InputErrors as errors:
                assert all(failure.input for failure in errors.failures)  # noqa: PT017  # either outcome is right


def test_secrets_are_found_and_never_shown() -> None:
    kubeconfig = "users:\n- name: x\n  user:\n    token: abcdefgh12345678\n"
    inputs = read(
        kubeconfig=kubeconfig,
        github_token="ghs_0123456789",
        metaflow_config='{"METAFLOW_SERVICE_AUTH_KEY": "s3cr3tkey"}',
    )
    assert set(secrets(inputs)) == {"ghs_0123456789", "abcdefgh12345678", "s3cr3tkey"}
    assert all(secret not in repr(inputs) for secret in secrets(inputs))


def test_an_unknown_input_is_told_with_the_nearest_known() -> None:
    assert unknown_inputs({"INPUT_FLOWS": "a.py", "INPUT_FLOW": "a.py"}) == (
        "The action has no input `flows`. Did you mean `flow`?",
    )


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    root = tmp_path / "checkout"
    (root / "flows").mkdir(parents=True)
    (root / "flows" / "train.py").write_text("")
    (root / "notes.txt").write_text("")
    (tmp_path / "outside.py").write_text("")
    (root / "escape.py").symlink_to(tmp_path / "outside.py")
    return root.resolve()


@pytest.mark.parametrize(
    ("flow", "told"),
    [
        ("flows/trian.py", "`flows/train.py`"),
        ("train.py", "`flows/train.py`"),
        ("flows", "is a folder"),
        ("notes.txt", "no Python file"),
        ("../outside.py", "leads out of the checkout"),
        ("escape.py", "leads out of the checkout"),
        ("/etc/passwd", "leads out of the checkout"),
    ],
)
def test_paths_stay_inside_the_checkout(flow: str, told: str, workspace: Path) -> None:
    (failure,) = check_paths(read(flow=flow), workspace)
    assert failure.input == "flow"
    assert told in f"{failure.message} {failure.advice}"


def test_paths_start_at_the_working_directory(workspace: Path) -> None:
    assert check_paths(read(flow="train.py", working_directory="flows"), workspace) == ()
    (failure,) = check_paths(read(working_directory="flow"), workspace)
    assert failure.input == "working-directory"
    (failure,) = check_paths(read(working_directory=".."), workspace)
    assert "leads out" in failure.message
