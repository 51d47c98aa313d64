"""action.yml, action-types.yml, `Inputs` and the outputs: what stands in several places says the same in all."""

import importlib.util
import re
from dataclasses import fields
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from deployer.inputs import CommentMode, Inputs, OnTimeout, OperationName, Wait, input_names, read_inputs
from deployer.inputs.values import CLEANERS
from deployer.outcome import Outcome, RunStatus, Status
from deployer.report.outputs import outputs

ROOT = Path(__file__).resolve().parent.parent.parent


def read(name: str) -> Any:
    """A YAML file with nothing but strings in it, as GitHub hands inputs over."""
    return yaml.load((ROOT / name).read_text(), Loader=yaml.BaseLoader)


@pytest.fixture(scope="module")
def action() -> Any:
    return read("action.yml")


@pytest.fixture(scope="module")
def types() -> Any:
    return read("action-types.yml")


def test_every_input_has_its_field_with_the_same_default(action: Any) -> None:
    assert {name: about.get("default", "") for name, about in action["inputs"].items()} == input_names()
    assert list(action["inputs"]) == list(input_names()), "in the same order, so that they are found"


def test_every_input_is_read_and_typed(action: Any, types: Any) -> None:
    assert set(CLEANERS) == {one.name for one in fields(Inputs) if "input" in one.metadata}
    assert list(types["inputs"]) == list(action["inputs"])
    assert list(types["outputs"]) == list(action["outputs"])


def test_the_defaults_of_action_yml_can_be_read(action: Any) -> None:
    given = {f"INPUT_{name.upper()}": about.get("default", "") for name, about in action["inputs"].items()}
    assert read_inputs({**given, "INPUT_FLOW": "a.py"}) == read_inputs(
        {"INPUT_FLOW": "a.py", "INPUT_GITHUB-TOKEN": "${{ github.token }}"}
    )


def test_the_outputs_are_those_that_are_written(action: Any) -> None:
    assert list(action["outputs"]) == list(outputs(Outcome(operation="skip", skipped="Nothing to do."), None))


def test_every_choice_is_named_in_the_description_and_in_the_types(action: Any, types: Any) -> None:
    choices = {"operation": OperationName, "wait": Wait, "on-timeout": OnTimeout, "comment": CommentMode}
    for name, kind in choices.items():
        assert types["inputs"][name]["allowed-values"] == [str(one) for one in kind], name
        assert all(f"`{one}`" in action["inputs"][name]["description"] for one in kind), name
    for name, words in {
        "status": [str(one) for one in Status if one is not Status.PENDING],
        "run-status": [str(one) for one in RunStatus],
        "operation": [*(str(one) for one in OperationName if one is not OperationName.AUTO), "skip"],
    }.items():
        assert sorted(types["outputs"][name]["allowed-values"]) == sorted(words), name
        assert all(f"`{word}`" in action["outputs"][name]["description"] for word in words), name


def test_every_description_is_whole_sentences(action: Any) -> None:
    for group in ("inputs", "outputs"):
        for name, about in action[group].items():
            assert re.fullmatch(r"[A-Z`].+[.]", about["description"], re.DOTALL), f"{group}.{name}"


def test_it_runs_as_a_container_made_from_the_dockerfile(action: Any) -> None:
    assert action["runs"] == {"using": "docker", "image": "Dockerfile"}
    assert re.search(r"^ENTRYPOINT \[", (ROOT / "Dockerfile").read_text(), re.MULTILINE), "exec form: signals arrive"
    assert set(action["branding"]) == {"icon", "color"}


@pytest.fixture(scope="module")
def generate_docs() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_docs", ROOT / "scripts" / "generate_docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_readme_is_what_action_yml_and_the_code_say(generate_docs: ModuleType) -> None:
    text = (ROOT / "README.md").read_text()
    assert generate_docs.filled(text, generate_docs.generated()) == text, "run `make docs`"


def test_the_readmes_table_of_production_is_a_part_of_the_whole_one(generate_docs: ModuleType) -> None:
    text = (ROOT / "docs" / "workflows.md").read_text()
    whole = generate_docs.production()
    assert generate_docs.filled(text, {"production": whole}) == text, "run `make docs`"
    main = generate_docs.production(generate_docs.MAIN_SOURCES).splitlines()
    assert set(main) < set(whole.splitlines())
    assert len(main) <= 8, "the README has the main events alone"


def test_a_drift_is_found(generate_docs: ModuleType) -> None:
    text = "<!-- a -->\n\nold\n\n<!-- /a -->\n<!-- b -->\n<!-- /b -->\n"
    filled = generate_docs.filled(text, {"a": "new | \\1", "b": "more"})
    assert filled == "<!-- a -->\n\nnew | \\1\n\n<!-- /a -->\n<!-- b -->\n\nmore\n\n<!-- /b -->\n"
    assert generate_docs.filled(filled, {"a": "new | \\1", "b": "more"}) == filled
    with pytest.raises(SystemExit, match="no place for c"):
        generate_docs.filled(text, {"c": ""})


def test_the_table_of_decisions_is_made_by_the_code(generate_docs: ModuleType) -> None:
    table = generate_docs.decisions()
    assert "| a tag | skips: " in table
    for event in ("push", "pull_request", "workflow_dispatch", "repository_dispatch", "schedule"):
        assert f"`{event}" in table
