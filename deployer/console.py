"""The only writer to the job's log, outputs and summary: workflow commands over actions-toolkit, foreign text fenced."""

from __future__ import annotations

import re
import sys
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from actions_toolkit import core
from actions_toolkit.command import issue_command

Level = Literal["error", "warning", "notice"]

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
ESCAPE_SEQUENCE = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
LONGEST_LINE = 4000
"""Characters of a foreign line that are printed; a progress bar or a dumped table can have megabytes."""
SHORTEST_MASK = 4
"""Characters; a shorter value would blank ordinary words."""
COMMON = frozenset({"true", "false", "none", "null", "main", "latest", "default", "http", "https"})


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
    """The job's log, its outputs and its summary."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Args: environ: the job's environment (GITHUB_STEP_SUMMARY)."""
        self._environ = environ
        self._masked: list[str] = []
        self._fence: str | None = None
        """The word that ends a stretch of foreign text, while one is open."""

    def mask(self, values: Iterable[str]) -> None:
        """Have the runner, and this console itself, blank these values wherever they would be printed."""
        for value in values:
            # the runner masks line by line
            for line in {value.strip(), *(part.strip() for part in value.splitlines())}:
                if len(line) >= SHORTEST_MASK and line.lower() not in COMMON and line not in self._masked:
                    self._masked.append(line)
                    self._own(partial(core.set_secret, line))
        self._masked.sort(key=len, reverse=True)

    def masked(self, text: str) -> str:
        """The text with every masked value blanked."""
        for value in self._masked:
            text = text.replace(value, "***")
        return text

    def info(self, text: str) -> None:
        """A line of our own."""
        self._own(lambda: core.info(_one_line(self.masked(text))))

    def notice(self, text: str) -> None:
        """A notice on the job."""
        self.annotate(Annotation(level="notice", message=text))

    def warning(self, text: str) -> None:
        """A warning on the job."""
        self.annotate(Annotation(level="warning", message=text))

    def annotate(self, annotation: Annotation) -> None:
        """An annotation; actions-toolkit's own would print `line=` where no line is known."""
        properties = {
            "title": annotation.title,
            "file": annotation.path,
            "line": str(annotation.line) if annotation.line else None,
        }
        known = {name: value for name, value in properties.items() if value}
        self._own(lambda: issue_command(annotation.level, known, self.masked(annotation.message)))

    @contextmanager
    def group(self, title: str) -> Iterator[None]:
        """A foldable stretch of the log."""
        self._own(lambda: core.start_group(_one_line(self.masked(title))))
        try:
            yield
        finally:
            self._own(core.end_group)

    def foreign(self, line: str) -> None:
        """A line of somebody else's: printed where the runner takes no commands, masked, without control characters."""
        if self._fence is None:
            self._fence = uuid.uuid4().hex
            issue_command("stop-commands", {}, self._fence)
        core.info(self.masked(clean(line)))
        sys.stdout.flush()

    def set_output(self, name: str, value: str) -> None:
        """Set an output of the job.

        A value that holds something masked is dropped by the runner (actions/runner#1498): it is told here.
        """
        if self.masked(value) != value:
            self.warning(f"The output `{name}` holds a masked value; the runner will drop it.")
        if self._environ.get("GITHUB_OUTPUT"):
            self._own(lambda: core.set_output(name, value))
        else:
            self.info(f"output {name}: {value}")

    def append_summary(self, markdown: str) -> None:
        """Add to the job's summary, where there is one."""
        path = self._environ.get("GITHUB_STEP_SUMMARY")
        if path:
            with Path(path).open("a", encoding="utf-8") as file:
                file.write(self.masked(markdown) + "\n")

    def _own(self, write: Callable[[], object]) -> None:
        if self._fence is not None:
            issue_command(self._fence, {}, "")
            self._fence = None
        write()
        sys.stdout.flush()


def clean(line: str) -> str:
    """A foreign line without escape sequences and control characters, cut to a length that a log can show.

    Of a progress bar, which overwrites itself by carriage returns, its last state is kept.
    """
    shown = ESCAPE_SEQUENCE.sub("", line).rstrip("\r").rsplit("\r", 1)[-1]
    shown = CONTROL.sub("", shown)
    return shown if len(shown) <= LONGEST_LINE else f"{shown[:LONGEST_LINE]} … ({len(shown)} characters)"


def _one_line(text: str) -> str:
    """One line that is no command: the runner takes `::` at a line's start, and `##[` anywhere in it."""
    line = " ".join(text.splitlines()).replace("##[", "## [")
    return f" {line}".replace(" ::", " : :", 1)[1:] if line.lstrip().startswith("::") else line
