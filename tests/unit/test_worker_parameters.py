"""What a user writes under `parameters`, against the types that the flow declares: real Metaflow Parameters."""

from pathlib import Path
from typing import Any

import pytest
from metaflow import IncludeFile, JSONType, Parameter

from deployer.worker.parameters import convert, type_name


def declared() -> list[Any]:
    parameters = [
        Parameter("label", type=str, default="x"),
        Parameter("epochs", type=int, required=True),
        Parameter("rate", default=0.5),
        Parameter("verbose", type=bool, default=False),
        Parameter("layers", type=JSONType, default="[]"),
        IncludeFile("data"),
        Parameter("models", multiple=True),
        Parameter("span", nargs=2, type=int),
        Parameter("loud", count=True),
        Parameter("stages", default="a:b", separator=":"),
        Parameter("letters", default=["a"]),
        Parameter("pairs", type=dict),
    ]
    for parameter in parameters:
        parameter.init()
    return parameters


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("label", "str"),
        ("epochs", "int"),
        ("rate", "float"),
        ("layers", "JSONType"),
        ("data", "IncludeFile"),
        ("models", "list of str"),
        ("span", "list of 2 int"),
        ("loud", "count"),
        ("letters", "list"),
    ],
)
def test_types_bear_the_names_of_metaflows_documentation(name: str, kind: str) -> None:
    assert {p.name: type_name(p) for p in declared()}[name] == kind


@pytest.mark.parametrize(
    ("name", "written", "expected"),
    [
        ("label", "nightly", "nightly"),
        ("label", 7, "7"),
        ("epochs", "3", 3),
        ("rate", 1, 1.0),
        ("rate", "1e-3", 0.001),
        ("verbose", "true", True),
        ("layers", {"a": [1, 2]}, {"a": [1, 2]}),
        ("layers", '{"a": 1}', {"a": 1}),
        ("layers", None, None),
        ("models", ["a", "b"], ["a", "b"]),
        ("models", "a", ["a"]),
        ("span", [1, "2"], [1, 2]),
        ("loud", 3, 3),
        ("stages", ["x", "y"], "x:y"),
        ("letters", "ab", "ab"),
    ],
)
def test_values_that_fit_are_converted(name: str, written: Any, expected: Any, tmp_path: Path) -> None:
    converted, failures = convert(declared(), {"epochs": 1, name: written}, str(tmp_path))
    assert failures == ()
    assert converted[name] == expected
    assert type(converted[name]) is type(expected)


@pytest.mark.parametrize(
    ("name", "written", "said"),
    [
        ("label", 1.20, 'write it in quotes, "1.2"'),
        ("label", True, "write it in quotes"),
        ("models", [1.5], 'write it in quotes, "1.5"'),
        ("span", [1], "is a list of 2 int: write a list of 2 values, not [1]"),
        ("loud", -1, "0 or more, not -1"),
        ("letters", ["a"], "character by character, and takes no list; declare the Parameter with `type=JSONType`"),
        ("pairs", {"a": 1}, "takes no dict"),
        ("epochs", 1.5, "is an int: write a whole number, not 1.5"),
        ("epochs", "many", "write a whole number"),
        ("epochs", True, "write a whole number"),
        ("rate", "fast", "write a number"),
        ("verbose", "maybe", "write true or false"),
        ("layers", "{broken", "write a mapping, a list or JSON text"),
        ("layers", "[" * 100_000, "write a mapping, a list or JSON text"),
        ("layers", '["\\ud83d"]', "write a mapping, a list or JSON text"),
        ("data", "nowhere.csv", 'there is none at "nowhere.csv"'),
        ("epochs", None, "a value is needed"),
    ],
)
def test_values_that_do_not_fit_are_told_with_what_to_write(name: str, written: Any, said: str, tmp_path: Path) -> None:
    _, failures = convert(declared(), {"epochs": 1, name: written}, str(tmp_path))
    assert len(failures) == 1
    assert f"`{name}`" in failures[0].message
    assert said in failures[0].message


def test_an_include_file_is_found_from_the_working_directory(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("1,2")
    converted, failures = convert(declared(), {"epochs": 1, "data": "data.csv"}, str(tmp_path))
    assert failures == ()
    assert Path(converted["data"]).read_text() == "1,2"


def test_an_include_file_is_the_checkouts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    (tmp_path / "link.csv").symlink_to("/proc/self/environ")
    for path in ("/proc/self/environ", "../other.csv", "link.csv"):
        _, (failure,) = convert(declared(), {"epochs": 1, "data": path}, str(tmp_path))
        assert f'"{path}" leads out of it' in failure.message


def test_all_mistakes_are_told_at_once_with_the_flows_real_list(tmp_path: Path) -> None:
    _, failures = convert(declared(), {"epoch": 3, "rate": "fast"}, str(tmp_path))
    messages = [failure.message for failure in failures]
    assert len(messages) == 3
    assert "no parameter `epoch`. Did you mean `epochs`?" in messages[0]
    assert "`epochs` is required" in messages[2]
    assert all("`epochs` (int, required)" in failure.advice for failure in failures)
