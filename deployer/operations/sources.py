"""Where the code of a job's flows comes from: the commits that are checked out, and what GitHub says of them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from deployer.branches import DeployBranches
from deployer.checkout import checked_out_commit, checkout_of
from deployer.deadline import Cancellation, Deadline
from deployer.event import Event
from deployer.inputs import Inputs
from deployer.outcome import Failure
from deployer.production import Contains, ProductionRight, Unanswered, check_checkout, production_right

if TYPE_CHECKING:
    from deployer.github.client import GitHubClient

LIMIT = 120.0
"""Seconds for all that is asked about one commit."""
MOST_COMPARED = 30
"""Branches that a commit is compared with, one request each."""

ASK_AGAIN = "Run the job again once GitHub answers at {api_url}."
MAY_READ = "Give the job `permissions: contents: read`; a `github-token` of your own has to read this repository."
REFUSALS = (401, 403, 404)


class Sources:
    """The commits that a job's flows are of, each with its right to go to production."""

    def __init__(self, event: Event, inputs: Inputs, workspace: Path, contains: Contains) -> None:
        """Args:
        event: what called the job.
        inputs: the job's.
        workspace: where its checkouts are.
        contains: asks which branch contains a commit; asked once or twice for each commit, and only where the event
            does not say it.
        """
        self._workspace = workspace
        self._right = cache(lambda commit: production_right(event, commit, inputs, contains))
        self._checked = cache(lambda commit: check_checkout(event, commit, inputs, self._right(commit), contains))

    def commit(self, file: Path) -> str | None:
        """The commit of the checkout that a file or folder is in; None where there is none that can be read."""
        return checked_out_commit(checkout_of(file, self._workspace))

    def right(self, file: Path) -> ProductionRight:
        """Whether a flow file may go to production."""
        return self._right(self.commit(file))

    def right_of(self, files: Iterable[Path]) -> ProductionRight:
        """Whether what is made of these files may go to production: of the first that may not, else of the last."""
        rights = [self.right(file) for file in files]
        return next((right for right in rights if not right.allowed), rights[-1])

    def check(self, file: Path) -> Failure | None:
        """Why no code of the checkout that a file or folder is in may run in this job; None: it may."""
        return self._checked(self.commit(file))


def sources_of(event: Event, inputs: Inputs, workspace: Path, cancellation: Cancellation) -> Sources:
    """The sources of a job, with GitHub to ask; arguments as those of `Sources` and `asks_github`."""
    return Sources(event, inputs, workspace, asks_github(event, inputs, cancellation))


def asks_github(event: Event, inputs: Inputs, cancellation: Cancellation) -> Contains:
    """The question, as the job's token may ask it (`contents: read`).

    Args:
        event: whose repository and server are asked.
        inputs: `github-token` of them.
        cancellation: ends a request that is under way.
    """

    def contains(branches: DeployBranches, commit: str) -> str | None:
        if not inputs.github_token:
            raise Unanswered("There is no `github-token` to ask GitHub with.", "Leave the input out: it has a default.")
        # PyGithub is paid for by a job that asks GitHub alone
        from deployer.github.client import GitHubClient
        from deployer.github.errors import GitHubError

        client = GitHubClient(
            token=inputs.github_token,
            repository=event.repository,
            api_url=event.api_url,
            deadline=Deadline(LIMIT),
            cancellation=cancellation,
        )
        try:
            return containing_branch(client, branches, commit)
        except GitHubError as error:
            said = f"{error.status or 'no answer'}: {error.evidence}" if error.evidence else ""
            advice = MAY_READ if error.status in REFUSALS else ASK_AGAIN.format(api_url=event.api_url)
            raise Unanswered(error.message, advice, said) from error

    return contains


def containing_branch(client: GitHubClient, branches: DeployBranches, commit: str) -> str | None:
    """The first of these branches that contains a commit; None: none of them does.

    Raises:
        GitHubError: GitHub refuses, or cannot be asked.
        Unanswered: too many branches would have to be compared.
    """
    heads = {name: sha for prefix in branches.prefixes for name, sha in client.branches(prefix).items()}
    wanted = {name: sha for name, sha in heads.items() if name in branches}
    found = next((name for name, sha in wanted.items() if sha == commit), None)
    if found is not None:
        return found
    for name, sha in list(wanted.items())[:MOST_COMPARED]:
        if client.contains(sha, commit):
            return name
    if len(wanted) > MOST_COMPARED:
        raise Unanswered(
            f"{len(wanted)} branches match {branches}, and none of the first {MOST_COMPARED} contains it.",
            "Check out the head of a branch, or name fewer in `deploy-branches`: the branch in place of a pattern.",
        )
    return None
