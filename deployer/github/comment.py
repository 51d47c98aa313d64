"""The comment as a document: its state in a hidden JSON header on the first line, its text below."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

HEADER = re.compile(r"\A\s*<!-- metaflow-deploy: (\{.*?\}) -->[ \t]*\r?\n?")
LIMIT = 65_536
VERSION = 1


@dataclass(frozen=True, kw_only=True)
class CommentHeader:
    """What a comment says of itself. `rest` keeps what a later version wrote and this one does not know."""

    key: str
    """What tells this job's comment from those of other jobs."""
    workflow: str = ""
    status: str = ""
    commit: str = ""
    superseded: bool = False
    """Whether a newer comment took its place: it is folded, and never written again."""
    rest: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Comment:
    """A comment that stands in a pull request."""

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
    if header.superseded:
        state["superseded"] = True
    # `--` and `>` would end the HTML comment; JSON can spell them otherwise
    document = json.dumps(state).replace("-", "\\u002d").replace(">", "\\u003e").replace("<", "\\u003c")
    body = f"<!-- metaflow-deploy: {document} -->\n{text}"
    if len(body.encode("utf-16-le")) // 2 > LIMIT:
        raise ValueError(f"a comment of more than {LIMIT} characters")
    return body


def parse(body: str) -> CommentHeader | None:
    """The header of a comment; None where it has none that can be read."""
    found = HEADER.match(body)
    if found is None:
        return None
    try:
        state = json.loads(found[1])
    except ValueError:
        return None
    if not isinstance(state, dict) or not isinstance(state.get("key"), str):
        return None
    known = ("v", "workflow", "key", "status", "commit", "superseded")
    return CommentHeader(
        key=state["key"],
        workflow=str(state.get("workflow", "")),
        status=str(state.get("status", "")),
        commit=str(state.get("commit", "")),
        superseded=state.get("superseded") is True,
        rest={name: value for name, value in state.items() if name not in known},
    )


def text_of(body: str) -> str:
    """The text below the header."""
    return HEADER.sub("", body, count=1)


def folded(comment: Comment, newer_url: str) -> str:
    """The body of a comment whose place a newer one took: one line that leads there, the old text folded below it."""
    header = CommentHeader(
        key=comment.header.key,
        workflow=comment.header.workflow,
        status=comment.header.status,
        commit=comment.header.commit,
        superseded=True,
        rest=comment.header.rest,
    )
    text = text_of(comment.body).strip()
    title = next((line.lstrip("# ") for line in text.splitlines() if line.startswith("#")), "An earlier report")
    head = f'<details>\n<summary>Superseded: see <a href="{newer_url}">the newer report</a></summary>\n\n'
    try:
        return render(header, f"{head}{text}\n\n</details>\n")
    except ValueError:
        return render(header, f"{head}{title}\n\n</details>\n")
