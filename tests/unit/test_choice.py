"""What a cleanup takes and why: the whole table of what may be known of a deployment."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deployer.operations.choice import (
    Criteria,
    ago,
    at_first_sight,
    is_guarded,
    is_named,
    is_production,
    judge,
    takes_everything,
)
from deployer.orchestrators.inventory import Activity, DeploymentFilter
from deployer.outcome import Deployment, DeploymentRow, Fate, Provenance

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
DAYS = 86400.0


def days(number: float) -> datetime:
    return NOW - timedelta(days=number)


def deployment(**changes: Any) -> Deployment:
    made = Deployment(
        id="train",
        orchestrator="argo-workflows",
        flow_name="TrainFlow",
        owner="me",
        production_token="train-0-abcd",
        deployed_at=days(200),
    )
    return replace(made, **changes)


def row(last_run: float | None = None, **changes: Any) -> DeploymentRow:
    at = days(last_run) if last_run is not None else None
    return DeploymentRow(id="train", orchestrator="argo-workflows", deployment=deployment(**changes), last_run_at=at)


def criteria(**changes: Any) -> Criteria:
    made = Criteria(now=NOW, older_than=90 * DAYS, repository="octo-org/flows", user="me")
    return replace(made, **changes)


def decided(one: DeploymentRow, activity: Activity | None = None, **changes: Any) -> tuple[Fate, str]:
    """What a cleanup makes of a row, asked closely only where it has to be."""
    asked = criteria(**changes)
    sight = at_first_sight(one, asked)
    if sight is None:
        sight = judge(one, activity or Activity(deployment_id=one.id), asked)
    return sight.fate, sight.why


def test_age_is_the_later_of_the_last_run_and_the_last_deployment() -> None:
    assert decided(row()) == (Fate.WOULD_BE_DELETED, "No run of it is known, and it was deployed 200 days ago.")
    assert decided(row(last_run=100))[0] is Fate.WOULD_BE_DELETED
    assert decided(row(last_run=100, deployed_at=days(150)))[1] == (
        "It ran last 100 days ago, and was deployed 150 days ago."
    )
    assert decided(row(last_run=89)) == (Fate.KEPT, "It ran 89 days ago.")
    assert decided(row(last_run=100, deployed_at=days(1))) == (Fate.KEPT, "It was deployed 1 day ago.")
    assert decided(row(deployed_at=days(1)))[0] is Fate.KEPT, "deployed yesterday, and never ran"


def test_what_is_asked_closely_counts_too() -> None:
    ran = Activity(deployment_id="train", last_run_at=days(3))
    assert decided(row(last_run=100), ran) == (Fate.KEPT, "It ran 3 days ago.")
    deployed = Activity(deployment_id="train", deployed_at=days(3))
    assert decided(row(deployed_at=None), deployed) == (Fate.KEPT, "It was deployed 3 days ago.")
    running = Activity(deployment_id="train", active=True)
    assert decided(row(), running) == (Fate.KEPT, "A run of it is under way.")


def test_what_is_not_known_is_never_taken_for_unused() -> None:
    assert decided(row(deployed_at=None)) == (Fate.KEPT, "When it was deployed last is not known.")
    unknown = Activity(deployment_id="train", unknown="The service did not answer.")
    assert decided(row(), unknown) == (Fate.KEPT, "The service did not answer.")


def test_a_run_under_way_keeps_it_whatever_its_age() -> None:
    assert decided(replace(row(last_run=300), active=True)) == (Fate.KEPT, "A run of it is under way.")


@pytest.mark.parametrize(
    ("project", "branch", "production"),
    [
        (None, None, True),
        ("recsys", "prod", True),
        ("recsys", "prod.blue", True),
        ("recsys", "test.x", False),
        ("recsys", "user.me", False),
        ("recsys", None, True),
    ],
)
def test_a_production_deployment_of_another_needs_its_token(
    project: str | None, branch: str | None, production: bool
) -> None:
    theirs = row(owner="them", project=project, project_branch=branch)
    assert theirs.deployment is not None
    assert is_production(theirs.deployment) is production
    fate, why = decided(theirs)
    assert fate is (Fate.KEPT if production else Fate.WOULD_BE_DELETED)
    assert ("them" in why) is production
    assert decided(theirs, authorize="train-0-abcd")[0] is Fate.WOULD_BE_DELETED
    assert decided(theirs, authorize="wrong")[0] is fate


def test_the_guard_is_metaflows() -> None:
    theirs = deployment(owner="them")
    assert is_guarded(theirs, "me", None)
    assert is_guarded(theirs, "me", "wrong")
    assert is_guarded(theirs, None, None)
    assert is_guarded(replace(theirs, production_token=None), "me", "train-0-abcd"), "there is no token to give"
    assert not is_guarded(theirs, "me", "train-0-abcd")
    assert not is_guarded(deployment(), "me", None)


PROVENANCE = Provenance(repository="Octo-Org/flows", flow="flows/train.py", commit="a" * 40)


def test_removed_takes_what_this_repository_deployed_and_lacks_now() -> None:
    gone = {"removed": True, "is_gone": lambda flow: flow == "flows/train.py"}
    used = row(last_run=1, deployed_at=days(1), provenance=PROVENANCE)
    fate, why = decided(used, **gone)
    assert (fate, why) == (
        Fate.WOULD_BE_DELETED,
        "`flows/train.py`, which it was deployed from, is gone from the repository.",
    ), "its schedule would fire for ever"
    assert decided(used, removed=True, is_gone=lambda _: False) == (Fate.KEPT, "`flows/train.py` is in the repository.")
    elsewhere = replace(PROVENANCE, repository="octo-org/other")
    assert decided(row(provenance=elsewhere), **gone) == (Fate.KEPT, "It was deployed by `octo-org/other`.")
    assert decided(row(), **gone)[0] is Fate.KEPT, "it says of no repository"
    assert decided(row(provenance=PROVENANCE, owner="them"), **gone)[0] is Fate.KEPT
    running = Activity(deployment_id="train", active=True)
    assert decided(used, running, **gone) == (Fate.KEPT, "A run of it is under way.")


def test_what_its_deployment_left_behind_goes() -> None:
    alone = DeploymentRow(id="gone", orchestrator="argo-workflows", parts=("CronWorkflow gone",))
    assert decided(alone)[0] is Fate.WOULD_BE_DELETED
    assert decided(alone, removed=True)[0] is Fate.KEPT
    rule = DeploymentRow(id="gone", orchestrator="step-functions", parts=("rule gone",))
    assert decided(rule)[1].startswith("Its state machine is gone")


@pytest.mark.parametrize(
    ("identifier", "include", "exclude", "named"),
    [
        ("recsys.test.x.train", (), (), True),
        ("recsys.test.x.train", ("recsys.test.*",), (), True),
        ("recsys.prod.train", ("recsys.test.*",), (), False),
        ("recsys.prod.train", ("recsys.*",), ("*.prod.*",), False),
        ("recsys.prod.train", (), ("recsys.prod.train",), False),
        ("Train", ("train",), (), False),
        ("train", ("score", "tr?in"), (), True),
    ],
)
def test_patterns_take_whole_identifiers(
    identifier: str, include: tuple[str, ...], exclude: tuple[str, ...], named: bool
) -> None:
    assert is_named(identifier, criteria(include=include, exclude=exclude)) is named


def test_everything_that_stands_is_no_choice() -> None:
    going = replace(row(), fate=Fate.WOULD_BE_DELETED)
    staying = replace(row(), fate=Fate.KEPT)
    alone = replace(going, deployment=None)
    assert takes_everything([going, going], 2)
    assert not takes_everything([going, going], 3)
    assert not takes_everything([going, staying], 2)
    assert takes_everything([going], 1), "the only one that stands is everything too"
    assert not takes_everything([], 0)
    assert not takes_everything([alone, alone], 2), "what was left behind is none of those that stand"


@pytest.mark.parametrize(
    ("seconds", "said"), [(5, "just now"), (60, "1 minute ago"), (7300, "2 hours ago"), (86400 * 2.5, "2 days ago")]
)
def test_times_are_told_as_people_do(seconds: float, said: str) -> None:
    assert ago(NOW - timedelta(seconds=seconds), NOW) == said


@pytest.mark.parametrize(
    ("branch", "asked", "taken"),
    [
        ("prod", "prod", True),
        ("prod.x", "prod", False),
        ("test.x", "x", True),
        ("prod.x", "x", True),
        ("user.mona.lisa", "mona.lisa", True),
        ("test.xy", "x", False),
        (None, "x", False),
        ("test.x", "test.x", True),
    ],
)
def test_a_branch_is_asked_for_by_what_was_given_as_branch(branch: str | None, asked: str, taken: bool) -> None:
    assert DeploymentFilter(project_branch=asked).takes(deployment(project_branch=branch)) is taken


def test_all_filters_have_to_take_it() -> None:
    one = deployment(project="recsys", project_branch="prod", tags=("nightly", "gpu"))
    assert DeploymentFilter().is_open
    assert DeploymentFilter(flow_name="TrainFlow", project="recsys", tags=("gpu",)).takes(one)
    assert not DeploymentFilter(flow_name="ScoreFlow", project="recsys").takes(one)
    assert not DeploymentFilter(tags=("gpu", "weekly")).takes(one)
    assert str(DeploymentFilter(project="recsys", tags=("a", "b"))) == "project recsys, tags a, b"
