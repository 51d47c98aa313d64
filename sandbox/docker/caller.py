"""A repository whose workflow uses the action, and the events by which GitHub runs it."""

from __future__ import annotations

from typing import Any

from sandbox.docker.act import Act, ActResult
from sandbox.docker.repositories import Repository
from sandbox.runner import merged_pull_request, push
from sandbox.world import World

FLOWS = "octo-org/flows"
WORKFLOW = ".github/workflows/deploy.yml"
BEFORE = "0" * 40
PULL_REQUEST = 7


class Caller:
    """octo-org/flows, with a workflow that GitHub runs for an event."""

    def __init__(self, act: Act, flows: Repository, world: World) -> None:
        self._act = act
        self._flows = flows
        self._world = world
        self._commit = ""

    def push(self, text: str, *, branch: str = "main", **options: Any) -> ActResult:
        """Commit the workflow and push, as a merged pull request does."""
        self._flows.switch(branch, start="HEAD")
        self._commit = self._flows.commit({WORKFLOW: text}, "Merge")
        self._world.github.add_pull_request(number=PULL_REQUEST, title="Train", merge_commit_sha=self._commit)
        return self.again(branch=branch, **options)

    def again(self, *, branch: str = "main", **options: Any) -> ActResult:
        """Run the job of the last push once more."""
        payload = push(before=BEFORE, after=self._commit, ref=f"refs/heads/{branch}")
        return self._act.run(WORKFLOW, "push", payload, repository=self._flows.folder, **options)

    def close(self, text: str, *, merged: bool, head: str = FLOWS) -> ActResult:
        """Commit the workflow and close the pull request, which came from the repository `head`."""
        sha = self._flows.commit({WORKFLOW: text}, "Merge")
        self._world.github.add_pull_request(
            number=PULL_REQUEST, title="Train", merged=merged, merge_commit_sha=sha if merged else None, state="closed"
        )
        payload = merged_pull_request(PULL_REQUEST, "Train", merged=merged, sha=sha, head=head)
        return self._act.run(WORKFLOW, "pull_request", payload, repository=self._flows.folder)
