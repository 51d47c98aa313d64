"""The forms that a secret takes in text: as it is, and as it is encoded on its way into a log."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

from deployer.text import without_control_characters

SHORTEST_ENCODED = 8
"""Characters of an encoded form; a shorter one could be anything."""
BITS_PER_BYTE, BITS_PER_CHARACTER = 8, 6


def lines_of(secret: str) -> tuple[str, ...]:
    """A secret whole, and each of its lines: what is printed is masked line by line."""
    whole = secret.strip()
    return tuple(dict.fromkeys([whole, *(line.strip() for line in secret.splitlines())]))


def forms(secret: str) -> tuple[str, ...]:
    """A secret as it is, without control characters as the log prints it, and encoded: base64 in its three alignments
    (standard and URL-safe), URL-encoded, in JSON, in Python's `repr` and in HTML. The secret itself comes first."""
    encoded = [form for form in (*_base64(secret), *_escaped(secret)) if len(form) >= SHORTEST_ENCODED]
    return tuple(dict.fromkeys([secret, *filter(None, [without_control_characters(secret)]), *encoded]))


def _base64(secret: str) -> Iterator[str]:
    """What base64 of any text with the secret in it holds, wherever the secret begins (RFC 4648, section 4).

    Characters that depend on the bytes before or after are left out.
    """
    data = secret.encode(errors="surrogatepass")
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + data).decode()
        first = -(-before * BITS_PER_BYTE // BITS_PER_CHARACTER)
        last = (before + len(data)) * BITS_PER_BYTE // BITS_PER_CHARACTER
        yield encoded[first:last]
        yield encoded[first:last].replace("+", "-").replace("/", "_")


def _escaped(secret: str) -> Iterator[str]:
    text = secret.encode(errors="replace").decode(errors="replace")
    for safe in ("", "/", "!'()*-._~"):  # RFC 3986; urllib's default; JavaScript's encodeURIComponent
        quoted = quote(text, safe=safe)
        yield quoted
        yield re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), quoted)
    yield quote_plus(text)
    for ascii_only in (True, False):
        escaped = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
        yield escaped
        yield escaped.replace("/", "\\/")
        yield json.dumps(escaped, ensure_ascii=ascii_only)[1:-1]  # JSON as a text within JSON
    yield repr(text)[1:-1]
    yield html.escape(text)
    yield html.escape(text, quote=False)
