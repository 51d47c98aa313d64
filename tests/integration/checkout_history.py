"""A repository with a real history, and the action on checkouts of it."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.runner import ROOT, JobEvent, JobResult, Runner
from sandbox.world import World

REPOSITORY = "octo-org/history"
FORK = "mona/history"
PLAIN = (ROOT / "examples" / "flows" / "hello.py").read_text().replace("HelloFlow", "GuardedFlow")
PROJECT = PLAIN.replace("from metaflow import ", "from metaflow import project, ").replace(
    "\nclass GuardedFlow", '\n@project(name="guarded")\nclass GuardedFlow'
)
TARGET = "pull_request_target"


@dataclass(frozen=True, kw_only=True)
class History:
    """A repository with a branch that was merged, one that was not, and a fork's pull request."""

    folder: Path
    first: str
    """The first commit of `main`."""
    merged: str
    """The merge commit of pull request 7, the last commit of `main`."""
    feature: str
    """The branch `feature`, of the open pull request 8."""
    older: str
    """The commit before it."""
    trial: str
    """GitHub's trial merge of it."""
    fork: str
    """The last commit of pull request 9, which a fork opened: GitHub has it as refs/pull/9/head."""
    release: str
    """The branch `release/2`."""

    def check_out(self, commit: str, folder: Path, *options: str) -> Path:
        """A checkout, made by git as actions/checkout makes it."""
        git(self.folder.parent, "init", "--quiet", str(folder))
        git(folder, "remote", "add", "origin", f"https://github.com/{REPOSITORY}")
        git(folder, "fetch", "--quiet", "--depth=1", f"file://{self.folder}", commit)
        git(folder, "checkout", "--quiet", *(options or ("--detach",)), "FETCH_HEAD")
        return folder


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=Mona", "-c", "user.email=mona@example.com", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(folder: Path, message: str) -> str:
    (folder / "flows" / "note.txt").write_text(message)
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", message)
    return git(folder, "rev-parse", "HEAD")


def make_history(folder: Path) -> History:
    """Make the repository; its pull requests are 7, merged, 8, open, and 9, of a fork."""
    (folder / "flows").mkdir(parents=True)
    git(folder, "init", "--quiet")
    git(folder, "config", "uploadpack.allowAnySHA1InWant", "true")
    (folder / "flows" / "plain.py").write_text(PLAIN)
    (folder / "flows" / "daily.py").write_text(PROJECT)
    first = commit(folder, "first")
    git(folder, "tag", "v1")
    git(folder, "switch", "--quiet", "--create", "release/2")
    release = commit(folder, "release")
    git(folder, "switch", "--quiet", "--create", "topic", "main")
    commit(folder, "topic")
    git(folder, "switch", "--quiet", "main")
    git(folder, "merge", "--quiet", "--no-ff", "--message", "Merge pull request #7", "topic")
    merged = git(folder, "rev-parse", "HEAD")
    git(folder, "switch", "--quiet", "--create", "feature")
    older = commit(folder, "older")
    feature = commit(folder, "feature")
    git(folder, "tag", "v2")
    git(folder, "switch", "--quiet", "--detach", "main")
    git(folder, "merge", "--quiet", "--no-ff", "--message", "trial", "feature")
    trial = git(folder, "rev-parse", "HEAD")
    git(folder, "update-ref", "refs/pull/8/merge", trial)
    git(folder, "switch", "--quiet", "--detach", "main")
    fork = commit(folder, "fork")
    git(folder, "update-ref", "refs/pull/9/head", fork)
    git(folder, "tag", "main", "feature")  # a tag that is named like the branch
    git(folder, "switch", "--quiet", "main")
    return History(
        folder=folder,
        first=first,
        merged=merged,
        feature=feature,
        older=older,
        trial=trial,
        fork=fork,
        release=release,
    )


class Deploy:
    """Runs the action on a checkout of a commit."""

    def __init__(self, runner: Runner, history: History, folder: Path) -> None:
        self.runner = runner
        self.history = history
        self._folder = folder

    def __call__(self, event: JobEvent, commit: str, flow: str = "flows/plain.py", **inputs: str) -> JobResult:
        workspace = self.history.check_out(commit, self._folder / f"checkout-{len(list(self._folder.iterdir()))}")
        return self.on(workspace, event, flow, **inputs)

    def on(self, workspace: Path, event: JobEvent, flow: str = "flows/plain.py", **inputs: str) -> JobResult:
        given = {"flow": flow, "orchestrator": "step-functions", "comment": "off", "operation": "deploy"}
        given |= {name.replace("_", "-"): value for name, value in inputs.items()}
        return self.runner.run(event, given, workspace=workspace)


def event(name: str, sha: str, ref: str = "refs/heads/main", **payload: Any) -> JobEvent:
    repository = {"full_name": REPOSITORY, "default_branch": "main"}
    return JobEvent(name=name, payload={"repository": repository, **payload}, ref=ref, sha=sha)


def pull_request(
    history: History,
    *,
    name: str = "pull_request",
    action: str = "opened",
    merged: bool = False,
    base: str = "main",
    head: str | None = None,
    sha: str | None = None,
) -> JobEvent:
    """The open pull request 8, pull request 9 of a fork (`head`), or the merged pull request 7."""
    pull = {
        "number": 7 if merged else 8 if head is None else 9,
        "merged": merged,
        "merge_commit_sha": history.merged if merged else history.trial,
        "base": {"ref": base, "sha": history.merged},
        "head": {
            "ref": "feature" if head is None else "main",  # the fork's branch may be called main
            "sha": history.feature if head is None else history.fork,
            "repo": {"full_name": head or REPOSITORY},
        },
    }
    number = pull["number"]
    # https://github.blog/changelog/2025-11-07-actions-pull_request_target-and-environment-branch-protections-changes
    ref, own = ("refs/heads/main", history.merged) if name == TARGET else (f"refs/pull/{number}/merge", history.trial)
    return event(name, sha or own, ref, action=action, pull_request=pull, number=number)


def workflow_run(history: History, **changes: Any) -> JobEvent:
    run = {
        "event": "push",
        "conclusion": "success",
        "head_branch": "main",
        "head_sha": history.merged,
        "head_repository": {"full_name": REPOSITORY},
    }
    return event("workflow_run", history.merged, action="completed", workflow_run={**run, **changes})


def refused(result: JobResult, *told: str) -> None:
    """It failed, said why, and deployed nothing."""
    assert result.exit_code == 1, result.log
    assert (result.outputs["status"], result.outputs["failure-reason"]) == ("failure", "source"), result.log
    said = result.summary.replace("\\", "").replace("<!-- -->", "").replace("\u200b", "")
    for words in told:
        assert words in said, said
    assert result.outputs["deployment-id"] == ""


def deployed(result: JobResult, identifier: str = "GuardedFlow") -> None:
    assert result.exit_code == 0, result.log
    assert result.outputs["deployment-id"] == identifier


def asked(world: World) -> list[str]:
    """The comparisons that GitHub was asked for."""
    return [one["path"] for one in world.github.requests() if "/compare/" in one["path"]]
