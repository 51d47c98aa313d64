"""JSON both ways."""

from __future__ import annotations

from typing import TypeVar

import msgspec

T = TypeVar("T")


def to_json(value: object) -> str:
    """Any of these dataclasses as JSON, snake_case keys, times as ISO 8601."""
    return msgspec.json.encode(value).decode()


def from_json(text: str | bytes, kind: type[T]) -> T:
    """The reverse of `to_json`.

    Raises:
        ValueError: the text is no JSON, or not of that kind; the message names the field.
    """
    return msgspec.json.decode(text, type=kind)
