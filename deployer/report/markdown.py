"""Foreign text in GitHub's Markdown: data, never markup.

`Markdown` is text that is markup already; everything else that reaches a template is escaped by `plain`.
"""

from __future__ import annotations

import html
import re
from urllib.parse import quote

# An underscore inside a word is none of GitHub's markup: METAFLOW_USER stays readable in a mail.
SPECIAL = re.compile(r"([\\`*{}\[\]|~!$]|(?<!\w)_|_(?!\w))")
# GitHub links these when it renders, whatever stands before them: a character of no width keeps them text.
MENTION = re.compile(r"@(?=[A-Za-z0-9_])")
REFERENCE = re.compile(r"(#|GH-)(?=\d)", re.IGNORECASE)
NOTHING = "\u200b"


class Markdown(str):
    """Text that is Markdown already."""

    __slots__ = ()


def plain(value: object) -> Markdown:
    """Foreign text as words on one line: no markup, no link, no mention in it."""
    if isinstance(value, Markdown):
        return value
    text = " ".join(str(value).split())
    text = html.escape(SPECIAL.sub(r"\\\1", text), quote=False)
    text = text.replace("://", f":{NOTHING}//").replace("www.", f"www{NOTHING}.")
    text = MENTION.sub(f"@{NOTHING}", text)
    return Markdown(REFERENCE.sub(rf"\1{NOTHING}", text))


def code(value: object) -> Markdown:
    """Foreign text as code within a line, in a table too."""
    text = " ".join(str(value).split())
    if not text:
        return Markdown("")
    if "`" in text or "|" in text or "\\" in text:
        entities = "".join(char if char.isalnum() or char in " .,-/:" else f"&#{ord(char)};" for char in text)
        return Markdown(f"<code>{entities}</code>")
    return Markdown(f"`{text}`")


def prose(text: str) -> Markdown:
    """A sentence of ours, in which backticks mark code; what stands between them, and beside, may be foreign."""
    parts = text.split("`")
    if len(parts) % 2 == 0:  # an odd backtick out is no markup of ours
        return plain(text)
    marked = [code(part) if index % 2 else plain_part(part) for index, part in enumerate(parts)]
    return Markdown("".join(marked))


def plain_part(text: str) -> Markdown:
    """`plain`, the spaces at both ends kept."""
    before, after = (" " if text[:1].isspace() else ""), (" " if text[-1:].isspace() else "")
    return Markdown(f"{before}{plain(text)}{after}") if text.strip() else Markdown(" " if text else "")


def html_code(value: object) -> Markdown:
    """Foreign text as code where only HTML is read (a `<summary>`)."""
    return Markdown(f"<code>{html.escape(' '.join(str(value).split()))}</code>")


def link(label: Markdown, url: str | None) -> Markdown:
    """A link, where the address is known and one of the web."""
    if not url or not re.match(r"https?://", url):
        return label
    return Markdown(f"[{label}]({quote(url, safe=':/?#@!$&*+,;=%-._~')})")


def fence(text: str, language: str = "text") -> Markdown:
    """Foreign text as a block, its fence longer than any in it."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    ticks = "`" * max(3, longest + 1)
    body = text.replace("\r", "").strip("\n")
    return Markdown(f"{ticks}{language}\n{body}\n{ticks}")
