"""The comment in the pull request, as jobs write it one after another."""

from __future__ import annotations

from pathlib import Path

from action_jobs import Pulls, closed, pushed, run

from sandbox.runner import Runner
from sandbox.world import World


def test_a_push_tells_every_pull_request_that_it_brought(
    runner: Runner, workspace: Path, world: World, pulls: Pulls
) -> None:
    first, second = "a" * 40, "b" * 40
    numbers = pulls.merged(sha=first), pulls.merged(sha=second)
    result = run(runner, workspace, pushed(second, (first,)), deployment_name="Pushed")
    assert result.exit_code == 0, result.log
    assert [len(pulls.comments(number)) for number in numbers] == [1, 1]


def test_a_push_without_a_pull_request_is_deployed_without_a_comment(runner: Runner, workspace: Path) -> None:
    result = run(runner, workspace, pushed("c" * 40), deployment_name="Alone")
    assert result.exit_code == 0, result.log
    assert result.outputs["comment-url"] == ""
    assert "::warning" not in result.log


def test_the_comment_is_updated_in_place_and_anew_when_it_turns(
    runner: Runner, workspace: Path, world: World, pulls: Pulls
) -> None:
    number = pulls.merged()
    mails = len(world.github.mails())
    for _ in range(2):
        assert run(runner, workspace, closed(number), deployment_name="Turning").exit_code == 0
    assert len(pulls.comments(number)) == 1
    assert len(world.github.mails()) == mails + 1, "an edit sends no mail"
    assert run(runner, workspace, closed(number), "flows/nosuch.py").exit_code == 1
    old, new = pulls.comments(number)
    assert "<details>" in old
    assert "Superseded" in old
    assert "❌" in new
    assert len(world.github.mails()) == mails + 2


def test_two_jobs_do_not_overwrite_each_others_comments(runner: Runner, workspace: Path, pulls: Pulls) -> None:
    number = pulls.merged()
    inputs = {"flow": "flows/hello.py", "orchestrator": "step-functions", "deployment-name": "TwoJobs"}
    for job in ("staging", "production", "staging"):
        assert runner.run(closed(number), inputs, workspace=workspace, job=job).exit_code == 0
    assert len(pulls.comments(number)) == 2


def test_a_token_that_may_not_comment_costs_the_comment_only(
    runner: Runner, workspace: Path, world: World, pulls: Pulls
) -> None:
    number = pulls.merged()
    body = {"message": "Resource not accessible by integration", "status": "403"}
    world.github.fail_next("POST", rf"/issues/{number}/comments", status=403, body=body)
    result = run(runner, workspace, closed(number), deployment_name="Uncommented")
    assert result.exit_code == 0
    assert result.outputs["status"] == "success"
    assert any(line.startswith("::warning") and "pull-requests: write" in line for line in result.log.splitlines()), (
        result.log
    )


def test_an_answer_that_was_lost_makes_no_second_comment(
    runner: Runner, workspace: Path, world: World, pulls: Pulls
) -> None:
    number = pulls.merged()
    world.github.fail_next("POST", rf"/issues/{number}/comments", drop=True, carried_out=True)
    assert run(runner, workspace, closed(number), deployment_name="LostAnswer").exit_code == 0
    assert len(pulls.comments(number)) == 1
