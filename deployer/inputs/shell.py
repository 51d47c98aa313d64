"""What Metaflow writes into its steps' shell commands as it stands, and what of that a shell would not take whole.

Read from Metaflow 2.19 (`plugins/argo/argo_workflows.py`, `plugins/aws/step_functions/step_functions.py`,
`plugins/airflow/airflow.py`): a step's command is one text, put into `bash -c "…"` by `shlex.split`, and run by bash in
the task. Tags (`--tag %s`), the namespace (`--namespace=%s`), the flow file's name and the datastore's root are in
there without quotes; a decorator of `--with` is in single quotes that `shlex.split` takes apart. Quotes of ours would
become a part of the tag wherever no shell reads it (the template's annotation, the DAG's tags), so what a shell reads
otherwise is refused.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

from deployer.inputs.mistake import shown
from deployer.inputs.model import OperationName, input_failure
from deployer.outcome import Failure

PLAIN = re.compile(r"[A-Za-z0-9_.:/=+@,%-]")
"""The ASCII characters that mean themselves to bash, shlex, Argo's `{{…}}` and Airflow's Jinja."""
PLAIN_INSIDE = "~#^"
"""Those that only mean something at a word's beginning."""
LONGEST_TAG = 500
"""Metaflow's own limits of a tag, and of how many a run has (`metaflow.tagging_util`); the action adds three."""
MOST_TAGS = 47
DEPLOYING = (OperationName.AUTO, OperationName.DEPLOY, OperationName.DOCTOR)
REASON = "which Metaflow's command line cannot carry"
ALLOWED = "letters, digits and `_.:/=+@,%-`"


def special_character(text: str) -> str | None:
    """The first character that does not arrive as itself where a shell reads the text without quotes.

    Args:
        text: what is one word for whoever wrote it.
    """
    for index, character in enumerate(text):
        if PLAIN.fullmatch(character) or (index and character in PLAIN_INSIDE):
            continue
        if character.isascii() or not character.isprintable() or character.isspace():
            return character
    return None


def across(values: Mapping[str, Any]) -> list[Failure]:
    """What the steps' commands cannot carry, in the inputs of a deployment; for `list` and `cleanup` tags are a filter.

    Args:
        values: the fields of `Inputs` that could be read.
    """
    if values.get("operation") not in DEPLOYING:
        return []
    return [
        *_tags("tags", values.get("tags") or ()),
        *_flows(values.get("flows") or ()),
        *_decorators("with", values.get("with_decorators") or ()),
        *_create_options(values.get("create_options") or {}),
        *_deployer_options(values.get("deployer_options") or {}),
        *_datastore_root("metaflow-config", values.get("metaflow_config") or {}),
    ]


def _tags(name: str, tags: Any) -> Iterator[Failure]:
    texts = [str(tag) for tag in tags] if isinstance(tags, list | tuple) else [str(tags)]
    if len(texts) > MOST_TAGS:
        yield input_failure(name, f"has {len(texts)} tags, and a run has room for {MOST_TAGS}", "Write fewer.")
    for tag in texts:
        if len(tag) > LONGEST_TAG:
            wrong = f"has a tag of {len(tag)} characters, and Metaflow takes {LONGEST_TAG}"
            yield input_failure(name, wrong, "Write a shorter one.")
        elif (found := special_character(tag)) is not None:
            wrong = f"has the tag {shown(tag)} with {_named(found)}, {REASON}"
            yield input_failure(name, wrong, f"Write it of {ALLOWED}, such as `{_plain(tag)}`.")


def _flows(flows: tuple[str, ...]) -> Iterator[Failure]:
    for flow in flows:
        file = PurePath(flow).name
        found = special_character(file)
        # a pattern is no file's name: the check of paths says what to write
        if found is not None and found not in "*?[":
            wrong = f"names {shown(flow)} with {_named(found)}, {REASON}"
            yield input_failure("flow", wrong, f"Rename the file, to `{_plain(file)}` for example.")


def _decorators(name: str, decorators: Any) -> Iterator[Failure]:
    for decorator in decorators if isinstance(decorators, list | tuple) else (decorators,):
        found = next((one for one in str(decorator) if one in "'\\"), None)
        if found is not None:
            wrong = f"has {shown(str(decorator))} with {_named(found)}, {REASON}"
            yield input_failure(name, wrong, "Write the decorator in the flow's code, or without that character.")


def _create_options(options: Mapping[str, Any]) -> Iterator[Failure]:
    for key, value in options.items():
        option = key.replace("-", "_")
        if option == "tags":
            yield from _tags("create-options", value)
        elif option == "user_namespace" and (found := special_character(str(value))) is not None:
            wrong = f"has the namespace {shown(str(value))} with {_named(found)}, {REASON}"
            yield input_failure("create-options", wrong, f"Write it of {ALLOWED}.")


def _deployer_options(options: Mapping[str, Any]) -> Iterator[Failure]:
    for key, value in options.items():
        option = key.replace("-", "_")
        if option == "decospecs":
            yield from _decorators("deployer-options", value)
        elif option == "datastore_root":
            yield from _datastore_root("deployer-options", {key: value})


def _datastore_root(name: str, settings: Mapping[str, Any]) -> Iterator[Failure]:
    """Its value is not repeated: a configuration of Metaflow is most often a secret."""
    for key, value in settings.items():
        if not re.fullmatch(r"METAFLOW_DATASTORE_SYSROOT_\w+|datastore[_-]root", key) or not isinstance(value, str):
            continue
        found = special_character(value)
        if found is not None:
            wrong = f"has a `{key}` with {_named(found)}, {REASON}"
            yield input_failure(name, wrong, f"Use a place whose path is of {ALLOWED}.")


def _named(character: str) -> str:
    if character == "`":
        return "a backtick"
    if character.isprintable() and not character.isspace():
        return f"`{character}`"
    return {" ": "a space", "\t": "a tab"}.get(
        character, unicodedata.name(character, f"the character {ord(character)}")
    )


def _plain(text: str) -> str:
    kept = "".join("-" if special_character(f"x{character}") else character for character in text)
    return re.sub(r"-{2,}", "-", kept).strip("-~#^")[:60] or "tag"
