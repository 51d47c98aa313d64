"""Say what happened where people look: the log, the outputs, the job summary, the pull requests.

Reporting never decides the deployment: what goes wrong here is a warning.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from deployer.console import Console
from deployer.deadline import Cancellation
from deployer.event import Event
from deployer.inputs import WITHOUT_FLOW, CommentMode
from deployer.outcome import Outcome, Status
from deployer.report.annotations import to_annotations
from deployer.report.comment import comment_body
from deployer.report.inventory import console_table
from deployer.report.outputs import outputs
from deployer.report.summary import summary
from deployer.text import read_markdown

if TYPE_CHECKING:
    from deployer.github.client import GitHubClient


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
    console: Console,
    cancellation: Cancellation,
) -> None:
    """Report an outcome.

    Args:
        outcome: what became of the job, masked (`deployer.masking.masked_outcome`).
        event: what called it, and where its pull requests are found.
        settings: how to comment.
        console: the log, the outputs and the summary.
        cancellation: a cancelled job has seconds left: it asks GitHub once, and waits for nothing.
    """
    for line in console_table(outcome):
        console.info(line)
    for annotation in to_annotations(outcome):
        console.annotate(annotation)
    comment_urls = _comments(outcome, event, settings, console, cancellation)
    for name, value in outputs(outcome, comment_urls[0] if comment_urls else None).items():
        console.set_output(name, value)
    console.append_summary(summary(outcome))


def _comments(
    outcome: Outcome,
    event: Event,
    settings: ReportSettings,
    console: Console,
    cancellation: Cancellation,
) -> tuple[str, ...]:
    if settings.mode is CommentMode.OFF or outcome.status is Status.SKIPPED or _concerns_nobody(outcome):
        return ()
    if not settings.token:
        console.notice("No pull request gets a comment, since there is no `github-token`.")
        return ()
    from deployer.github.client import ClientSettings, GitHubClient
    from deployer.github.errors import GitHubError

    patience = (
        ClientSettings(request_timeout=2, retries=0, between_writes=0) if cancellation.cancelled else ClientSettings()
    )
    client = GitHubClient(token=settings.token, repository=event.repository, api_url=event.api_url, settings=patience)
    urls = []
    try:
        for number in _pull_requests(event, client):
            url = _tell(client, number, outcome, event, settings, console)
            if url is not None:
                console.info(f"pull request #{number}: {url}")
                urls.append(url)
    except GitHubError as error:
        console.warning(
            f"The comment in the pull request could not be written; the deployment is not affected. {error}"
        )
    return tuple(urls)


def _concerns_nobody(outcome: Outcome) -> bool:
    """Whether it only looked: no pull request has to know of that."""
    if outcome.operation in list(WITHOUT_FLOW):
        return outcome.inventory is None or not any(row.fate.is_change for row in outcome.inventory.rows)
    return outcome.operation == "doctor"


def _pull_requests(event: Event, client: GitHubClient) -> tuple[int, ...]:
    """The pull requests to tell: the event's own, else those that the push brought."""
    if event.pull_request is not None:
        return (event.pull_request,)
    if event.name not in ("push", "workflow_run") or not event.commits:
        return ()
    return tuple(pull.number for pull in client.merged_pull_requests(event.commits))


def _tell(
    client: GitHubClient, number: int, outcome: Outcome, event: Event, settings: ReportSettings, console: Console
) -> str | None:
    from deployer.github.comment import CommentHeader
    from deployer.github.publish import publish as publish_comment

    context = outcome.context
    header = CommentHeader(
        key=comment_key(event, settings.key),
        workflow=event.workflow_file or event.workflow,
        status=str(outcome.status),
        commit=context.commit if context is not None else "",
    )
    body = comment_body(outcome, summary_url=context.run_url if context is not None else None)
    # the outcome is masked already; no runner masks what goes to the API
    body = console.secrets.without_secrets(body, read_markdown)
    published = publish_comment(client, number, header, body, str(settings.mode))
    return published.url if published is not None else None


def comment_key(event: Event, given: str | None) -> str:
    """What tells this job's comment from those of other jobs: the input, else workflow and job."""
    return given or f"{event.workflow_file or event.workflow}/{event.job}"
