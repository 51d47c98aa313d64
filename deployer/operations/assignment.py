"""Which flow of a job gets which of the named values: `parameters` and `config` are given once for all flows.

A name goes to each flow that declares it. One that no flow declares is a mistake.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from deployer.outcome import Failure, FailureReason

V = TypeVar("V")

MOST_NEAR = 3
MOST_LISTED = 20


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """What one flow declares."""

    flow: str
    """The flow's name, or its file where that is not known."""
    names: frozenset[str] | None
    """The names of its Parameters, or of its Configs; None where the flow could not be read, and may declare any."""


@dataclass(frozen=True, kw_only=True)
class Assignment(Generic[V]):
    """Who gets what."""

    values: tuple[Mapping[str, V], ...]
    """For each flow, in their order, the values that it gets."""
    failures: tuple[Failure, ...] = ()
    """A failure for each name that no flow declares."""
    notices: tuple[str, ...] = ()
    """A sentence for each name that only a part of the flows gets."""


def assign(values: Mapping[str, V], declared: Sequence[Declaration], *, input_name: str, kind: str) -> Assignment[V]:
    """Share values out to the flows that declare their names.

    Args:
        values: what was given, by name.
        declared: each flow's declarations, in the order of the flows.
        input_name: the input that they were given in: `parameters`, `config`.
        kind: what a name is of, as it goes into sentences: `parameter`, `Config`.

    Returns:
        Who gets what. A flow that could not be read gets none. While there is such a flow, no name is refused: it may
        be that flow's.
    """
    known = [one for one in declared if one.names is not None]
    unread = len(known) < len(declared)
    shares = tuple({name: value for name, value in values.items() if name in (one.names or ())} for one in declared)
    takers = {name: [one.flow for one in known if name in (one.names or ())] for name in values}
    failures = [_unknown(name, known, input_name, kind) for name, flows in takers.items() if not flows and not unread]
    notices = [
        f"The {kind} `{name}` is passed to {_listed(flows)} only; the other flows do not declare it."
        for name, flows in takers.items()
        if flows and len(flows) < len(known)
    ]
    return Assignment(values=shares, failures=tuple(failures), notices=tuple(notices))


def _unknown(name: str, declared: Sequence[Declaration], input_name: str, kind: str) -> Failure:
    owners: dict[str, list[str]] = {}
    for one in declared:
        for own in sorted(one.names or ()):
            owners.setdefault(own, []).append(one.flow)
    by_letters = {own.lower(): own for own in owners}
    near = [by_letters[one] for one in difflib.get_close_matches(name.lower(), by_letters, n=MOST_NEAR)]
    whose = "The flow has" if len(declared) == 1 else f"None of the {len(declared)} flows has"
    no = " no" if len(declared) == 1 else ""
    hint = f" Did you mean {' or '.join(f'`{one}` ({_listed(owners[one])})' for one in near)}?" if near else ""
    return Failure(
        reason=FailureReason.INPUT,
        input=input_name,
        message=f"{whose}{no or ' a'} {kind} `{name}`.{hint}",
        advice=_advice(owners, kind, several=len(declared) > 1),
    )


def _advice(owners: Mapping[str, Sequence[str]], kind: str, *, several: bool) -> str:
    flows = "The flows" if several else "The flow"
    verb = "declare" if several else "declares"
    if not owners:
        return f"{flows} {verb} no {kind}: leave the input out."
    names = [f"`{name}` ({_listed(of)})" if several else f"`{name}`" for name, of in owners.items()]
    more = f" and {len(names) - MOST_LISTED} more" if len(names) > MOST_LISTED else ""
    return f"{flows} {verb}: {', '.join(names[:MOST_LISTED])}{more}."


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
