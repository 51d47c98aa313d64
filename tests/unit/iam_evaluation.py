"""IAM's evaluation of one policy, as far as docs/iam-policy.json uses its language.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html: an explicit deny comes first,
then an allow, and nothing is allowed otherwise. A condition's operators, and the keys under one, all have to hold; of a
key's values one has to.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any


def allows(policy: Mapping[str, Any], action: str, resource: str, context: Mapping[str, str] | None = None) -> bool:
    """Whether a policy allows a request.

    Args:
        policy: its document.
        action: what is asked for, `service:Operation`.
        resource: the ARN that it is asked of.
        context: the condition keys of the request.
    """
    effects = {
        statement["Effect"]
        for statement in policy["Statement"]
        if any(_like(action, one) for one in _several(statement["Action"]))
        and any(_like(resource, one) for one in _several(statement["Resource"]))
        and _holds(statement.get("Condition", {}), context or {})
    }
    return effects == {"Allow"}


def _holds(conditions: Mapping[str, Mapping[str, Any]], context: Mapping[str, str]) -> bool:
    return all(
        _compare(operator, context.get(key), _several(wanted))
        for operator, pairs in conditions.items()
        for key, wanted in pairs.items()
    )


def _compare(operator: str, value: str | None, wanted: Iterable[str]) -> bool:
    if operator == "Null":
        return str(value is None).lower() in wanted
    if operator == "StringNotEquals":
        return value not in wanted  # a negated operator holds for a key that is not there
    if operator == "BoolIfExists":
        return value is None or value in wanted
    if operator == "StringEquals":
        return value in wanted
    if operator == "ArnLike":
        return value is not None and any(_like(value, one) for one in wanted)
    raise AssertionError(f"the tests do not know the condition operator {operator}")


def _like(text: str, pattern: str) -> bool:
    parts = (".*" if one == "*" else "." if one == "?" else re.escape(one) for one in pattern)
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
