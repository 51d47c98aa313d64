"""The values of the input `parameters`, converted to the types that the flow declares."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from deployer.inputs.inside import is_inside
from deployer.outcome import Failure, FailureReason, FlowParameter

TRUE = ("true", "True", "TRUE", "1", "yes", "on")
FALSE = ("false", "False", "FALSE", "0", "no", "off")
LIST_OF = "list of "
COLLECTIONS = ("list", "tuple", "set", "dict")


class Misfit(Exception):  # a value that does not fit, told with the others at once
    """A value is not of the parameter's type; the message says what to write."""


def type_name(parameter: Any) -> str:
    """The type of a Metaflow Parameter as its documentation spells it; `count`, `list of int` or `list of 2 int` where
    it has click's options `count`, `multiple` or `nargs`, which Metaflow hands on."""
    name, number = _plain_type_name(parameter), parameter.kwargs.get("nargs", 1)
    if parameter.kwargs.get("count"):
        return "count"
    if number != 1:
        return f"list of {number} {name}"
    return f"list of {name}" if parameter.kwargs.get("multiple") else name


def _plain_type_name(parameter: Any) -> str:
    kind = parameter.kwargs.get("type", str)
    if isinstance(kind, type):
        return kind.__name__
    known = {"JSON": "JSONType", "FilePath": "IncludeFile"}
    name = str(getattr(kind, "name", kind))
    return known.get(name, name)


def describe_parameter(parameter: Any) -> FlowParameter:
    """A Parameter object of Metaflow; a default that is computed, or no plain value, is left out.

    A required one with a default is satisfied by the default, as on Metaflow's command line.
    """
    default = parameter.kwargs.get("default")
    plain = default is None or isinstance(default, str | int | float | bool)
    return FlowParameter(
        name=parameter.name,
        type=type_name(parameter),
        required=bool(parameter.kwargs.get("required")) and default is None,
        default=str(default) if plain and default is not None else None,
        help=parameter.kwargs.get("help") if isinstance(parameter.kwargs.get("help"), str) else None,
    )


def convert(
    parameters: Sequence[Any], values: Mapping[str, Any], folder: str
) -> tuple[dict[str, Any], tuple[Failure, ...]]:
    """As `convert_declared`, of Metaflow's Parameter objects: to what Deployer's `trigger` takes."""
    separators = {one.name: one.separator for one in parameters if getattr(one, "separator", None)}
    joined = {
        name: separators[name].join(value) if name in separators and _is_texts(value) else value
        for name, value in values.items()
    }
    return convert_declared([describe_parameter(parameter) for parameter in parameters], joined, folder)


def convert_declared(
    parameters: Sequence[FlowParameter], values: Mapping[str, Any], folder: str, *, complete: bool = True
) -> tuple[dict[str, Any], tuple[Failure, ...]]:
    """Convert what was given to the types that are declared.

    Args:
        parameters: what is declared.
        values: what the user wrote, by parameter name.
        folder: where a relative path of an IncludeFile starts.
        complete: whether nothing else is declared; if not, an unknown name is left as it is.

    Returns:
        The converted values by name, and a failure for each that is unknown, missing or of another type.
    """
    by_name = {parameter.name: parameter for parameter in parameters}
    converted: dict[str, Any] = {}
    failures: list[Failure] = []
    for name, value in values.items():
        if name not in by_name:
            if complete:
                failures.append(_unknown(name, parameters))
            else:
                converted[name] = value
            continue
        try:
            converted[name] = _convert(by_name[name].type, value, folder)
        except Misfit as misfit:
            failures.append(_failure(f"The parameter `{name}` is {_article(by_name[name])}: {misfit}.", parameters))
    failures += [
        _failure(f"The parameter `{name}` is required and was not given.", parameters)
        for name, parameter in by_name.items()
        if parameter.required and name not in values
    ]
    return converted, tuple(failures)


def as_option(parameter: Any, value: Any) -> list[str]:
    """A Parameter's option and its converted value as Metaflow's command line takes them.

    A flag (`is_flag=True`, which Metaflow hands to click) has no value; one that is false is not given. Where it is
    true by default it cannot be false, and click refuses the value. One that is counted is given as often as it counts,
    `multiple` once for each value, and `nargs` once with all of them.
    """
    kind, name = type_name(parameter), f"--{parameter.name}"
    if kind == "count":
        return [name] * value
    if kind.startswith(LIST_OF):
        texts = [as_text(one) for one in value]
        once = parameter.kwargs.get("nargs", 1) != 1
        return [f"{name}={texts[0]}", *texts[1:]] if once else [f"{name}={text}" for text in texts]
    if parameter.kwargs.get("is_flag") and isinstance(value, bool):
        if value:
            return [name]
        if not parameter.kwargs.get("default"):
            return []
    return [f"{name}={as_text(value)}"]


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
        "number": _number_as_written,
        "bool": _boolean,
        "count": _count,
        "JSONType": _json,
        **dict.fromkeys(COLLECTIONS, lambda text: _characters(text, kind)),
        "IncludeFile": lambda path: _file(path, folder),
    }
    if kind.startswith(LIST_OF):
        return _list(kind.removeprefix(LIST_OF), value, folder)
    return converters.get(kind, lambda other: other)(value)


def _list(of: str, value: Any, folder: str) -> list[Any]:
    number, _, kind = of.partition(" ")
    values = value if isinstance(value, list | tuple) else [value]
    if not number.isdigit():
        return [_convert(of, one, folder) for one in values]
    if len(values) != int(number):
        raise Misfit(f"write a list of {number} values, not {json.dumps(value, default=str)}")
    return [_convert(kind, one, folder) for one in values]


def _count(value: Any) -> int:
    number = _integer(value)
    if number < 0:
        raise Misfit(f"write how often its option is given, 0 or more, not {number}")
    return number


def _characters(value: Any, kind: str) -> Any:
    """Of a type that Python makes of text character by character: `list("ab")`, as plain Metaflow does it too."""
    if isinstance(value, str):
        return value
    raise Misfit(
        f"Metaflow makes a {kind} of text, character by character, and takes no {type(value).__name__}; "
        "declare the Parameter with `type=JSONType`"
    )


def _is_texts(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(one, str) for one in value)


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


def _number_as_written(value: Any) -> int | float:
    """A number of a type that is not known: `3` stays one that an int takes."""
    try:
        return _integer(value)
    except Misfit:
        return _number(value)


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


def _article(parameter: FlowParameter) -> str:
    kind = parameter.type or "value"
    return f"an {kind}" if kind in ("int", "IncludeFile") else f"a {kind}"


def _unknown(name: str, parameters: Sequence[FlowParameter]) -> Failure:
    by_letters = {parameter.name.lower(): parameter.name for parameter in parameters}
    near = difflib.get_close_matches(name.lower(), by_letters, n=1)
    hint = f" Did you mean `{by_letters[near[0]]}`?" if near else ""
    return _failure(f"The flow has no parameter `{name}`.{hint}", parameters)


def _failure(message: str, parameters: Sequence[FlowParameter]) -> Failure:
    listed = ", ".join(f"`{one.name}`{_kind(one)}" for one in parameters)
    return Failure(
        reason=FailureReason.INPUT,
        input="parameters",
        message=message,
        advice=f"Correct `parameters`. The flow's parameters are: {listed}."
        if listed
        else "The flow has no parameters: leave the input out.",
    )


def _kind(parameter: FlowParameter) -> str:
    """Type and need, as far as they are known, in brackets."""
    words = [word for word in (parameter.type, "required" if parameter.required else "") if word]
    return f" ({', '.join(words)})" if words else ""
