"""Mappings in inputs: JSON where it is JSON, else YAML with the scalars of JSON, within bounds.

`country: no` and `zip: 010` stay what was written. What is read is somebody's text: an alias that is followed a billion
times, a tag that names a Python type or half of a surrogate pair is an error of that text and nothing else.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

import yaml

MOST_CHARACTERS = 1 << 18
"""Of a text. An input is an environment variable, which Linux limits to 128 KiB; PyYAML reads twice that
in seconds."""
MOST_VALUES = 100_000
"""Of a text, each counted as often as an alias (`*name`) repeats it."""
DEEPEST = 100
"""Levels of nesting: far above what people write, and far below where Python's own recursion ends."""
WRITE_YAML = "Write one `name: value` a line, or JSON."
WRITE_OBJECT = "Write one `name: value` a line, or a JSON object."
SURROGATE = re.compile("[\ud800-\udfff]")
TAG = "tag:yaml.org,2002:"
BOOLEAN = re.compile(r"true|True|TRUE|false|False|FALSE")
INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
FLOAT = re.compile(
    r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
NULL = re.compile(r"(?:null|Null|NULL|~|)")


def parse_mapping(text: str) -> dict[str, Any]:
    """Read a mapping.

    Args:
        text: YAML or JSON.

    Returns:
        The mapping; its keys as text, its values what JSON knows.

    Raises:
        ValueError: it is no YAML, no mapping, or beyond the bounds of this module; the first line says what is wrong,
            the second what to write.
    """
    if len(text) > MOST_CHARACTERS:
        raise _error(f"has {len(text)} characters, and at most {MOST_CHARACTERS} are read", "Write less.")
    try:
        value = _json(text) if text.lstrip().startswith("{") else _yaml(text)
    except RecursionError:
        raise _too_deep() from None
    if not isinstance(value, dict):
        kind = {list: "a list", str: "text", type(None): "nothing"}.get(type(value), f"a {type(value).__name__}")
        raise _error(f"is {kind}, not a mapping", WRITE_OBJECT)
    for name, inner in value.items():
        _check_text(name, name)
        _check_value(name, inner, 1)
    return value


def parse_json_object(text: str) -> dict[str, Any] | None:
    """Read a text that has to be a JSON object.

    Args:
        text: the JSON.

    Returns:
        The object; None where it is JSON of another kind.

    Raises:
        json.JSONDecodeError: it is no JSON; where is known.
        ValueError: it is beyond the bounds of this module; worded as by `parse_mapping`.
    """
    if len(text) > MOST_CHARACTERS:
        raise _error(f"has {len(text)} characters, and at most {MOST_CHARACTERS} are read", "Write less.")
    try:
        value = _load_json(text)
    except RecursionError:
        raise _too_deep() from None
    if not isinstance(value, dict):
        return None
    for name, inner in value.items():
        _check_text(name, name)
        _check_value(name, inner, 1)
    return value


def without_surrogates(text: str) -> str:
    """The text with pairs of surrogates joined, and each half of one replaced; no encoding takes a half."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if SURROGATE.search(text) else text


def _json(text: str) -> Any:
    """JSON as JSON: PyYAML takes no tabs and no `\\ud83d\\ude00`. What is no JSON may be YAML's `{name: value}`."""
    try:
        return _load_json(text)
    except json.JSONDecodeError:
        return _yaml(text)


def _load_json(text: str) -> Any:
    """Read JSON, refusing what it should not hold.

    Raises:
        json.JSONDecodeError: it is no JSON.
        ValueError: a name is written twice, or a number has thousands of digits; worded as by `parse_mapping`.
    """
    try:
        return json.loads(text, object_pairs_hook=_unique)
    except json.JSONDecodeError:
        raise
    except ValueError as error:
        if "\n" in str(error):
            raise
        raise _error(f"cannot be read as JSON: {error}", WRITE_YAML) from None  # int() takes 4300 digits


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _error(f"cannot be read as JSON: {key!r} is written twice", "Write each name once.")
        found[key] = value
    return found


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader without YAML 1.1's traps: no yes/no/on/off, no dates, no octal 010, no 1:30.

    Only its scanner, parser and composer are used: its constructors follow any alias, and end in errors of their own.
    """

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012  # PyYAML's own way


for _name, _pattern, _first in (
    ("null", NULL, [*"nN~", ""]),
    ("bool", BOOLEAN, list("tTfF")),
    ("int", INTEGER, list("-+0123456789")),
    ("float", FLOAT, list("-+.0123456789")),
):
    _Loader.add_implicit_resolver(TAG + _name, re.compile(rf"^(?:{_pattern.pattern})$"), _first)


def _yaml(text: str) -> Any:
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise _yaml_error(problem, getattr(error, "problem_mark", None)) from None
    except (ValueError, OverflowError) as error:  # an escape such as "\UFFFFFFFF" is no character
        raise _error(f"cannot be read as YAML: {error}", WRITE_YAML) from None
    return _Builder().build(node) if node is not None else None


class _Builder:
    """Makes values of composed YAML: of JSON's kinds only, no more than the bounds allow."""

    def __init__(self) -> None:
        self._values = 0
        self._open: set[int] = set()
        """The nodes that the present one is a part of."""

    def build(self, node: yaml.Node, depth: int = 0) -> Any:
        """The value of a node.

        Raises:
            ValueError: as `parse_mapping`.
        """
        self._values += 1
        if self._values > MOST_VALUES:
            raise _error(
                f"has more than {MOST_VALUES} values once its aliases (`*name`) are followed",
                "Write less, or no alias.",
            )
        if depth > DEEPEST:
            raise _too_deep()
        kind = node.tag.removeprefix(TAG)
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node, kind)
        if id(node) in self._open:
            raise _yaml_error("an alias is a part of what it names", node.start_mark)
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode) and kind == "map":
                return self._mapping(node, depth)
            if isinstance(node, yaml.SequenceNode) and kind == "seq":
                return [self.build(inner, depth + 1) for inner in node.value]
            raise _tag_error(node)
        finally:
            self._open.discard(id(node))

    def _mapping(self, node: yaml.MappingNode, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise _yaml_error("a key has to be a word", key_node.start_mark)
            self.build(key_node, depth + 1)
            key = _joined(str(key_node.value))  # as it was written, `true` and `1.0` too
            if key in found:
                raise _yaml_error(f"{key!r} is written twice", key_node.start_mark)
            found[key] = self.build(value_node, depth + 1)
        return found


def _scalar(node: yaml.ScalarNode, kind: str) -> Any:
    text = str(node.value)
    pattern = {"bool": BOOLEAN, "int": INTEGER, "float": FLOAT, "null": NULL}.get(kind)
    if kind == "float" and INTEGER.fullmatch(text):
        pattern = INTEGER
    if pattern is not None and not pattern.fullmatch(text):
        raise _yaml_error(f"{text[:40]!r} is no `!!{kind}`", node.start_mark)
    if kind == "str":
        return _joined(text)
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() == "true"
    if kind == "float":
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    if kind == "int":
        return _integer(text, node)
    raise _tag_error(node)


def _joined(text: str) -> str:
    """The text with the pairs of surrogates joined that JSON's escapes are made of; halves stay, to be refused."""
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16") if SURROGATE.search(text) else text
    except UnicodeDecodeError:
        return text


def _integer(text: str, node: yaml.ScalarNode) -> int:
    try:
        return int(text)
    except ValueError:  # more than 4300 digits
        raise _yaml_error("a number has too many digits", node.start_mark) from None


def _tag_error(node: yaml.Node) -> ValueError:
    tag = node.tag.replace(TAG, "!!")[:60]
    return _yaml_error(f"the tag `{tag}` makes a value that JSON does not know", node.start_mark)


def _yaml_error(problem: str, mark: yaml.Mark | None) -> ValueError:
    where = f" in line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
    return _error(f"cannot be read as YAML{where}: {problem}", WRITE_YAML)


def _too_deep() -> ValueError:
    return _error(f"is nested more than {DEEPEST} levels deep", "Write it flatter.")


def _error(wrong: str, advice: str) -> ValueError:
    """`wrong` is one line; a text of somebody's in it may have several."""
    return ValueError(f"{' '.join(wrong.splitlines())}\n{advice}")


def _check_value(name: str, value: Any, depth: int) -> None:
    """What JSON does not know (infinity), or what no encoding takes, would break on its way to the flow."""
    if depth > DEEPEST:
        raise _too_deep()
    if isinstance(value, dict):
        for key, inner in value.items():
            _check_text(name, key)
            _check_value(f"{name}.{key}" if depth == 1 else name, inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _check_value(name, inner, depth + 1)
    elif isinstance(value, str):
        _check_text(name, value)
    elif isinstance(value, float) and not math.isfinite(value):
        raise _error(f"has {value} for {name[:60]!r}, which JSON does not know", "Write it in quotes.")


def _check_text(name: str, text: str) -> None:
    if SURROGATE.search(text):
        wrong = f"has half of a surrogate pair (`\\ud83d`) in {name[:60]!r}, which is no character"
        raise _error(wrong, "Write the whole pair, or the character itself.")
    if "\0" in text:
        raise _error(f"has a NUL character in {name[:60]!r}, which no command line carries", "Leave it out.")
