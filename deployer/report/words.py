"""Numbers, times and schedules as people say them."""

from __future__ import annotations

import re
from datetime import datetime

DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
SHORT_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
SHORT_ID = 20
AWS_FIELDS = 6


def duration(seconds: float) -> str:
    """`0.4 s`, `42 s`, `3 min 12 s`, `2 h 05 min`."""
    if seconds < 10:  # noqa: PLR2004
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:  # noqa: PLR2004
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:  # noqa: PLR2004
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def count(number: int, thing: str) -> str:
    """`1 flow`, `2 flows`."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def moment(time: datetime) -> str:
    """`2026-11-23 08:41 UTC`."""
    return time.strftime("%Y-%m-%d %H:%M UTC")


def shortened(identifier: str) -> str:
    """A run's id for a table: `argo-…-x7k2p`, `sfn-2a4290fb…`."""
    if len(identifier) <= SHORT_ID:
        return identifier
    kind, _, rest = identifier.partition("-")
    if re.search(r"-[a-z0-9]{5}$", rest) and kind == "argo":
        return f"{kind}-…{rest[-6:]}"
    return f"{kind}-{rest[:8]}…"


def orchestrator(name: str) -> str:
    """The orchestrator's own name."""
    return {"argo-workflows": "Argo Workflows", "step-functions": "AWS Step Functions"}.get(name, name)


def schedule(cron: str, timezone: str | None) -> str | None:  # noqa: PLR0911  # a table of cases
    """A simple cron expression in words; None where its own spelling says it better.

    Five fields are Argo's; six are EventBridge's, the sixth a year and weekdays counted from 1 (docs.aws.amazon.com,
    EventBridge: cron expressions).
    """
    fields = cron.split()
    is_aws = len(fields) == AWS_FIELDS
    if len(fields) not in (5, AWS_FIELDS) or (is_aws and fields[5] != "*"):
        return None
    minute, hour, day, month, weekday = fields[:5]
    day, weekday = day.replace("?", "*"), weekday.replace("?", "*")
    if month != "*" or not minute.isdigit():
        every = re.fullmatch(r"(?:\*|0)/(\d+)", minute)
        if every and (hour, day, month, weekday) == ("*", "*", "*", "*"):
            return f"every {every[1]} minutes"
        return None
    if hour == "*" and day == weekday == "*":
        return "every hour" if int(minute) == 0 else f"every hour at {int(minute)} past"
    if not hour.isdigit():
        return None
    at = f"at {int(hour):02d}:{int(minute):02d} {zone(timezone)}"
    if day == weekday == "*":
        return f"every day {at}"
    if day == "*" and (name := _weekday(weekday, is_aws=is_aws)) is not None:
        return f"every {name} {at}"
    if day.isdigit() and weekday == "*":
        return f"on day {int(day)} of every month {at}"
    return None


def zone(timezone: str | None) -> str:
    """A time zone's name, UTC by default."""
    return "UTC" if timezone in (None, "", "Etc/UTC", "UTC") else str(timezone)


def _weekday(field: str, *, is_aws: bool) -> str | None:
    if field.upper() in SHORT_DAYS:
        return DAYS[SHORT_DAYS.index(field.upper())]
    if not field.isdigit():
        return None
    index = int(field) - 1 if is_aws else int(field) % 7
    return DAYS[index] if 0 <= index < len(DAYS) else None
