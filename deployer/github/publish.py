"""Where a report goes in a pull request: in place, anew, or nowhere."""

from __future__ import annotations

from dataclasses import dataclass

from deployer.github.client import GitHubClient
from deployer.github.comment import Comment, CommentHeader, folded, render
from deployer.github.errors import GitHubError

GOOD = "success"


@dataclass(frozen=True, kw_only=True)
class PublishedComment:
    """The comment that stands now."""

    url: str
    created: bool
    """Whether it is a new one, which sends mail; editing sends none."""


def publish(client: GitHubClient, number: int, header: CommentHeader, text: str, mode: str) -> PublishedComment | None:
    """Write a report into a pull request.

    Args:
        client: GitHub.
        number: the pull request.
        header: the comment's identity and state.
        text: the comment's Markdown.
        mode: `update`: in place, but anew when success turned to failure or back, since edits send no mail, with the
            old one folded; `new`: a comment a run; `failures`: as `update`, but success alone is not told unless it
            ends a failure that was; `off`: nothing.

    Returns:
        The comment; None where the mode wants none.

    Raises:
        GitHubError: GitHub refused.
    """
    if mode == "off":
        return None
    standing = (
        [] if mode == "new" else [one for one in client.comments(number, header.key) if not one.header.superseded]
    )
    if mode == "failures" and header.status == GOOD and not standing:
        return None
    body = render(header, text)
    current = standing[-1] if standing else None
    if current is not None and _same_kind(current.header.status, header.status):
        written = client.update_comment(current, body)
        created = False
    else:
        written, created = _create(client, number, header, body, standing), True
    for old in standing:
        if old.id != written.id:
            client.update_comment(old, folded(old, written.url))
    return PublishedComment(url=written.url, created=created)


def _same_kind(before: str, now: str) -> bool:
    return (before == GOOD) == (now == GOOD)


def _create(client: GitHubClient, number: int, header: CommentHeader, body: str, standing: list[Comment]) -> Comment:
    """Write a new comment; where no answer came, look whether it stands before asking again."""
    try:
        return client.create_comment(number, body)
    except GitHubError as error:
        if not error.may_have_succeeded:
            raise
    before = {comment.id for comment in standing}
    fresh = [one for one in client.comments(number, header.key) if one.id not in before and one.body == body]
    return fresh[-1] if fresh else client.create_comment(number, body)
