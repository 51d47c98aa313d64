"""Git repositories for the tests: the action's own as it stands in the work tree, and one that calls it."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from sandbox.docker.act import for_act

ROOT = Path(__file__).resolve().parent.parent.parent
AUTHOR = ("-c", "user.name=Mona Lisa", "-c", "user.email=mona@example.com", "-c", "commit.gpgsign=false")


class Repository:
    """A repository with a work tree and a remote of GitHub's, so that act knows its name."""

    def __init__(self, folder: Path, name: str, *, made: bool = False) -> None:
        """Args:
        folder: where all repositories are; this one is made in folder/OWNER/NAME.
        name: OWNER/NAME.
        made: whether it is there already.
        """
        self.name = name
        self.folder = folder / name
        if made:
            return
        self.folder.mkdir(parents=True)
        self._git("init", "--quiet", "--initial-branch", "main")
        self._git("remote", "add", "origin", f"https://github.com/{name}.git")
        # A runner fetches commits by their hash, as GitHub lets it.
        self._git("config", "uploadpack.allowAnySHA1InWant", "true")

    @classmethod
    def existing(cls, folder: Path, name: str) -> Repository:
        """One that was made before, on its main branch."""
        repository = cls(folder, name, made=True)
        repository._git("checkout", "--quiet", "main")
        return repository

    def commit(self, files: Mapping[str, str], message: str) -> str:
        """Write the files, commit everything, and return the commit."""
        for path, text in files.items():
            target = self.folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        self._git("add", "--all")
        self._git(*AUTHOR, "commit", "--quiet", "--allow-empty", "--message", message)
        return self._git("rev-parse", "HEAD").strip()

    def switch(self, branch: str, *, start: str = "main") -> None:
        """Stand on a branch, made from `start` if it is not there."""
        self._git("checkout", "--quiet", "-B", branch, start)

    def tag(self, name: str) -> None:
        """Tag the current commit."""
        self._git("tag", name)

    def _git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", "-c", "safe.directory=*", "-C", str(self.folder), *arguments],
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout


def action_repository(folder: Path) -> Repository:
    """The action's own repository as it stands in the work tree, uncommitted changes included, tagged v1."""
    repository = Repository(folder, "OWNER/metaflow-deploy")
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for path in filter(None, listed.split("\0")):
        source, target = ROOT / path, repository.folder / path
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    for workflow in (repository.folder / ".github" / "workflows").glob("*.yml"):
        workflow.write_text(for_act(workflow.read_text()))
    repository.commit({}, "As it stands")
    repository.tag("v1")
    return repository


def example_workflow(name: str, *, replaced: Mapping[str, str] | None = None, given: str = "") -> str:
    """A workflow from examples/workflows, as act takes it.

    Args:
        name: the file's name.
        replaced: texts to replace; each has to be there.
        given: further lines for the `with:` of the step or job that uses the action.
    """
    text = for_act((ROOT / "examples" / "workflows" / name).read_text())
    for old, new in (replaced or {}).items():
        assert old in text, f"{name} has no {old!r}"
        text = text.replace(old, new)
    if given:
        pattern = r"(uses: OWNER/metaflow-deploy\S*\n(?: +id: .*\n)?)( +)with:\n"
        assert re.search(pattern, text), f"{name} does not use the action"
        lines = "".join(f"\\2  {line}\n" for line in given.splitlines())
        text = re.sub(pattern, rf"\1\2with:\n{lines}", text)
    return text
