"""Durations as people write them: `90s`, `60m`, `1h30m`."""

from __future__ import annotations

import re

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)")
LONGEST = 366 * 86400.0
"""Seconds. A longer wait is a slip of the pen, and clocks that wait overflow somewhere beyond it."""
SPELLED_OUT = {"sec": "s", "second": "s", "min": "m", "minute": "m", "hour": "h", "hr": "h", "day": "d"}


def parse_duration(text: str) -> float:
    """A duration in seconds.

    Args:
        text: numbers with units, added up; upper case and spaces do not matter.

    Raises:
        ValueError: it is none; the first line says what is wrong, the second what to write.
    """
    written = re.sub(r"\s", "", text.lower())
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", written):
        raise ValueError(f"has no unit\nWrite `{written}s` for seconds or `{written}m` for minutes.")
    if not re.fullmatch(f"({PART.pattern})+", written):
        raise ValueError(f"is no duration\n{_proposal(written)}")
    seconds = sum(float(number) * UNITS[unit] for number, unit in PART.findall(written))
    if seconds <= 0:
        raise ValueError("is no time at all\nWrite a duration above zero, such as `60m`.")
    if seconds > LONGEST:
        raise ValueError("is more than a year\nWrite a shorter duration, such as `60m`.")
    return seconds


def in_words(seconds: float) -> str:
    """A duration in the largest unit that fits it: `90 days`, `36 hours`, `1 second`."""
    for size, unit in ((UNITS["d"], "day"), (UNITS["h"], "hour"), (UNITS["m"], "minute"), (UNITS["s"], "second")):
        if seconds >= size and seconds % size == 0:
            number = round(seconds / size)
            return f"{number} {unit}{'' if number == 1 else 's'}"
    return f"{seconds:g} seconds"


def _proposal(written: str) -> str:
    spelled = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([a-z]+?)s?", written)
    unit = SPELLED_OUT.get(spelled[2]) if spelled is not None else None
    if spelled is not None and unit is not None:
        return f"Write `{spelled[1]}{unit}`."
    return "Write a number above zero with a unit (`ms`, `s`, `m`, `h`, `d`), such as `90s`, `60m` or `1h30m`."
