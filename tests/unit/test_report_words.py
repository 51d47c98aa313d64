"""Times, schedules and identifiers as people say them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from deployer.report.words import duration, moment, schedule, shortened


@pytest.mark.parametrize(
    ("cron", "zone", "words"),
    [
        ("0 6 * * *", None, "every day at 06:00 UTC"),
        ("0 6 * * ? *", "Etc/UTC", "every day at 06:00 UTC"),
        ("30 22 * * *", "Europe/Berlin", "every day at 22:30 Europe/Berlin"),
        ("15 6,18 * * *", None, "every day at 06:15 and 18:15 UTC"),
        ("0 6,12,18 * * ? *", None, "every day at 06:00, 12:00 and 18:00 UTC"),
        ("0 * * * *", None, "every hour"),
        ("0 * * * ? *", None, "every hour"),
        ("5 * * * *", None, "every hour at 5 past"),
        ("0 */6 * * *", None, "every 6 hours"),
        ("5 0/6 * * ? *", None, "every 6 hours at 5 past"),
        ("* * * * *", None, "every minute"),
        ("*/1 * * * *", None, "every minute"),
        ("*/15 * * * *", None, "every 15 minutes"),
        ("0/15 * * * ? *", None, "every 15 minutes"),
        ("0 6 * * 1", None, "every Monday at 06:00 UTC"),
        ("0 6 * * 7", None, "every Sunday at 06:00 UTC"),
        ("0 6 ? * 1 *", None, "every Sunday at 06:00 UTC"),
        ("0 6 ? * MON *", None, "every Monday at 06:00 UTC"),
        ("0 6 * * 1-5", None, "every weekday at 06:00 UTC"),
        ("0 6 ? * 2-6 *", None, "every weekday at 06:00 UTC"),
        ("0 6 ? * mon-fri *", None, "every weekday at 06:00 UTC"),
        ("0 6 * * 1,3", None, "every Monday and Wednesday at 06:00 UTC"),
        ("0 6 1 * *", None, "on day 1 of every month at 06:00 UTC"),
        ("@daily", None, "every day at 00:00 UTC"),
        ("@hourly", None, "every hour"),
    ],
)
def test_a_simple_schedule_is_said_in_words(cron: str, zone: str | None, words: str) -> None:
    assert schedule(cron, zone) == words


@pytest.mark.parametrize(
    "cron",
    [
        "0 6 1 1 *",  # once a year
        "0 6 * * ? 2027",  # one year
        "*/7 * * * *",  # not equal steps over the hour
        "0 */5 * * *",
        "*/15 6 * * *",
        "0 6 1 * 1",  # either of both, which is hard to say
        "0 6 * * 5-1",
        "0 6 L * ? *",
        "0 6 ? * 6#3 *",
        "0 6 32 * *",
        "0 25 * * *",
        "61 6 * * *",
        "0 6 * * 9",
        "0 1,2,3,4,5 * * *",
        "nonsense",
        "",
        "0 6 * *",
        "-1 -1 * * *",
    ],
)
def test_what_is_not_simple_keeps_its_own_spelling(cron: str) -> None:
    assert schedule(cron, None) is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.44, "0.4 s"),
        (9.94, "9.9 s"),
        (42, "42 s"),
        (59.6, "1 min 00 s"),
        (192, "3 min 12 s"),
        (3599.7, "1 h 00 min"),
        (7500, "2 h 05 min"),
    ],
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_times_are_told_in_utc() -> None:
    berlin = timezone(timedelta(hours=1))
    assert moment(datetime(2026, 11, 23, 9, 41, tzinfo=berlin)) == "2026-11-23 08:41 UTC"
    assert moment(datetime(2026, 11, 23, 8, 41, tzinfo=UTC)) == "2026-11-23 08:41 UTC"


def test_long_ids_are_shortened_in_the_text() -> None:
    assert shortened("argo-recsys.prod.trainflow-x7k2p") == "argo-…-x7k2p"
    assert shortened("sfn-2a4290fb-d36d-4eb6-833e-73ac58ed4c16") == "sfn-2a4290fb…"
    assert shortened("sfn-octo-org-flows-1005-1-deploy-TrainFlow-05d48fed4bea") == "sfn-…-05d48fed4bea"
    assert shortened("airflow-0123456789abcdef0123456789abcdef") == "airflow-01234567…"
    assert shortened("argo-short") == "argo-short"
