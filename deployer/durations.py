"""Durations as people write them: `90s`, `60m`, `1h30m`."""

from __future__ import annotations

import re

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


def parse_duration(text: str) -> float:
    """A duration in seconds.

    Raises:
        ValueError: it is none; the message proposes what to write.
    """
    written = text.strip().lower().replace(" ", "")
    if re.fullmatch(r"-?\d+(\.\d+)?", written):
        raise ValueError(f"has no unit: write `{written}s` for seconds or `{written}m` for minutes")
    if not re.fullmatch(f"({PART.pattern})+", written):
        raise ValueError("is no duration: write a number with a unit, such as `90s`, `60m` or `1h30m`")
    seconds = sum(float(number) * UNITS[unit] for number, unit in PART.findall(written))
    if seconds <= 0:
        raise ValueError("must be more than nothing: write a duration such as `60m`")
    return seconds
