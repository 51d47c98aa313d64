"""Where a report goes in a pull request: in place, anew, or nowhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import uuid4

from deployer.github.client import GitHubClient
from deployer.github.comment import Comment, CommentHeader, folded, render
from deployer.github.errors import IN_THE_SUMMARY, NOT_FOUND, GitHubError

GOOD = "success"


@dataclass(frozen=True, kw_only=True)
class PublishedComment:
    """The comment that stands now."""

    url: str
    created: bool
    """Whether it is a new one, which sends mail; editing sends none."""
    problem: GitHubError | None = None
    """Why an older comment could not be folded; the new one stands all the same."""


def publish(client: GitHubClient, number: int, header: CommentHeader, text: str, mode: str) -> PublishedComment | None:
    """Write a report into a pull request.

    Args:
        client: GitHub.
        number: the pull request.
        header: the comment's identity and state; fields in `rest` that the comment it follows on has, and it has not,
            are kept.
        text: the comment's Markdown.
        mode: `update`: in place, but anew when success turned to failure or back, since edits send no mail, with the
            old one folded; `new`: a comment a run; `failures`: as `update`, but success alone is not told unless it
            ends a failure that was; `off`: nothing.

    Returns:
        The comment; None where the mode wants none.

    Raises:
        GitHubError: GitHub refused, or the text is longer than GitHub takes.
    """
    if mode == "off":
        return None
    if mode == "new":
        written = _create(client, number, *_document(header, text))
        return PublishedComment(url=written.url, created=True)
    standing = _standing(client, number, header.key)
    if mode == "failures" and header.status == GOOD and not standing:
        return None
    return _follow(client, number, header, text, standing)


def _follow(
    client: GitHubClient, number: int, header: CommentHeader, text: str, standing: Sequence[Comment]
) -> PublishedComment:
    """Write the comment that follows on those that stand: in place of the last, or anew with the others folded."""
    current = standing[-1] if standing else None
    kept = {} if current is None else current.header.rest
    header, body = _document(replace(header, rest={**kept, **header.rest}), text)
    written = None
    if current is not None and _same_kind(current.header.status, header.status):
        written = _unless_gone(client, current, body)
    if written is not None:
        return PublishedComment(url=written.url, created=False, problem=_fold(client, standing, written))
    written = _create(client, number, header, body)
    # another job with the same key may have written meanwhile, having seen none either: the newest is the current one
    try:
        seen = {one.id: one for one in (*standing, *_standing(client, number, header.key), written)}
        newest = seen[max(seen)]
        problem = _fold(client, tuple(seen.values()), newest)
    except GitHubError as error:
        problem = error
    return PublishedComment(url=written.url, created=True, problem=problem)


def _standing(client: GitHubClient, number: int, key: str) -> tuple[Comment, ...]:
    return tuple(one for one in client.find_comments(number, key) if not one.header.superseded)


def _same_kind(before: str, now: str) -> bool:
    return (before == GOOD) == (now == GOOD)


def _document(header: CommentHeader, text: str) -> tuple[CommentHeader, str]:
    """The header of one writing, and the body with it."""
    header = replace(header, writing=uuid4().hex)
    try:
        return header, render(header, text)
    except ValueError as error:
        raise GitHubError("The comment is longer than GitHub takes.", IN_THE_SUMMARY, str(error)) from error


def _create(client: GitHubClient, number: int, header: CommentHeader, body: str) -> Comment:
    """Write a new comment; where no answer came, look whether it stands before asking again."""
    try:
        return client.create_comment(number, body)
    except GitHubError as error:
        if not error.may_have_succeeded:
            raise
    found = [one for one in client.find_comments(number, header.key) if one.header.writing == header.writing]
    return found[-1] if found else client.create_comment(number, body)


def _fold(client: GitHubClient, comments: Sequence[Comment], newest: Comment) -> GitHubError | None:
    """Fold all comments but the newest; the problem, where one can't be folded."""
    problem = None
    for old in comments:
        if old.id != newest.id:
            try:
                _unless_gone(client, old, folded(old, newest.url))
            except GitHubError as error:
                problem = error
    return problem


def _unless_gone(client: GitHubClient, comment: Comment, body: str) -> Comment | None:
    """Write a comment anew in place; None where somebody deleted it meanwhile."""
    try:
        return client.update_comment(comment, body)
    except GitHubError as error:
        if error.status == NOT_FOUND:
            return None
        raise
