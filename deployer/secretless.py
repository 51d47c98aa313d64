"""Runs that GitHub gives no secrets: known by their event, told as the cause where credentials are missing."""

from __future__ import annotations

from dataclasses import dataclass, replace

from deployer.event import Event
from deployer.outcome import Failure, FailureReason, Outcome


@dataclass(frozen=True, kw_only=True)
class Cause:
    """Why a run has no secrets, and what to do."""

    message: str
    advice: str

    @property
    def warning(self) -> str:
        """Both, as they are told before credentials are missed."""
        return f"{self.message} {self.advice}"


FORK = Cause(
    message="This pull request comes from a fork: its job has no secrets, no OIDC token, and a token that only reads.",
    advice="Deploy on `push`, which every merge is.",
)
DEPENDABOT = Cause(
    message="Dependabot is the actor: the job has Dependabot's secrets, not those of Actions.",
    advice="Add them to Dependabot's secrets in the repository's settings, or run the job again yourself.",
)


def cause_of(event: Event) -> Cause | None:
    """Why the run of an event has no secrets; None where it has them.

    A fork's run under `pull_request_target`, and every push, have them
    (https://docs.github.com/en/actions/reference/security/secure-use).
    """
    if event.is_fork and event.name == "pull_request":
        return FORK
    return DEPENDABOT if event.is_dependabot else None


def with_cause(outcome: Outcome, event: Event) -> Outcome:
    """The outcome, in which every failure for missing credentials names the cause; the warning of it then goes."""
    cause = cause_of(event)
    if cause is None:
        return outcome

    def told(failure: Failure) -> Failure:
        if failure.reason is not FailureReason.CREDENTIALS:
            return failure
        return replace(failure, message=f"{cause.message} {failure.message}", advice=cause.advice)

    found = replace(
        outcome,
        failures=tuple(told(failure) for failure in outcome.failures),
        flows=tuple(replace(one, failure=told(one.failure)) if one.failure else one for one in outcome.flows),
    )
    if found == outcome:
        return outcome
    return replace(found, warnings=tuple(one for one in found.warnings if one != cause.warning))
