"""Say what happened where people look: the log, the outputs, the job summary, the pull requests.

Reporting never decides the deployment: what goes wrong here is a warning.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from deployer.console import Console
from deployer.deadline import Cancellation
from deployer.event import Event
from deployer.inputs import CommentMode
from deployer.outcome import Outcome, Status
from deployer.report.annotations import annotations
from deployer.report.comment import comment_body
from deployer.report.outputs import outputs
from deployer.report.summary import summary


@dataclass(frozen=True, kw_only=True)
class ReportSettings:
    """How the pull requests are told."""

    mode: CommentMode
    key: str | None = None
    """What tells this job's comment from those of other jobs; by default workflow and job."""
    token: str | None = field(default=None, repr=False)


def publish(
    outcome: Outcome,
    event: Event,
    settings: ReportSettings,
    *,
    environ: Mapping[str, str],
    console: Console,
    cancellation: Cancellation,
) -> None:
    """Report an outcome.

    Args:
        outcome: what became of the job.
        event: what called it, and where its pull requests are found.
        settings: how to comment.
        environ: the job's environment (GITHUB_API_URL).
        console: the log, the outputs and the summary.
        cancellation: a cancelled job has seconds left: it asks GitHub once, and waits for nothing.
    """
    for annotation in annotations(outcome):
        console.annotate(annotation)
    comment_urls = _comments(outcome, event, settings, environ, console, cancellation)
    for name, value in outputs(outcome, comment_urls[0] if comment_urls else None).items():
        console.set_output(name, value)
    console.append_summary(summary(outcome))


def _comments(
    outcome: Outcome,
    event: Event,
    settings: ReportSettings,
    environ: Mapping[str, str],
    console: Console,
    cancellation: Cancellation,
) -> tuple[str, ...]:
    if settings.mode is CommentMode.OFF or outcome.status is Status.SKIPPED:
        return ()
    if settings.mode is CommentMode.FAILURES and outcome.status is Status.SUCCESS and not settings.token:
        return ()
    if not settings.token:
        console.notice("No pull request is told, since there is no `github-token`.")
        return ()
    from deployer.github.client import GitHubClient, GitHubError
    from deployer.github.comment import CommentHeader
    from deployer.github.publish import publish as publish_comment

    del json  # placeholder
    return (str(GitHubClient), str(GitHubError), str(CommentHeader), str(publish_comment))
