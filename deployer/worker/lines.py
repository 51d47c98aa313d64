"""What a flow prints, cut into lines."""

from __future__ import annotations

LONGEST_LINE = 1 << 16
"""Bytes of a printed line that are kept; the log shows fewer, but looks for secrets in all of them before it cuts."""
LONGEST_WORD = 1 << 14
"""Bytes that are looked back for a space to cut at."""


class Lines:
    """Bytes in, lines out; of a line without end only its beginning, so that it costs neither memory nor time."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._is_cut = False
        """Whether the beginning of the present line was handed out already."""

    def feed(self, data: bytes) -> list[str]:
        """The lines that `data` completes; empty data ends the last one."""
        if not data:
            rest = bytes(self._rest)
            self._rest.clear()
            return [shortened(rest)] if rest else []
        *ends, rest = data.split(b"\n")
        lines = []
        for end in ends:
            if not self._is_cut:
                lines.append(shortened(bytes(self._rest) + end))
            self._is_cut = False
            self._rest.clear()
        if not self._is_cut:
            lines += self._begun(rest)
        return lines

    def _begun(self, data: bytes) -> list[str]:
        self._rest += data
        if len(self._rest) <= LONGEST_LINE:
            return []
        # a progress bar overwrites itself by carriage returns: what is before the last one is not seen anyway
        del self._rest[: self._rest.rfind(b"\r") + 1]
        if len(self._rest) <= LONGEST_LINE:
            return []
        line = shortened(bytes(self._rest))
        self._rest.clear()
        self._is_cut = True
        return [line]


def shortened(line: bytes) -> str:
    """A line as text, cut where it is longer than anybody reads.

    It is cut between two words, since half of a secret is not recognized any more.
    """
    line = line if len(line) <= LONGEST_LINE else line[line.rfind(b"\r", 0, -1) + 1 :]
    if len(line) <= LONGEST_LINE:
        return line.decode(errors="replace")
    kept = line[:LONGEST_LINE]
    last = max(kept.rfind(b" "), kept.rfind(b"\t"), LONGEST_LINE - LONGEST_WORD)
    return f"{kept[:last].decode(errors='replace')} … cut: the line has more than {LONGEST_LINE} bytes"
