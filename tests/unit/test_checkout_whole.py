"""Whether a file that is missing in a checkout is missing in the repository; on checkouts that git itself makes."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from deployer.checkout import checked_out_commit, checkout_of, flow_is_gone, why_partial
from deployer.event import Event
from deployer.operations.cleanup import check_checkout
from deployer.worker.client import WorkerError

REPOSITORY = "octo-org/flows"
needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="there is no git on this machine")


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=Mona", "-c", "user.email=mona@example.com", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    """A repository of two commits."""
    folder = tmp_path / "origin"
    (folder / "flows").mkdir(parents=True)
    git(folder, "init")
    for name in ("flows/train.py", "README.md"):
        (folder / name).write_text("text\n")
        git(folder, "add", ".")
        git(folder, "commit", "-m", name)
    return folder


def cloned(origin: Path, tmp_path: Path, *options: str, url: str = f"https://github.com/{REPOSITORY}") -> Path:
    folder = tmp_path / "clone"
    git(tmp_path, "clone", *options, f"file://{origin}", str(folder))
    git(folder, "remote", "set-url", "origin", url)
    return folder


@needs_git
def test_a_whole_checkout_tells(origin: Path, tmp_path: Path) -> None:
    folder = cloned(origin, tmp_path)
    assert why_partial(folder, REPOSITORY) is None
    assert flow_is_gone(folder, "flows/gone.py")
    assert not flow_is_gone(folder, "flows/train.py")


@needs_git
@pytest.mark.parametrize("options", [("--depth=1",), ("--filter=blob:none",)], ids=["shallow", "partial clone"])
def test_one_with_all_files_of_its_commit_is_whole(options: tuple[str, ...], origin: Path, tmp_path: Path) -> None:
    git(origin, "config", "uploadpack.allowFilter", "true")
    folder = cloned(origin, tmp_path, *options)
    assert why_partial(folder, REPOSITORY) is None
    assert not flow_is_gone(folder, "flows/train.py")


@needs_git
@pytest.mark.parametrize("mode", ["--cone", "--no-cone"])
def test_a_sparse_one_is_not(mode: str, origin: Path, tmp_path: Path) -> None:
    folder = cloned(origin, tmp_path)
    git(folder, "sparse-checkout", "set", mode, "docs")
    assert flow_is_gone(folder, "flows/train.py"), "the file is not here, though the repository has it"
    why = why_partial(folder, REPOSITORY)
    assert why is not None
    assert "sparse" in why


@needs_git
@pytest.mark.parametrize(
    ("url", "whole"),
    [
        ("https://github.com/octo-org/flows", True),
        ("https://github.com/Octo-Org/Flows.git", True),
        ("git@github.com:octo-org/flows.git", True),
        ("https://github.com/octo-org/flows-old", False),
        ("https://github.com/octo-org/other", False),
        ("https://github.com/evil-octo-org/flows", False),
    ],
)
def test_one_of_another_repository_is_not(url: str, whole: bool, origin: Path, tmp_path: Path) -> None:
    assert (why_partial(cloned(origin, tmp_path, url=url), REPOSITORY) is None) is whole


@needs_git
@pytest.mark.parametrize(
    ("checked_out", "event", "why"),
    [
        ("main", {"branch": "main"}, None),
        ("main", {"branch": "old"}, None),  # `ref` of actions/checkout named it
        ("old", {"branch": "main"}, "it is of the branch `old`, and the default branch is `main`"),
        ("HEAD~0", {"branch": "main"}, None),
        ("HEAD~0", {"branch": "old"}, "it is of the branch `old`"),
        ("HEAD~0", {"branch": None, "ref": "refs/tags/v1"}, "it is of `refs/tags/v1`"),
        ("HEAD~0", {"branch": "main", "pull_request": 7}, "it is of a pull request that is not merged"),
        ("HEAD~0", {"branch": "main", "pull_request": 7, "merged": True}, None),
        ("v1", {"branch": "main"}, "it is of the commit"),
        ("v1", {"branch": "main", "pull_request": 7, "merged": True}, "it is of the commit"),
        ("main", {"branch": "main", "default_branch": None}, "does not tell the repository's default branch"),
    ],
)
def test_what_another_branch_lacks_is_not_gone(
    checked_out: str, event: dict[str, Any], why: str | None, origin: Path, tmp_path: Path
) -> None:
    git(origin, "branch", "old", "main~1")
    git(origin, "tag", "v1", "main~1")
    folder = cloned(origin, tmp_path)
    known = {"repository": REPOSITORY, "default_branch": "main", "own_commits": (checked_out_commit(folder),)}
    git(folder, "checkout", checked_out)
    called = Event(**{"name": "workflow_dispatch", **known, **event})
    if why is None:
        check_checkout(folder, called)
        return
    with pytest.raises(WorkerError) as caught:
        check_checkout(folder, called)
    (failure,) = caught.value.failures
    assert failure.input == "removed"
    assert why in failure.message
    assert "default branch" in failure.advice


def test_a_folder_without_a_repository_is_not(tmp_path: Path) -> None:
    assert why_partial(tmp_path, REPOSITORY) == "the workspace holds no checkout of a repository"


def test_what_lies_in_a_submodule_or_outside_is_not_told_as_gone(tmp_path: Path) -> None:
    (tmp_path / ".gitmodules").write_text('[submodule "team"]\n\tpath = flows/team\n\turl = ../team\n')
    assert not flow_is_gone(tmp_path, "flows/team/train.py")
    assert not flow_is_gone(tmp_path, "../train.py")
    assert not flow_is_gone(tmp_path, "/train.py")
    assert flow_is_gone(tmp_path, "flows/train.py")


@needs_git
def test_a_submodule_is_of_the_repository_around_it_and_its_worktree_is_not(origin: Path, tmp_path: Path) -> None:
    """Nothing around a worktree of a submodule names the commit in it."""
    around = tmp_path / "around"
    git(tmp_path, "init", str(around))
    git(around, "-c", "protocol.file.allow=always", "submodule", "add", str(origin), "team")
    git(around, "commit", "-m", "A submodule")
    git(around / "team", "commit", "--allow-empty", "-m", "Not merged")
    git(around / "team", "worktree", "add", "--detach", str(around / "other"))
    git(around / "team", "reset", "--hard", "HEAD^")
    assert checkout_of(around / "team" / "flow.py", around) == around
    assert checkout_of(around / "other" / "flow.py", around) == around / "other"
    assert checked_out_commit(around / "other") not in (None, checked_out_commit(around))
