"""The input `config`: where each of a flow's Configs comes from, and Metaflow's options of it.

Read from metaflow/user_configs/config_options.py (2.19): `--config NAME PATH` reads a file, `--config-value NAME TEXT`
takes the text that would be in it; both go through the Config's own parser, or are JSON where it has none. A Config is
named on the command line as it is declared, capitals and hyphens included.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deployer.inputs.mistake import Mistake, shown
from deployer.yaml_mapping import parse_mapping

VALUE = "value"
"""The one key of a mapping that holds text for the Config's own parser."""
METAFLOWS_OWN = ("kv.", "@!c!@:", "@!d!@:")
"""How a text begins that Metaflow takes for a note to itself (`kv.`: look into the code package's INFO file)."""
FORMS = (
    "Write `name: path/to/file`, `name: {key: value}`, or `name: {value: "
    '"…"}` for text that the Config\'s own parser reads.'
)


@dataclass(frozen=True)
class ConfigPath:
    """A Config that is read from a file."""

    path: str
    """Relative to the working directory."""


@dataclass(frozen=True)
class ConfigValue:
    """A Config whose content was given."""

    text: str
    """What would be in the file: the JSON of a mapping, or text for the Config's own parser."""


ConfigSource = ConfigPath | ConfigValue


def clean_config(text: str) -> Mapping[str, ConfigSource]:
    """Read the input `config`.

    Args:
        text: a YAML or JSON mapping by the Configs' names.

    Returns:
        Where each Config comes from, by its name.

    Raises:
        Mistake: it is no mapping, or gives something that is neither a path nor a value.
    """
    if not text:
        return {}
    try:
        mapping = parse_mapping(text)
    except ValueError as error:
        wrong, _, advice = str(error).partition("\n")
        raise Mistake(wrong, advice) from None
    return {name: _source(name, given) for name, given in mapping.items()}


def config_files(config: Mapping[str, ConfigSource]) -> tuple[str, ...]:
    """The files that Configs are read from, relative to the working directory: a deployment is made of them, too."""
    return tuple(source.path for source in config.values() if isinstance(source, ConfigPath))


def config_options(config: Mapping[str, ConfigSource]) -> dict[str, list[list[str]]]:
    """The input as Metaflow's top-level options.

    Args:
        config: where each Config comes from.

    Returns:
        By the option's name (`config`, `config_value`): pairs of a Config's name and its path or its text. An option
        without pairs is left out.
    """
    options: dict[str, list[list[str]]] = {}
    for name, source in config.items():
        if isinstance(source, ConfigPath):
            options.setdefault("config", []).append([name, source.path])
        else:
            options.setdefault("config_value", []).append([name, source.text])
    return options


def _source(name: str, given: Any) -> ConfigSource:
    if isinstance(given, str):
        return ConfigPath(_path(name, given))
    if not isinstance(given, dict):
        kind = "nothing" if given is None else f"{shown(json.dumps(given))}"
        raise Mistake(f"gives {kind} for {shown(name)}, which is neither a path nor a value", FORMS)
    if set(given) == {VALUE} and isinstance(given[VALUE], str):
        return ConfigValue(_parsable(name, given[VALUE]))
    return ConfigValue(json.dumps(given))


def _path(name: str, text: str) -> str:
    if not text:
        raise Mistake(f"gives an empty path for {shown(name)}", FORMS)
    if "\n" in text or text.lstrip().startswith(("{", "[")):
        wrong = f"gives the text {shown(text)} for {shown(name)}, and text is the path of a file"
        raise Mistake(wrong, f'Write text for the Config\'s own parser as `{name}: {{{VALUE}: "…"}}`.')
    return text


def _parsable(name: str, text: str) -> str:
    if text.startswith(METAFLOWS_OWN):
        wrong = f"gives the text {shown(text)} for {shown(name)}, and Metaflow keeps that beginning for itself"
        raise Mistake(wrong, "Begin the text with a space or a line break, or give a file.")
    return text
