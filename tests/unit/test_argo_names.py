"""Which template a Workflow's name tells, long names included, which the API server and this action cut."""

from __future__ import annotations

import pytest

from deployer.orchestrators.argo_workflows.names import ByTemplate, is_named_after
from deployer.orchestrators.argo_workflows.objects import workflow_name_of_key

LONG = "recsys.user.octo-org.flows." + "x" * 43
"""70 characters."""


def generated(template: str) -> str:
    """What the API server makes of `generateName: TEMPLATE-`."""
    return f"{template}-"[:58] + "abcde"


@pytest.mark.parametrize(
    ("workflow", "template", "named"),
    [
        ("train-abcde", "train", True),
        ("train-x-abcde", "train", False),
        ("train-x-abcde", "train-x", True),
        (generated("t" * 57), "t" * 57, True),
        (generated("t" * 58), "t" * 58, None),
        (generated(LONG), LONG, None),
        (generated(LONG), LONG[:-1] + "y", None),
        (generated(LONG), "y" + LONG[1:], False),
        (generated(LONG), LONG[:57], False),
        (workflow_name_of_key("t" * 52, "job"), "t" * 52, True),
        (workflow_name_of_key("t" * 53, "job"), "t" * 53, None),
        (workflow_name_of_key(LONG, "job"), LONG, None),
        (workflow_name_of_key(LONG, "job"), "y" + LONG[1:], False),
    ],
)
def test_a_cut_name_is_never_said_to_be_of_no_template_that_it_may_be_of(
    workflow: str, template: str, named: bool | None
) -> None:
    assert is_named_after(workflow, template) is named


def test_runs_are_found_again_by_their_template() -> None:
    runs: ByTemplate[str] = ByTemplate()
    for name in ("train-abcde", "train-x-abcde", generated(LONG), workflow_name_of_key(LONG, "job")):
        runs.add(name, name)
    runs.add(f"{LONG}-1764000000", "scheduled", LONG)
    assert runs.of("train") == ["train-abcde"]
    assert sorted(runs.of(LONG)) == sorted([generated(LONG), workflow_name_of_key(LONG, "job"), "scheduled"])
    assert runs.of("y" + LONG[1:]) == []
    assert runs.of("nothing") == []
