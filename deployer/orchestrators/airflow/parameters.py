"""A run's Parameters as the `conf` of a DAG run.

Metaflow's start task writes them to a shell script, `export METAFLOW_INIT_X="…"` with JSON's escapes
(metaflow/plugins/airflow/plumbing/set_parameters.py): what a shell expands in double quotes, and what JSON writes as
an escape that no shell knows, arrives as something else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from deployer.outcome import DeployError, Failure, FailureReason
from deployer.text import shortened

UNSAFE = re.compile(r"[$`\x00-\x1f\x7f]|[^\x00-\x7f]")


def conf(parameters: Mapping[str, str], types: Mapping[str, str | None]) -> dict[str, Any]:
    """The `conf` of a DAG run.

    Args:
        parameters: by name, as text.
        types: the JSON type of each of the DAG's params, which Airflow checks the values against; None for any.

    Raises:
        DeployError: a value would not arrive as it was given, or is not of its type.
    """
    return {name: _value(name, text, types.get(name)) for name, text in parameters.items()}


def _value(name: str, text: str, kind: str | None) -> Any:
    if kind in ("integer", "number"):
        try:
            value = json.loads(text)
        except ValueError:
            value = None
        if isinstance(value, int | float) and not isinstance(value, bool):
            return value
        raise DeployError(_failure(f"The parameter `{name}` is {_shown(text)}, and Airflow wants a {kind}."))
    unsafe = UNSAFE.search(text)
    if unsafe is not None:
        raise DeployError(
            _failure(
                f"The parameter `{name}` holds {_shown(unsafe[0])}, which Metaflow's start task on Airflow cannot pass "
                "on: it hands parameters over in a shell script."
            )
        )
    return text


def _shown(text: str) -> str:
    return json.dumps(shortened(text, 60), ensure_ascii=False)


def _failure(message: str) -> Failure:
    return Failure(
        reason=FailureReason.INPUT,
        input="parameters",
        message=message,
        advice="Write ASCII letters, digits and signs other than `$` and backquotes, on one line; or have the flow "
        "read the value from a file in the datastore.",
    )
