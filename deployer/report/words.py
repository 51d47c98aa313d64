"""Numbers, times and schedules as people say them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from deployer.outcome import RunStatus

DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
SHORT_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
SHORT_ID = 20
AWS_FIELDS = 6
MINUTES, HOURS = 60, 24
MOST_TIMES = 4
SHORTHANDS = {"@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0"}


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


def listed(items: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def moment(time: datetime) -> str:
    """`2026-11-23 08:41 UTC`."""
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def shortened(identifier: str) -> str:
    """A run's id for a table: what tells it from its deployment's other runs is kept.

    A UUID is known by its beginning (`sfn-2a4290fb…`); a name that was made of others, by its end (`argo-…-x7k2p`).
    """
    if len(identifier) <= SHORT_ID:
        return identifier
    kind, _, rest = identifier.partition("-")
    made = re.search(r"-[a-z0-9]{5,12}$", rest)
    if made is None or re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", rest):
        return f"{kind}-{rest[:8]}…"
    return f"{kind}-…{made[0]}"


def how_it_ended(status: RunStatus) -> str:
    """What happened to a run that is over, as a verb: failed, was terminated."""
    return {RunStatus.TERMINATED: "was terminated", RunStatus.TIMED_OUT: "timed out"}.get(status, str(status))


def orchestrator(name: str) -> str:
    """The orchestrator's own name."""
    known = {"argo-workflows": "Argo Workflows", "step-functions": "AWS Step Functions", "airflow": "Airflow"}
    return known.get(name, name)


def schedule(cron: str, timezone: str | None) -> str | None:
    """A simple cron expression in words; None where its own spelling says it better.

    Five fields are Argo's; six are EventBridge's, the sixth a year and weekdays counted from 1 (docs.aws.amazon.com,
    EventBridge: cron expressions).
    """
    fields = SHORTHANDS.get(cron.strip(), cron).split()
    is_aws = len(fields) == AWS_FIELDS
    if len(fields) not in (5, AWS_FIELDS) or (is_aws and fields[5] != "*"):
        return None
    minute, hour, day, month, weekday = (field.replace("?", "*") for field in fields[:5])
    if month != "*":
        return None
    if day == weekday == "*" and (often := _often(minute, hour)) is not None:
        return often
    times = _times(minute, hour)
    days = _days(day, weekday, is_aws=is_aws)
    return f"{days} at {times} {zone(timezone)}" if times is not None and days is not None else None


def _often(minute: str, hour: str) -> str | None:
    """What comes several times a day in equal steps."""
    if every := re.fullmatch(r"(?:\*|0)/([1-9]\d?)", minute):
        if hour != "*" or MINUTES % int(every[1]):
            return None
        return "every minute" if every[1] == "1" else f"every {every[1]} minutes"
    if minute == "*":
        return "every minute" if hour == "*" else None
    if not _is_number(minute, MINUTES):
        return None
    past = "" if int(minute) == 0 else f" at {int(minute)} past"
    if hour == "*":
        return f"every hour{past}"
    every = re.fullmatch(r"(?:\*|0)/([1-9]\d?)", hour)
    return f"every {every[1]} hours{past}" if every and HOURS % int(every[1]) == 0 and int(every[1]) > 1 else None


def _times(minute: str, hour: str) -> str | None:
    """`06:00`, `06:00 and 18:00`."""
    hours = hour.split(",")
    if not _is_number(minute, MINUTES) or len(hours) > MOST_TIMES or not all(_is_number(one, HOURS) for one in hours):
        return None
    return listed([f"{int(one):02d}:{int(minute):02d}" for one in hours])


def _days(day: str, weekday: str, *, is_aws: bool) -> str | None:
    if day == weekday == "*":
        return "every day"
    if weekday == "*":
        return f"on day {int(day)} of every month" if _is_number(day, 32) and int(day) > 0 else None
    if day != "*":
        return None
    if "-" in weekday:
        ends = [_weekday(end, is_aws=is_aws) for end in weekday.split("-")]
        return "every weekday" if ends == [1, 5] else None
    days = [_weekday(one, is_aws=is_aws) for one in weekday.split(",")]
    return f"every {listed([DAYS[one] for one in days if one is not None])}" if None not in days else None


def _weekday(field: str, *, is_aws: bool) -> int | None:
    """A day of the week, Sunday being 0."""
    if field.upper() in SHORT_DAYS:
        return SHORT_DAYS.index(field.upper())
    if not field.isdecimal():
        return None
    index = int(field) - 1 if is_aws else (0 if field == "7" else int(field))
    return index if 0 <= index < len(DAYS) else None


def _is_number(field: str, below: int) -> bool:
    return field.isdecimal() and int(field) < below


def zone(timezone: str | None) -> str:
    """A time zone's name, UTC by default."""
    return "UTC" if timezone in (None, "", "Etc/UTC", "UTC") else str(timezone)
