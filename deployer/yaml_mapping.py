"""Mappings in inputs: YAML with the scalars of JSON, so that `country: no` and `zip: 010` stay what was written."""

from __future__ import annotations

import math
import re
from typing import Any

import yaml


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader without YAML 1.1's traps: no yes/no/on/off, no dates, no octal 010, no 1:30."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012  # PyYAML's own way


_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(?:null|Null|NULL|~|)$"), [*"nN~", ""])
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^[-+]?(?:0|[1-9][0-9]*)$"), list("-+0123456789"))
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(
        r"^[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?$|^[-+]?\.(?:inf|Inf|INF)$|^\.(?:nan|NaN|NAN)$"
    ),
    list("-+.0123456789"),
)


def _float(loader: _Loader, node: yaml.ScalarNode) -> float:
    text = str(loader.construct_scalar(node)).lower()
    return float(text.replace(".inf", "inf").replace(".nan", "nan"))


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[Any] = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, str | int | float | bool | None):
            raise yaml.constructor.ConstructorError(None, None, "a key has to be a word", key_node.start_mark)
        if key in seen:
            raise yaml.constructor.ConstructorError(None, None, f"{key!r} is written twice", key_node.start_mark)
        seen.add(key)
    return dict(loader.construct_mapping(node, deep=True))


_Loader.add_constructor("tag:yaml.org,2002:float", _float)
_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)


def parse_mapping(text: str) -> dict[str, Any]:
    """Read a mapping.

    Args:
        text: YAML or JSON.

    Returns:
        The mapping; its keys as text.

    Raises:
        ValueError: it is no YAML, or no mapping; the first line says what is wrong, the second what to write.
    """
    try:
        value = yaml.load(text, Loader=_Loader)  # noqa: S506  # derived from SafeLoader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise ValueError(
            f"cannot be read as YAML{where}: {problem}\nWrite one `name: value` a line, or JSON."
        ) from None
    except (RecursionError, ValueError) as error:
        raise ValueError(f"cannot be read as YAML: {error}\nWrite one `name: value` a line, or JSON.") from None
    if not isinstance(value, dict):
        kind = {list: "a list", str: "text", type(None): "nothing"}.get(type(value), f"a {type(value).__name__}")
        raise ValueError(f"is {kind}, not a mapping\nWrite one `name: value` a line, or a JSON object.")  # noqa: TRY004  # a value of the user's
    mapping = {str(key): inner for key, inner in value.items()}
    for name, inner in mapping.items():
        _check_value(name, inner)
    return mapping


def _check_value(name: str, value: Any) -> None:
    """What JSON does not know (`!!binary`, `!!set`, infinity) would change, or break, on its way to the flow."""
    if isinstance(value, dict):
        for key, inner in value.items():
            _check_value(f"{name}.{key}", inner)
    elif isinstance(value, list):
        for inner in value:
            _check_value(name, inner)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"has {value} for {name!r}, which JSON does not know\nWrite it in quotes.")
    elif not isinstance(value, str | int | float | bool | None):
        kind = type(value).__name__
        raise ValueError(f"has a {kind} for {name!r}, which JSON does not know\nWrite text, in quotes.")
