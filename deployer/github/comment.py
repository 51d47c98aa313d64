"""The comment as a document: its state in a hidden JSON header on the first line, its text below."""

from __future__ import annotations

import html
import json
import re
from dataclasses import dataclass, field, replace
from typing import Any

HEADER = re.compile(r"\A\s*<!-- metaflow-deploy: (\{.*?\}) -->[ \t]*\r?\n?")
LIMIT = 65_536
"""GitHub: "Body is too long (maximum is 65536 characters)"."""
VERSION = 1
TOO_LONG_TO_KEEP = "The text was too long to be kept."


@dataclass(frozen=True, kw_only=True)
class CommentHeader:
    """What a comment says of itself."""

    key: str
    """What tells this job's comment from those of other jobs."""
    workflow: str = ""
    status: str = ""
    commit: str = ""
    superseded: bool = False
    """Whether a newer comment took its place: it is folded, and never written again."""
    writing: str = ""
    """The one request that wrote it: by this it is found when the answer to that request was lost."""
    rest: dict[str, Any] = field(default_factory=dict)
    """Further fields, kept as they are when a comment is written anew: chapters and rows, and what a later version of
    the action knows and this one does not."""


@dataclass(frozen=True, kw_only=True)
class Comment:
    """A comment that stands in a pull request. Its body is foreign data: whoever may write there may edit it."""

    id: int
    url: str
    body: str
    header: CommentHeader


def render(header: CommentHeader, text: str) -> str:
    """A comment's body: the hidden header, and the text below it.

    Raises:
        ValueError: it is longer than GitHub takes.
    """
    state = {
        **header.rest,
        "v": VERSION,
        "workflow": header.workflow,
        "key": header.key,
        "status": header.status,
        "commit": header.commit,
    }
    state |= {"superseded": True} if header.superseded else {}
    state |= {"writing": header.writing} if header.writing else {}
    # `-->` would end the HTML comment, and `--` is not allowed in one. In JSON these stand in strings alone, which can
    # spell them otherwise (a single minus may be a number's)
    document = json.dumps(state).replace("--", "\\u002d\\u002d").replace(">", "\\u003e").replace("<", "\\u003c")
    # half a surrogate pair, as a log that was cut may hold, is no text that can be sent
    sendable = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    body = f"<!-- metaflow-deploy: {document} -->\n{sendable}"
    if len(body.encode("utf-16-le")) // 2 > LIMIT:
        raise ValueError(f"a comment of more than {LIMIT} characters")
    return body


def parse(body: str) -> CommentHeader | None:
    """The header of a comment; None where it has none that can be read, whatever anybody wrote there."""
    found = HEADER.match(body)
    if found is None:
        return None
    try:
        state = json.loads(found[1])
    except (ValueError, RecursionError):  # the latter of thousands of brackets
        return None
    if not isinstance(state, dict) or not isinstance(state.get("key"), str):
        return None
    known = ("v", "workflow", "key", "status", "commit", "superseded", "writing")
    return CommentHeader(
        key=state["key"],
        workflow=_text(state, "workflow"),
        status=_text(state, "status"),
        commit=_text(state, "commit"),
        superseded=state.get("superseded") is True,
        writing=_text(state, "writing"),
        rest={name: value for name, value in state.items() if name not in known},
    )


def text_of(body: str) -> str:
    """The text below the header."""
    return HEADER.sub("", body, count=1)


def folded(comment: Comment, newer_url: str) -> str:
    """The body of a comment whose place a newer one took: one line that leads there, the old text folded below it.

    Its header says that it is superseded, so that it is never again taken for the current one.
    """
    header = replace(comment.header, superseded=True)
    # whoever may edit the comment may have edited its header
    what = [header.status[:20], f"commit {header.commit[:7]}" if header.commit else ""]
    this = html.escape(" ".join(", ".join(part for part in what if part).split()))
    line = f'Superseded by <a href="{html.escape(newer_url)}">a newer report</a>' + (
        f" (this one: {this})" if this else ""
    )
    head = f"<details>\n<summary>{line}</summary>\n\n"
    try:
        return render(header, f"{head}{text_of(comment.body).strip()}\n\n</details>\n")
    except ValueError:
        # cut anywhere, Markdown swallows what follows: a fence or a <details> may be open
        return render(CommentHeader(key=header.key, superseded=True), f"{head}{TOO_LONG_TO_KEEP}\n\n</details>\n")


def _text(state: dict[str, Any], name: str) -> str:
    value = state.get(name)
    return value if isinstance(value, str) else ""
