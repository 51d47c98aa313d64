"""What may be masked: a rule that keeps ordinary words and identifiers readable."""

from __future__ import annotations

import re

MASK = "***"
SHORTEST = 8
"""Characters of a value that is secret by its name; a shorter one would blank ordinary words."""
SHORTEST_GIVEN = 4
"""Characters of a value that was given as a secret and nothing else, such as `airflow-password`."""
COMMON = frozenset(
    {"true", "false", "none", "null", "main", "master", "latest", "default", "http", "https", "root", "admin", "user"}
    | {
        "localhost",
        "production",
        "prod",
        "staging",
        "test",
        "development",
        "python",
        "metaflow",
        "success",
        "failure",
        "deploy",
    }
    | {"password", "username", "x-access-token", "anonymous", "argo-workflows", "step-functions", "kubernetes"}
)
DIRECTION = "(?:central|(?:north|south)(?:east|west)?|east|west)"
# Identifiers that are in outputs: a runner drops an output that holds a masked value.
IDENTIFIER = re.compile(
    r"arn:aws[a-z-]*:[^\s]*"
    r"|[0-9]{12}"  # an AWS account's
    rf"|[a-z]{{2}}(?:-gov|-iso[a-z]?)?-{DIRECTION}-[0-9]{{1,2}}[a-z]?"  # a region or a zone of AWS
    rf"|[a-z]+-{DIRECTION}[0-9]{{1,2}}(?:-[a-z])?"  # a region or a zone of Google Cloud
)
ARMOR = re.compile(r"-----(?:BEGIN|END) [A-Z0-9 ]+-----")
NAME = re.compile(r"[a-z0-9]+(?:[._-]+[a-z0-9]+)*")
GRAM = 8
"""Characters of a piece of a secret that is recognized by itself."""


def is_maskable(value: str, shortest: int = SHORTEST) -> bool:
    """Whether a value is masked at all.

    Args:
        value: without surrounding space.
        shortest: characters, below which it is left.
    """
    return (
        len(value) >= shortest
        and value.lower() not in COMMON
        and not IDENTIFIER.fullmatch(value)
        and not ARMOR.fullmatch(value)
        and len(set(value)) > 1  # a row of dashes or asterisks
    )


def is_ordinary(piece: str) -> bool:
    """Whether a short text reads like words, a number, or camel case, rather than like a piece of a random value.

    Counted are the changes between small letters, capitals and digits; the one after a word's capital is free.
    """
    changes, with_digits, before = 0, False, ""
    for char in piece:
        kind = "d" if char.isdigit() else "U" if char.isupper() else "l" if char.isalpha() else ""
        if not kind:
            continue
        with_digits = with_digits or kind == "d"
        if before and kind != before and (before, kind) != ("U", "l"):
            changes += 1
        before = kind
    return changes < (2 if with_digits else 3)


def is_random(value: str) -> bool:
    """Whether most pieces of a value look random: such a value is no name, and a piece of it is recognized."""
    pieces = [value[at : at + GRAM] for at in range(len(value) - GRAM + 1)]
    return len(value) >= 2 * GRAM and sum(not is_ordinary(one) for one in pieces) * 2 > len(pieces)


def is_name(value: str) -> bool:
    """Whether a value could be the name of a namespace, a bucket or a deployment."""
    return bool(NAME.fullmatch(value)) and not is_random(value)
