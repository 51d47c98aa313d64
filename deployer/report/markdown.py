"""Foreign text in GitHub's Markdown: data, never markup.

`Markdown` is text that is markup already; everything else that reaches a template is escaped by `plain`.
"""

from __future__ import annotations

import html
import re
from urllib.parse import quote

from deployer.text import ESCAPE_SEQUENCE

SPECIAL = re.compile(r"([\\`*_{}\[\]|~!$])")
# GitHub makes links, mentions and emojis of these when it renders, whatever is escaped: a character of no width
# between their halves keeps them text.
MENTION = re.compile(r"@(?=[A-Za-z0-9_])")
REFERENCE = re.compile(r"(#|GH-)(?=\d)", re.IGNORECASE)
ADDRESS = re.compile(r"(:)(?=//)|(www)(?=\.)", re.IGNORECASE)
EMOJI = re.compile(r":(?=[A-Za-z0-9_+-]+:)")
NOTHING = "\u200b"
# what moves the cursor or turns the direction of what follows is no text
INVISIBLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


class Markdown(str):
    """Text that is Markdown already."""

    __slots__ = ()


def one_line(value: object) -> str:
    """Foreign text as one line, without control characters."""
    return " ".join(INVISIBLE.sub("", " ".join(ESCAPE_SEQUENCE.sub("", str(value)).split())).split())


def plain(value: object) -> Markdown:
    """Foreign text as words on one line: no markup, no link, no mention in it."""
    if isinstance(value, Markdown):
        return value
    return Markdown(_unlinked(html.escape(SPECIAL.sub(r"\\\1", one_line(value)), quote=False)))


def _unlinked(text: str) -> str:
    text = ADDRESS.sub(lambda found: found[0] + NOTHING, text)
    text = MENTION.sub(f"{NOTHING}@{NOTHING}", text)
    text = EMOJI.sub(f":{NOTHING}", text)
    return REFERENCE.sub(rf"\1{NOTHING}", text)


def code(value: object) -> Markdown:
    """Foreign text as code within a line, in a table too."""
    text = one_line(value)
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
    marked = [code(part) if index % 2 else _beside(part) for index, part in enumerate(parts)]
    return Markdown("".join(marked))


def _beside(text: str) -> Markdown:
    """`plain`, the spaces at both ends kept."""
    before, after = (" " if text[:1].isspace() else ""), (" " if text[-1:].isspace() else "")
    return Markdown(f"{before}{plain(text)}{after}") if text.strip() else Markdown(" " if text else "")


def html_code(value: object) -> Markdown:
    """Foreign text as code where only HTML is read (a `<summary>`)."""
    return Markdown(f"<code>{html.escape(one_line(value))}</code>")


def html_text(value: object) -> Markdown:
    """Foreign text as words where only HTML is read; GitHub mentions and links there too."""
    return Markdown(_unlinked(html.escape(one_line(value))))


def link(label: Markdown, url: str | None) -> Markdown:
    """A link, where the address is known and one of the web."""
    if not url or not re.match(r"https?://", url):
        return label
    return Markdown(f"[{label}]({quote(url, safe=':/?#@!$&*+,;=%-._~')})")


def fence(text: str, language: str = "text") -> Markdown:
    """Foreign text as a block, its fence longer than any in it."""
    body = INVISIBLE.sub("", ESCAPE_SEQUENCE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))).strip("\n")
    longest = max((len(run) for run in re.findall(r"`+", body)), default=0)
    ticks = "`" * max(3, longest + 1)
    return Markdown(f"{ticks}{language}\n{body}\n{ticks}")


def units(text: str) -> int:
    """The length of a text in UTF-16's units, an emoji being two.

    GitHub says "maximum is 65536 characters" of a comment; measured by others it takes 65,536 characters of any kind or
    262,144 bytes (dead-claudia/github-limits#13). UTF-16 counts at least as many as either.
    """
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def cut(text: str, most: int) -> str:
    """The lines of a Markdown text that fit, with every block and every `<details>` closed that they leave open.

    Args:
        text: Markdown of ours: fences and HTML tags stand at the start of a line.
        most: UTF-16 units; nothing is cut from a text within them.
    """
    if units(text) <= most:
        return text
    kept: list[str] = []
    closing: list[str] = []
    fenced: str | None = None
    room = most
    for line in text.splitlines():
        ticks = line[: len(line) - len(line.lstrip("`"))]
        opens = fenced is None and len(ticks) >= 3  # noqa: PLR2004  # a fence has three or more
        ends = fenced is not None and line == fenced
        needed = units(line) + 1 + sum(units(end) + 2 for end in closing) + (len(ticks) + 1 if opens else 0)
        needed += len("\n</details>\n") if line == "<details>" else 0
        if needed > room:
            break
        kept.append(line)
        room -= units(line) + 1
        if opens:
            fenced = ticks
            closing.append(ticks)
        elif ends:
            fenced = None
            closing.pop()
        elif fenced is None and line == "<details>":
            closing.append("\n</details>")
        elif fenced is None and line == "</details>" and closing:
            closing.pop()
    return "\n".join([*kept, *reversed(closing)]) + "\n"
