"""The values of the input `parameters`, converted to the types that the flow declares."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from deployer.inputs.inside import is_inside
from deployer.outcome import Failure, FailureReason

TRUE = ("true", "True", "TRUE", "1", "yes", "on")
FALSE = ("false", "False", "FALSE", "0", "no", "off")


class Misfit(Exception):  # a value that does not fit, told with the others at once
    """A value is not of the parameter's type; the message says what to write."""


def type_name(parameter: Any) -> str:
    """The type of a Metaflow Parameter as its documentation spells it."""
    kind = parameter.kwargs.get("type", str)
    if isinstance(kind, type):
        return kind.__name__
    known = {"JSON": "JSONType", "FilePath": "IncludeFile"}
    name = str(getattr(kind, "name", kind))
    return known.get(name, name)


def convert(
    parameters: Sequence[Any], values: Mapping[str, Any], folder: str
) -> tuple[dict[str, Any], tuple[Failure, ...]]:
    """Convert what was given to what Deployer's `trigger` takes.

    Args:
        parameters: Metaflow's Parameter objects.
        values: what the user wrote, by parameter name.
        folder: where a relative path of an IncludeFile starts.

    Returns:
        The converted values by name, and a failure for each that is unknown, missing or of another type.
    """
    by_name = {parameter.name: parameter for parameter in parameters}
    converted: dict[str, Any] = {}
    failures: list[Failure] = []
    for name, value in values.items():
        if name not in by_name:
            failures.append(_unknown(name, parameters))
            continue
        try:
            converted[name] = _convert(type_name(by_name[name]), value, folder)
        except Misfit as misfit:
            failures.append(_failure(f"The parameter `{name}` is {_article(by_name[name])}: {misfit}.", parameters))
    failures += [
        _failure(f"The parameter `{name}` is required and was not given.", parameters)
        for name, parameter in by_name.items()
        if parameter.kwargs.get("required") and name not in values
    ]
    return converted, tuple(failures)


def as_text(value: Any) -> str:
    """A converted value as people read it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _convert(kind: str, value: Any, folder: str) -> Any:
    if value is None and kind != "JSONType":
        raise Misfit("a value is needed, nothing was written after the colon")
    converters: dict[str, Callable[[Any], Any]] = {
        "str": _text,
        "int": _integer,
        "float": _number,
        "bool": _boolean,
        "JSONType": _json,
        "IncludeFile": lambda path: _file(path, folder),
    }
    return converters.get(kind, lambda other: other)(value)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    # 1.20 and true are no text any more once YAML has read them: which spelling was meant cannot be known
    raise Misfit(f"write it in quotes, {json.dumps(str(value))}, not {json.dumps(value, default=str)}")


def _integer(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str):
        try:
            return int(value.strip(), 10)
        except ValueError:
            pass
    raise Misfit(f"write a whole number, not {json.dumps(value, default=str)}")


def _number(value: Any) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            pass
    raise Misfit(f"write a number, not {json.dumps(value, default=str)}")


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str | int) and str(value) in TRUE + FALSE:
        return str(value) in TRUE
    raise Misfit(f"write true or false, not {json.dumps(value, default=str)}")


def _json(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        read = json.loads(value)
        json.dumps(read, ensure_ascii=False).encode()  # half of a surrogate pair is no character
    except (ValueError, RecursionError):
        raise Misfit(f"write a mapping, a list or JSON text, not {json.dumps(value)[:100]}") from None
    return read


def _file(value: Any, folder: str) -> str:
    path = os.path.join(folder, str(value))  # noqa: PTH118  # the rest of this room speaks of paths as text
    workspace = os.environ.get("GITHUB_WORKSPACE")
    if workspace and not is_inside(Path(path), Path(workspace)):
        raise Misfit(f"write a path that stays in the checkout; {json.dumps(str(value))} leads out of it")
    if not os.path.isfile(path):  # noqa: PTH113
        raise Misfit(f"write the path of a file; there is none at {json.dumps(str(value))}")
    return path


def _article(parameter: Any) -> str:
    kind = type_name(parameter)
    return f"an {kind}" if kind in ("int", "IncludeFile") else f"a {kind}"


def _unknown(name: str, parameters: Sequence[Any]) -> Failure:
    near = difflib.get_close_matches(name, [parameter.name for parameter in parameters], n=1)
    hint = f" Did you mean `{near[0]}`?" if near else ""
    return _failure(f"The flow has no parameter `{name}`.{hint}", parameters)


def _failure(message: str, parameters: Sequence[Any]) -> Failure:
    listed = ", ".join(
        f"`{p.name}` ({type_name(p)}{', required' if p.kwargs.get('required') else ''})" for p in parameters
    )
    return Failure(
        reason=FailureReason.INPUT,
        input="parameters",
        message=message,
        advice=f"The flow's parameters are: {listed}."
        if listed
        else "The flow has no parameters: leave the input out.",
    )
