"""The only writer to the job's log, outputs and summary: actions-toolkit's workflow commands, foreign text fenced.

Of actions-toolkit its commands and file commands are used, not its `core`: that writes to whatever stdout is, never
flushes, prints `line=` where no line is known, reads the process's own environment, and costs 0.1 s to import.
"""

from __future__ import annotations

import re
import sys
import threading
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TextIO

from actions_toolkit.command import Command
from actions_toolkit.file_command import prepare_key_value_message

from deployer.masking import SecretRegistry
from deployer.text import CUT, read_markdown, without_control_characters

Level = Literal["error", "warning", "notice"]

LONGEST_LINE = 4000
"""Characters of a foreign line that are printed; a progress bar or a dumped table can have megabytes."""
LONGEST_READ = 4 * LONGEST_LINE
"""Characters of a foreign line that are looked at: escape sequences and secrets take room that is not printed."""
MOST_FOREIGN_LINES = 20_000
"""Lines of foreign text that a job prints; what a log viewer can show has an end too."""


@dataclass(frozen=True, kw_only=True)
class Annotation:
    """A message that GitHub shows on a file, or on the job."""

    level: Level
    message: str
    title: str | None = None
    path: str | None = None
    """Relative to the repository's root."""
    line: int | None = None


class Console:
    """The job's log, its outputs and its summary; written to by several threads."""

    def __init__(
        self, environ: Mapping[str, str], stream: TextIO | None = None, secrets: SecretRegistry | None = None
    ) -> None:
        """Args:
        environ: the job's environment; GITHUB_ACTIONS, GITHUB_OUTPUT and GITHUB_STEP_SUMMARY are read.
        stream: where the log goes; stdout, as it is at each line, by default.
        secrets: the job's secrets; a registry of its own by default.
        """
        self.secrets = secrets if secrets is not None else SecretRegistry()
        self._environ = environ
        self._stream = stream
        self._lock = threading.RLock()
        """Held while a line is written, with the fence before it, and while masks are added."""
        self._fence: str | None = None
        """The word that ends a stretch of foreign text, while one is open."""
        self._foreign_lines = 0
        self._annotated: set[Annotation] = set()
        self._speaks_to_runner = environ.get("GITHUB_ACTIONS", "").lower() == "true"

    def mask(self, values: Iterable[str], *, tell_runner: bool = True) -> None:
        """Register secrets: from now on nothing that is written holds one, whatever the channel.

        A value of several lines is masked whole and line by line. Values of fewer than four characters, common words
        and identifiers are left (`deployer.masking.rules`): blanking them would blank ordinary text.

        Args:
            values: secrets.
            tell_runner: whether GitHub's runner masks them too, in the log of later steps as well. It then drops every
                output of the job that holds one.
        """
        with self._lock:
            for line in self.secrets.add(values):
                if tell_runner and self._speaks_to_runner and "\n" not in line and "\r" not in line:
                    self._command("add-mask", line)

    def masked(self, text: str) -> str:
        """The text with every secret blanked; to be called before anything is escaped or cut."""
        return self.secrets.mask(text)

    def info(self, text: str) -> None:
        """A line of our own; foreign text in it is neither a command nor a terminal's."""
        self._own(self._one_line(text))

    def notice(self, text: str, *, title: str | None = None) -> None:
        """A notice on the job."""
        self.annotate(Annotation(level="notice", message=text, title=title))

    def warning(self, text: str, *, title: str | None = None) -> None:
        """A warning on the job."""
        self.annotate(Annotation(level="warning", message=text, title=title))

    def error(self, text: str, *, title: str | None = None, path: str | None = None, line: int | None = None) -> None:
        """An error on the job, or on a line of a file."""
        self.annotate(Annotation(level="error", message=text, title=title, path=path, line=line))

    def annotate(self, annotation: Annotation) -> None:
        """Print an annotation, once; where no runner listens, as a line for people."""
        with self._lock:
            if annotation in self._annotated:
                return
            self._annotated.add(annotation)
        message = self._readable(annotation.message)
        if not self._speaks_to_runner:
            place = f" ({annotation.path}{f':{annotation.line}' if annotation.line else ''})" if annotation.path else ""
            title = f" {annotation.title}:" if annotation.title else ""
            self._own(f"{annotation.level}:{self._readable(title)} {message}{self._readable(place)}")
            return
        properties = {
            "title": annotation.title,
            "file": annotation.path,
            "line": str(annotation.line) if annotation.line else None,
        }
        known = {name: self._readable(value) for name, value in properties.items() if value}
        self._own(str(Command(annotation.level, known, message)))

    @contextmanager
    def group(self, title: str) -> Iterator[None]:
        """A foldable stretch of the log."""
        shown = self._one_line(title)
        if self._speaks_to_runner:
            self._command("group", shown)
        else:
            self._own(f"--- {shown}")
        try:
            yield
        finally:
            if self._speaks_to_runner:
                self._command("endgroup")
            else:
                self._own("---")

    def foreign(self, text: str) -> None:
        """Print somebody else's text: where the runner takes no commands, masked, without control characters."""
        for line in text.split("\n"):
            self._foreign_lines += 1
            if self._foreign_lines > MOST_FOREIGN_LINES:
                if self._foreign_lines == MOST_FOREIGN_LINES + 1:
                    self.warning(f"More than {MOST_FOREIGN_LINES} lines were printed by flows; no more are shown.")
                continue
            shown = self._foreign_line(line)
            with self._lock:
                if self._speaks_to_runner and self._fence is None:
                    self._fence = uuid.uuid4().hex
                    self._write(str(Command("stop-commands", {}, self._fence)))
                self._write(shown)

    def _foreign_line(self, line: str) -> str:
        """A line of somebody else's as it is printed: masked as it reads, then cut.

        Of a progress bar, which overwrites itself by carriage returns, its last state is kept.
        """
        last = line.rstrip("\r").rsplit("\r", 1)[-1]
        read = without_control_characters(last[:LONGEST_READ])
        shown = self.secrets.mask(read, truncated=len(last) > LONGEST_READ)
        if len(last) <= LONGEST_READ and len(shown) <= LONGEST_LINE:
            return shown
        return f"{shown[:LONGEST_LINE]} {CUT} ({len(last)} characters)"

    def set_output(self, name: str, value: str) -> None:
        """Set an output of the job.

        A value that holds something masked is dropped by the runner (actions/runner#1498): the masked part is left out
        here, so that the rest arrives, and it is told.
        """
        shown = self.masked(value)
        if shown != value:
            self.warning(f"The output `{name}` held a masked value, which was taken out of it.")
        path = self._environ.get("GITHUB_OUTPUT")
        if path:
            with Path(path).open("a", encoding="utf-8", newline="") as file:
                file.write(prepare_key_value_message(name, shown) + "\n")
        else:
            self.info(f"{name}: {shown}")

    def append_summary(self, markdown: str) -> None:
        """Add to the job's summary, where there is one."""
        path = self._environ.get("GITHUB_STEP_SUMMARY")
        if path:
            with Path(path).open("a", encoding="utf-8") as file:
                file.write(self.secrets.without_secrets(markdown, read_markdown) + "\n")

    def _readable(self, text: str) -> str:
        """The text as it reads, without control characters; masked before and after, since they may divide a secret."""
        return self.masked(without_control_characters(self.masked(text)))

    def _one_line(self, text: str) -> str:
        """One line that is no command: the runner takes `::` at a line's start, and `##[` anywhere in it."""
        line = self._readable(" ".join(self.masked(text).splitlines())).replace("##[", "## [")
        return re.sub(r"^(\s*):(?=:)", r"\1: ", line)

    def _command(self, name: str, message: str = "") -> None:
        self._own(str(Command(name, {}, message)))

    def _own(self, text: str) -> None:
        """Print a line of our own, the fence around foreign text closed before it."""
        with self._lock:
            if self._fence is not None:
                self._write(str(Command(self._fence, {}, "")))
                self._fence = None
            self._write(text)

    def _write(self, line: str) -> None:
        stream = self._stream if self._stream is not None else sys.stdout
        encoding = stream.encoding or "utf-8"
        stream.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")
        stream.flush()
