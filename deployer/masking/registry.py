"""The one registry of a job's secrets, and the gate that every text passes before it is escaped or cut."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from deployer.masking.forms import forms, lines_of
from deployer.masking.patterns import pattern_spans
from deployer.masking.rules import GRAM, MASK, SHORTEST, SHORTEST_GIVEN, is_maskable, is_name, is_ordinary, is_random
from deployer.text import CUT

Span = tuple[int, int]
SHORTEST_PIECE = 6
"""Characters of a secret's beginning that are recognized before the mark of a cut."""
CLOSING = " \t\"'`"


class SecretRegistry:
    """Every credential that the job has or obtains; used by several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: set[str] = set()
        self._needles: tuple[str, ...] = ()
        self._pieces: dict[str, list[tuple[str, int]]] = {}
        """Pieces that look random, each with the forms of secrets that it is of, and where."""
        self._names: frozenset[str] = frozenset()
        self._protected: frozenset[str] = frozenset()

    def add(self, values: Iterable[str], *, shortest: int = SHORTEST_GIVEN) -> tuple[str, ...]:
        """Register secrets, each with its lines and its encoded forms.

        Args:
            values: secrets; what is too short, a common word or an identifier is left (`is_maskable`).
            shortest: characters, below which a value is left.

        Returns:
            The values and lines that were not known before, for whoever else masks.
        """
        new = []
        with self._lock:
            needles = set(self._needles)
            names = set(self._names)
            for value in values:
                whole, *lines = lines_of(value)
                for line in (whole, *lines):
                    # a line of several is masked like a value that is secret by its name: `}` is none
                    if line in self._known or not is_maskable(line, shortest if line == whole else SHORTEST):
                        continue
                    self._known.add(line)
                    new.append(line)
                    needles.update(forms(line))
                    if not is_random(line):
                        names.add(line)
            for needle in needles.difference(self._needles):
                self._index(needle)
            # each whole at once: another thread masks meanwhile
            self._names = frozenset(names)
            self._needles = tuple(sorted(needles, key=len, reverse=True))
        return tuple(new)

    def protect(self, identifiers: Iterable[str]) -> None:
        """Leave identifiers readable (deployment ids, ARNs, regions), though a secret that is a word is in one.

        A secret that looks random is masked there too.
        """
        with self._lock:
            self._protected |= {one for one in identifiers if one}

    @property
    def secrets(self) -> frozenset[str]:
        """What was registered, without encoded forms."""
        with self._lock:
            return frozenset(self._known)

    def mask(self, text: str, *, truncated: bool = False) -> str:
        """A plain text without secrets.

        Args:
            text: neither escaped nor cut, as far as that is in our hands.
            truncated: whether it was cut at its end without a mark, so that it may end within a secret.
        """
        spans = self._spans(text, truncated=truncated)
        return _replaced(text, spans) if spans else text

    def without_secrets(self, text: str, read: Callable[[str], str]) -> str:
        """The last net, for a text that is escaped already: each line that still shows a secret to a reader is masked.

        Args:
            text: what is about to be written.
            read: takes the escapes back, as whatever shows the text does.
        """
        lines = self.mask(text).split("\n")
        return "\n".join(MASK if self._spans(read(line)) else line for line in lines)

    def _index(self, needle: str) -> None:
        if not is_random(needle):
            return
        for at in range(len(needle) - GRAM + 1):
            piece = needle[at : at + GRAM]
            if not is_ordinary(piece):
                self._pieces.setdefault(piece, []).append((needle, at))

    def _spans(self, text: str, *, truncated: bool = False) -> list[Span]:
        present = [needle for needle in self._needles if needle in text]
        spans = [span for needle in present for span in _occurrences(text, needle)]
        spans = [span for span in spans if not self._is_protected(text, span)]
        spans += self._piece_spans(text)
        spans += pattern_spans(text)
        ends = [len(text)] if truncated else []
        ends += [start for start, _ in _occurrences(text, CUT)]
        spans += [span for end in ends if (span := self._cut_secret(text, end)) is not None]
        return [(start, end) for start, end in spans if text[start:end] != MASK]

    def _piece_spans(self, text: str) -> list[Span]:
        """Pieces of random secrets, as far as they go: what was cut before it came here."""
        pieces, at = self._pieces, 0
        spans: list[Span] = []
        if not pieces:
            return spans
        last = len(text) - GRAM
        while at <= last:
            found = pieces.get(text[at : at + GRAM])
            if found is None:
                at += 1
                continue
            grown = [_grown(text, at, needle, where) for needle, where in found]
            spans += grown
            at = max(at + 1, max(end for _, end in grown) - GRAM + 1)
        return spans

    def _cut_secret(self, text: str, end: int) -> Span | None:
        """The longest beginning of a secret that is before a cut."""
        head = text[:end].rstrip(CLOSING)
        starts = []
        for needle in self._needles:
            at = head.find(needle[:SHORTEST_PIECE], max(0, len(head) - len(needle) + 1))
            while at >= 0:
                if needle.startswith(head[at:]):
                    starts.append(at)
                    break
                at = head.find(needle[:SHORTEST_PIECE], at + 1)
        return (min(starts), len(head)) if starts else None

    def _is_protected(self, text: str, span: Span) -> bool:
        start, end = span
        found = text[start:end]
        if found not in self._names:
            return False
        around = (one for one in self._protected if found in one)
        return any(a <= start and end <= b for one in around for a, b in _occurrences(text, one))


def tells_runner(value: str) -> bool:
    """Whether GitHub's runner may be handed a value that is secret only because it was kept among secrets.

    A runner drops every output that holds a masked value: of a name of a namespace or a bucket, that would be most.
    """
    return not is_name(value)


def _occurrences(text: str, needle: str) -> list[Span]:
    spans, at = [], text.find(needle)
    while at >= 0:
        spans.append((at, at + len(needle)))
        at = text.find(needle, at + 1)
    return spans


def _grown(text: str, at: int, needle: str, where: int) -> Span:
    """A common piece of a text and a secret, to both sides as far as they agree."""
    start, end, last = at, at + GRAM, where + GRAM
    while start > 0 and where > 0 and text[start - 1] == needle[where - 1]:
        start, where = start - 1, where - 1
    while end < len(text) and last < len(needle) and text[end] == needle[last]:
        end, last = end + 1, last + 1
    return start, end


def _replaced(text: str, spans: list[Span]) -> str:
    """The text with one mask for each stretch of spans that overlap or touch."""
    parts, done = [], 0
    stretch_start, stretch_end = -1, -1
    for start, end in sorted(spans):
        if start > stretch_end:
            if stretch_start >= 0:
                parts += [text[done:stretch_start], MASK]
                done = stretch_end
            stretch_start, stretch_end = start, end
        else:
            stretch_end = max(stretch_end, end)
    return "".join([*parts, text[done:stretch_start], MASK, text[stretch_end:]])
