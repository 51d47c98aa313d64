"""Which code may go to production: only what a deploy branch contains, whatever event and `operation` say.

A guard against accidents and against code of others in a job that has secrets. It does not keep out somebody who may
change the workflow file: GitHub's environments with deployment branch rules do (docs/security.md).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from deployer.branches import QUEUE, DeployBranches
from deployer.event import Event
from deployer.inputs import Inputs, OperationName
from deployer.outcome import Failure, FailureReason

Contains = Callable[[DeployBranches, str], str | None]
"""Which of these branches contains this commit? Answers the branch, or None: none of them. Raises Unanswered."""

SHORT = 7
TARGET = "pull_request_target"
NO_CHECKOUT = (
    "Which commit is checked out cannot be read from the workspace.",
    "Check the repository out with actions/checkout; without git on the runner, it downloads files and no repository.",
)
NO_DEFAULT = (
    "The event does not name the repository's default branch.",
    "Name the branches that may deploy to production in `deploy-branches`.",
)
WITHOUT_ATTRIBUTE = (
    "Take `production=True` out of the decorator: the action passes `--production` where the code is of a deploy branch"
)
EVERY_BRANCH = DeployBranches(patterns=("**",))
ANYBODYS = (
    *("issue_comment", "pull_request_review", "pull_request_review_comment"),
    *("issues", "discussion", "discussion_comment", "fork", "watch", "gollum"),
)
"""Events that whoever may read the repository can cause, and that give the job secrets (GitHub's "Events that trigger
workflows")."""
BASE_ALONE = "Deploy on `push`, which every merge is; leave `ref` and `repository` of actions/checkout out here."
OWN_BRANCHES = (
    "Check out a branch of this repository. A fork's code can be deployed once it is merged, or once somebody who "
    "reviewed it has pushed it to a branch here."
)
BESIDE = "a flow with @project can be deployed beside production, to the branch that `project-branch` names"


class Unanswered(Exception):
    """Whether a branch contains a commit could not be found out."""

    def __init__(self, message: str, advice: str, evidence: str = "") -> None:
        """Args:
        message: one sentence on what is wrong.
        advice: one on what to do.
        evidence: what GitHub said.
        """
        super().__init__(message)
        self.message = message
        self.advice = advice
        self.evidence = evidence


@dataclass(frozen=True, kw_only=True)
class ProductionRight:
    """Whether the code of a checkout may go to production, and why."""

    allowed: bool
    why: str
    """One sentence, with the names in backquotes: 3f2a91c is on main."""
    source: str
    """What the code is of, in words: pull request 7, the branch feature, the commit 3f2a91c."""
    advice: str = ""
    """What to do, where it may not."""
    evidence: str = ""


def deploy_branches(event: Event, inputs: Inputs) -> DeployBranches:
    """The branches whose code may go to production."""
    return DeployBranches(patterns=inputs.deploy_branches, default=event.default_branch)


def production_right(event: Event, commit: str | None, inputs: Inputs, contains: Contains) -> ProductionRight:
    """Whether a commit may go to production: pure, but for the one question that it asks.

    The event's own commit is of the branch that the event names. Of any other commit, GitHub is asked whether a deploy
    branch contains it: of a tag, a release, what was tested before (`workflow_run`), another `ref` of actions/checkout.

    Args:
        event: what called the job.
        commit: the commit that is checked out; None where that is not known.
        inputs: `deploy-branches` of them.
        contains: asks which branch contains a commit.
    """
    branches = deploy_branches(event, inputs)
    if commit is None:
        return ProductionRight(allowed=False, why=NO_CHECKOUT[0], source=_commit(commit), advice=NO_CHECKOUT[1])
    if not branches.known:
        return ProductionRight(allowed=False, why=NO_DEFAULT[0], source=_commit(commit), advice=NO_DEFAULT[1])
    if event.is_unmerged:
        return _of_pull_request(event)
    if commit == event.merge_commit:
        return _of_branch(event.branch or "", f"The merge of pull request {event.pull_request}", branches)
    if commit == event.own_sha and (branch := _ref_branch(event)) is not None:
        return _of_branch(branch, f"`{commit[:SHORT]}`", branches)
    return _asked(event, commit, branches, contains)


def check_checkout(
    event: Event, commit: str | None, inputs: Inputs, right: ProductionRight, contains: Contains
) -> Failure | None:
    """Why the code of a checkout may not even be looked at in this job, before any line of it runs; None: it may.

    Any event but `pull_request` gives a job secrets that the author of a fork lacks, and the `ref` of its
    actions/checkout can name a fork's code. `pull_request_target`, and `workflow_run` after the run of a fork, take the
    base's code alone. On the others the commit has to be the event's own, of a branch or tag of this repository, or a
    branch of this repository has to contain it. That the repository has a commit proves nothing: commits of any
    repository in a network of forks can be had from each of them (GitHub: "About permissions and visibility of forks").
    Only its branches are its own, so they are listed (`git/matching-refs/heads/`), and each is compared with the commit
    by the SHA of its head. On `pull_request` the workflow file is the pull request's too, and a fork's job has no
    secrets.

    And what `auto` deploys after a workflow run is what that run tested, not what the branch has become since.

    Args:
        event: what called the job.
        commit: the commit that is checked out.
        inputs: the job's.
        right: of that commit.
        contains: asks which branch contains a commit.
    """
    run = event.triggered_by
    if run is not None and inputs.operation is OperationName.AUTO and commit != run.head_sha:
        return Failure(
            reason=FailureReason.SOURCE,
            message=f"The workflow run before was of {_commit(run.head_sha)}, and {_commit(commit)} is checked out.",
            advice="Give actions/checkout `ref: ${{ github.event.workflow_run.head_sha }}`.",
        )
    if right.allowed or event.name == "pull_request":
        return None
    if event.name == TARGET or (run is not None and not run.is_own):
        if commit is not None and commit == event.own_sha:
            return None
        base = "the base's commit" if event.name == TARGET else "a commit of this repository's deploy branches"
        return _untrusted(event, f"{_commit(commit)}, which is checked out, is not {base}", BASE_ALONE, right.evidence)
    if commit is None:
        return (
            _untrusted(event, f"{_commit(commit)} is checked out", NO_CHECKOUT[1]) if event.name in ANYBODYS else None
        )
    return None if _is_own(event, commit) else _of_no_branch(event, commit, contains)


def check_target(
    project: str | None,
    branch: str | None,
    is_production: bool,
    right: ProductionRight,
    *,
    flow: str,
    project_branch: str | None,
    production: bool | None,
) -> Failure | None:
    """Why a flow may not be deployed where Metaflow would deploy it; None: it may.

    Args:
        project: the project's name, as Metaflow resolved it; None for a flow without @project.
        branch: Metaflow's name of the branch (`prod`, `prod.x`, `test.x`, `user.x`); None where it is not known.
        is_production: as Metaflow resolved it, from the options and from the attributes of @project.
        right: whether the code may go to production.
        flow: the flow's name.
        project_branch: the input.
        production: the input; None for `auto`.
    """
    is_production = is_production or (branch or "").partition(".")[0] == "prod"
    # `--production` is passed where the input says so, or by default; all else is an attribute of the decorator's
    by_default = production is None and right.allowed and not project_branch
    by_attribute = project is not None and is_production and production is not True and not by_default
    if by_attribute and production is False:
        return _contradiction(flow, "the input `production` is false", "prod", "production")
    if by_attribute and project_branch:
        asked = f"`project-branch` asks for a branch of its own, `{project_branch}`"
        return _contradiction(flow, asked, branch or f"prod.{project_branch}", "project-branch")
    if right.allowed:
        return None
    if project is None:
        what, given = f"{flow} has no @project, so that deploying it is deploying to production", None
    elif by_attribute:
        what, given = f"{flow} says `production=True` in @project, and {right.source} may not go to production", None
    elif is_production:
        what, given = f"`production: true` asks for production, and {right.source} may not go there", "production"
    elif not project_branch:
        what = f"{flow} may not go to production from {right.source}, and no `project-branch` is given"
        elsewhere = f"Metaflow would deploy it to `{branch or 'user.…'}`, which no input names"
        return Failure(
            reason=FailureReason.SOURCE,
            input="project-branch",
            message=f"{what}. {right.why}",
            advice=f"Give `project-branch`, for a deployment beside production ({elsewhere}). For production: "
            f"{right.advice[:1].lower()}{right.advice[1:].rstrip('.')}.",
            evidence=right.evidence,
        )
    else:
        return None
    return _refused(right, what, given, advice=WITHOUT_ATTRIBUTE if by_attribute else right.advice)


def _is_own(event: Event, commit: str) -> bool:
    """Whether the event itself says that a commit is this repository's, and no fork's.

    GITHUB_SHA is where GITHUB_REF is a branch or a tag, or a pull request of a branch of this repository. Of a
    `deployment` of a bare commit GITHUB_REF is empty.
    """
    run = event.triggered_by
    if run is not None and run.is_own and commit == run.head_sha:
        return True
    of_own_pull_request = event.pull_request is not None and not event.is_fork
    return commit == event.own_sha and (event.ref.startswith(("refs/heads/", "refs/tags/")) or of_own_pull_request)


def _of_no_branch(event: Event, commit: str, contains: Contains) -> Failure | None:
    """Why a commit may not run that no branch of this repository contains; None: one does."""
    try:
        found = contains(EVERY_BRANCH, commit)
    except Unanswered as error:
        what = f"whether a branch of this repository contains {_commit(commit)} could not be found out"
        return _untrusted(event, f"{what}. {error.message}", error.advice, error.evidence)
    if found is not None:
        return None
    return _untrusted(
        event, f"no branch of this repository contains {_commit(commit)}, which is checked out", OWN_BRANCHES
    )


def _untrusted(event: Event, what: str, advice: str, evidence: str = "") -> Failure:
    return Failure(
        reason=FailureReason.SOURCE,
        message=f"On `{event.name}` the job has secrets that the author of a pull request lacks, and "
        f"{what.rstrip('.')}.",
        advice=advice,
        evidence=evidence,
    )


def _of_branch(branch: str, what: str, branches: DeployBranches) -> ProductionRight:
    if branch in branches:
        return ProductionRight(allowed=True, why=f"{what} is on `{branch}`.", source=f"the branch `{branch}`")
    if branch.startswith(QUEUE):
        return ProductionRight(
            allowed=False,
            why=f"`{branch}` is a merge queue's branch, which is not merged yet.",
            source="a merge queue",
            advice="Deploy on `push`, which the queue's merge is.",
        )
    return ProductionRight(
        allowed=False,
        why=f"{what} is of the branch `{branch}`, which is none of {branches} (`deploy-branches`).",
        source=f"the branch `{branch}`",
        advice=f"Merge it, or name `{branch}` in `deploy-branches`, if it may deploy to production",
    )


def _of_pull_request(event: Event) -> ProductionRight:
    state = "was closed without being merged" if event.action == "closed" else "is not merged"
    which = f" {event.pull_request}" if event.pull_request is not None else ""
    return ProductionRight(
        allowed=False,
        why=f"The pull request{which} {state}.",
        source=f"the pull request{which}",
        advice="Merge it, or name its branch in `deploy-branches` and deploy on `push`, if that may go to production",
    )


def _asked(event: Event, commit: str, branches: DeployBranches, contains: Contains) -> ProductionRight:
    """What GitHub says of a commit that the event does not speak for."""
    likely = [event.branch, event.likely_branch, event.triggered_by.head_branch if event.triggered_by else None]
    try:
        for branch in dict.fromkeys(one for one in likely if one is not None and one in branches):
            if contains(DeployBranches(default=branch), commit) is not None:
                return ProductionRight(allowed=True, why=_contained(commit, branch), source=_commit(commit))
        found = contains(branches, commit)
    except Unanswered as error:
        return ProductionRight(
            allowed=False,
            why=f"Whether {branches} contains `{commit[:SHORT]}` could not be found out. {error.message}",
            source=_commit(commit),
            advice=error.advice,
            evidence=error.evidence,
        )
    if found is not None:
        return ProductionRight(allowed=True, why=_contained(commit, found), source=_commit(commit))
    advice = f"Merge it into {branches}, or name its branch in `deploy-branches`, if it may deploy to production"
    if event.merge_commit is not None:
        advice = "Give actions/checkout `ref: ${{ github.event.pull_request.merge_commit_sha }}`"
    return ProductionRight(
        allowed=False,
        why=f"`{commit[:SHORT]}` is checked out, and {branches} does not contain it.",
        source=_commit(commit),
        advice=advice,
    )


def _ref_branch(event: Event) -> str | None:
    """The branch that GITHUB_SHA is a commit of; a deleted one has none."""
    found = event.ref.removeprefix("refs/heads/")
    return found if found != event.ref and not event.deleted else None


def _refused(right: ProductionRight, what: str, given: str | None, *, advice: str) -> Failure:
    return Failure(
        reason=FailureReason.SOURCE,
        input=given,
        message=f"{what}. {right.why}",
        advice=f"{advice.rstrip('.')}; {BESIDE}.",
        evidence=right.evidence,
    )


def _contradiction(flow: str, asked: str, target: str, given: str) -> Failure:
    return Failure(
        reason=FailureReason.SOURCE,
        input=given,
        message=f"{flow} says `production=True` in @project, and {asked}: Metaflow would deploy it to `{target}`.",
        advice=f"{WITHOUT_ATTRIBUTE}; or say `production: true`, where `{target}` is what you want.",
    )


def _contained(commit: str, branch: str) -> str:
    return f"`{branch}` contains `{commit[:SHORT]}`."


def _commit(commit: str | None) -> str:
    return f"the commit `{commit[:SHORT]}`" if commit is not None else "a commit that is not known"
