"""Jobs of one step, the action on Step Functions, and pull requests for them to comment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sandbox.runner import JobEvent, JobResult, Runner, merged_pull_request, push
from sandbox.world import World

SHA = "3f2a91c0" * 5


class Pulls:
    """Pull requests of one test: no two tests share a number."""

    def __init__(self, world: World, start: int) -> None:
        self._github = world.github
        self._next = start

    def merged(self, *, sha: str = SHA, commits: tuple[str, ...] = ()) -> int:
        self._next += 1
        self._github.add_pull_request(
            number=self._next, title="A change", merged=True, merge_commit_sha=sha, commits=commits
        )
        return self._next

    def comments(self, number: int) -> list[str]:
        return [str(comment["body"]) for comment in self._github.comments(number)]


def closed(number: int, *, merged: bool = True, base: str = "main", sha: str = SHA) -> JobEvent:
    payload = merged_pull_request(number, "A change", merged=merged, base=base, sha=sha)
    return JobEvent(name="pull_request", payload=payload, sha=sha, ref=f"refs/pull/{number}/merge")


def pushed(sha: str = SHA, commits: tuple[str, ...] = ()) -> JobEvent:
    payload = push(before="1" * 40, after=sha)
    payload["commits"] = [{"id": one} for one in (*commits, sha)]
    return JobEvent(name="push", payload=payload, sha=sha)


def run(runner: Runner, workspace: Path, event: JobEvent, flow: str = "flows/hello.py", **inputs: str) -> JobResult:
    given = {"flow": flow, "orchestrator": "step-functions"}
    if "trigger" in inputs or inputs.get("operation") == "trigger":
        given["poll-interval"] = "500ms"
    given |= {name.replace("_", "-"): value for name, value in inputs.items()}
    return runner.run(event, {name: value for name, value in given.items() if value}, workspace=workspace)


def words(markdown: str) -> str:
    """Markdown less the backslashes and the invisible characters that keep foreign text from being markup."""
    return markdown.replace("\\", "").replace("\u200b", "").replace("<!-- -->", "")


def machine(world: World, name: str) -> dict[str, Any] | None:
    machines = world.client().list_state_machines()["stateMachines"]
    return next((one for one in machines if one["name"] == name), None)
