"""What a demo prints: what happens, the log as it comes, and the report as text."""

from __future__ import annotations

import html
import json
import re
import time
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.markdown import Markdown
from rich.rule import Rule
from rich.table import Table


class Screen:
    """A terminal, and the time since the demo began."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False, soft_wrap=False)
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since the demo began."""
        return time.monotonic() - self._started

    def say(self, text: str) -> None:
        """A line of the demo's own."""
        self._console.print(f"[bold]demo[/bold] {text}")

    def log(self, line: str) -> None:
        """A line of the action's log."""
        self._console.print(f"  {line}", style="dim", markup=False, soft_wrap=True)

    def rule(self, title: str) -> None:
        """A heading."""
        self._console.print(Rule(title))

    def report(self, text: str) -> None:
        """A comment or a summary, as a terminal can show it."""
        self._console.print(Markdown(unfolded(text)))

    def outputs(self, outputs: Mapping[str, str]) -> None:
        """The outputs of a job; what is JSON is laid out."""
        table = Table(show_header=False, box=None)
        for name, value in outputs.items():
            table.add_row(name, value if name != "deployments" else json.dumps(json.loads(value), indent=2))
        self._console.print(table)


def unfolded(report: str) -> str:
    """A report for a terminal: what GitHub folds is open, and what only a browser draws is left as text."""
    text = re.sub(r"<!--.*?-->\n?", "", report, flags=re.DOTALL)
    text = re.sub(r"<summary>(.*?)</summary>", lambda found: f"\n**▾ {_plain(found[1])}**\n", text, flags=re.DOTALL)
    text = re.sub(r"</?(?:details|sub|b|code)\b[^>]*>", "", text)
    text = text.replace("<br>", " · ")
    return html.unescape(text)


def short(path: Path) -> str:
    """A path as a person at this place would write it."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _plain(text: str) -> str:
    return re.sub(r"<[^>]+>", "", text).replace("*", "")
