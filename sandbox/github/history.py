"""The history behind a repository of the stand-in: a line of made-up commits, or what git says of a real repository."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """How two commits lie to each other, as `git log BASE..HEAD` and `HEAD..BASE` have it."""

    merge_base: str
    ahead: tuple[str, ...]
    """What the second has and the first has not, the oldest first."""
    behind: tuple[str, ...]

    @property
    def status(self) -> str:
        """GitHub's word, which is of the second commit."""
        if self.ahead:
            return "diverged" if self.behind else "ahead"
        return "behind" if self.behind else "identical"


def compare_in_line(line: list[str], base: str, head: str) -> Comparison:
    """Compare two commits of a line; one outside it is the line's next one."""
    line = [*line, *(sha for sha in (base, head) if sha not in line)]
    first, last = line.index(base), line.index(head)
    return Comparison(
        merge_base=line[min(first, last)],
        ahead=tuple(line[first + 1 : last + 1]),
        behind=tuple(line[last + 1 : first + 1]),
    )


class GitHistory:
    """A real repository on this machine."""

    def __init__(self, folder: Path) -> None:
        """Args: folder: its checkout, or a bare repository."""
        self._folder = folder

    def branches(self) -> dict[str, str]:
        """All branches, each with its last commit."""
        listed = self._git("for-each-ref", "--format=%(objectname) %(refname:lstrip=2)", "refs/heads") or ""
        return {name: sha for sha, name in (line.split(" ", 1) for line in listed.splitlines())}

    def commit(self, reference: str) -> str | None:
        """The SHA of a branch, a tag or a commit; None where there is none."""
        return self._git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{reference}^{{commit}}")

    def compare(self, base: str, head: str) -> Comparison | None:
        """Compare two commits; None where one is not there, or they have nothing in common."""
        merge_base = self._git("merge-base", base, head)
        if merge_base is None:
            return None
        ahead, behind = self._only(base, head), self._only(head, base)
        return Comparison(merge_base=merge_base, ahead=ahead, behind=behind)

    def _only(self, without: str, of: str) -> tuple[str, ...]:
        return tuple((self._git("rev-list", "--reverse", f"{without}..{of}") or "").split())

    def _git(self, *arguments: str) -> str | None:
        command = ["git", "-c", "safe.directory=*", "-C", str(self._folder), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else None
