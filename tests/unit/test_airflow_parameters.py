"""A run's parameters as Airflow takes them: typed, and nothing that the start task's shell would change."""

from __future__ import annotations

import json
from typing import Any

import pytest

from deployer.orchestrators.airflow.parameters import conf
from deployer.outcome import DeployError


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("integer", "5", 5),
        ("number", "0.5", 0.5),
        ("string", "5", "5"),
        ("string", "true", "true"),
        (None, '{"a": [1]}', '{"a": [1]}'),
        ("string", "a b\"c'\\d", "a b\"c'\\d"),
    ],
)
def test_parameters_have_the_types_that_airflow_checks(kind: str | None, text: str, value: Any) -> None:
    assert conf({"x": text}, {"x": kind}) == {"x": value}
    json.dumps(value)


@pytest.mark.parametrize("text", ["cost: $5", "`id`", "é", "a\nb", "$(id)"])
def test_a_value_that_the_start_tasks_shell_would_change_is_refused(text: str) -> None:
    with pytest.raises(DeployError, match="cannot pass") as caught:
        conf({"x": text}, {"x": "string"})
    assert caught.value.failure.input == "parameters"


@pytest.mark.parametrize(("kind", "text"), [("integer", "x"), ("number", "true"), ("integer", '"5"')])
def test_a_value_of_another_type_is_refused(kind: str, text: str) -> None:
    with pytest.raises(DeployError, match=f"wants a {kind}"):
        conf({"x": text}, {"x": kind})
