"""Lines of `operation: doctor`, made short: what each look at something ends in."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from deployer.outcome import Check, CheckState, Failure, FailureReason

SKEW_SEEN = 60.0
"""Seconds between two clocks that are worth a word; a Date header has whole seconds, and takes its way."""
SKEW_REFUSED = 300.0
"""Seconds of difference from which AWS refuses a signed request (SigV4: five minutes), and tokens seem expired."""
EXPIRY_NEAR = 15 * 60.0
"""Seconds that credentials should last still: a deployment with a run that is waited for takes that long easily."""


def ok(name: str, found: str) -> Check:
    """All is well."""
    return Check(name=name, state=CheckState.OK, found=found)


def warning(name: str, found: str, advice: str) -> Check:
    """Deploying works, something else does not."""
    return Check(name=name, state=CheckState.WARNING, found=found, advice=advice)


def bad(name: str, found: str, advice: str, reason: FailureReason, evidence: str = "") -> Check:
    """Deploying fails for it, with this reason."""
    return Check(name=name, state=CheckState.BAD, found=found, advice=advice, reason=reason, evidence=evidence)


def unknown(name: str, found: str) -> Check:
    """It could not be looked at."""
    return Check(name=name, state=CheckState.UNKNOWN, found=found)


def of_failure(name: str, failure: Failure) -> Check:
    """What a look failed with."""
    return bad(name, failure.message, failure.advice, failure.reason, failure.evidence)


def clock(whose: str, date: str | None, now: datetime) -> Check:
    """The runner's clock against another one.

    Args:
        whose: the other clock's owner, as in `AWS's`.
        date: the Date header of an answer (RFC 9110).
        now: this machine's time when the answer came.
    """
    try:
        theirs = parsedate_to_datetime(date or "")
    except ValueError:
        return unknown("Clock", f"{whose} answer has no date to compare with.")
    skew = (now - theirs.astimezone(UTC)).total_seconds()
    if abs(skew) < SKEW_SEEN:
        return ok("Clock", f"within a minute of {whose}")
    found = f"The runner's clock is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} {whose}."
    advice = "Set the runner's clock (NTP): signed requests and tokens are refused by their times."
    if abs(skew) < SKEW_REFUSED:
        return warning("Clock", found, advice)
    return bad("Clock", found, advice, FailureReason.CREDENTIALS)


def expiry(name: str, what: str, ends: datetime, now: datetime, renew: str) -> Check | None:
    """A line on credentials that have expired or will soon; None for those that last.

    Args:
        name: the line's name.
        what: the credentials, as in `The token of the kubeconfig`.
        ends: when they expire.
        now: this machine's time.
        renew: what to do, as one sentence.
    """
    left = (ends - now).total_seconds()
    when = ends.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    if left <= 0:
        return bad(name, f"{what} expired on {when}.", renew, FailureReason.CREDENTIALS)
    if left < EXPIRY_NEAR:
        return warning(name, f"{what} expires at {when}, in {left / 60:.0f} minutes.", renew)
    return None
