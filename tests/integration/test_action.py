"""The whole action, process by process, against the sandbox: from the event to what is deployed and reported."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from action_jobs import SHA, Pulls, closed, machine, pushed, run, words

from sandbox.notebook import is_successful
from sandbox.runner import JobEvent, Runner, push
from sandbox.world import World

FAILING = """
from metaflow import FlowSpec, step


class FailingFlow(FlowSpec):
    @step
    def start(self):
        rows = []
        self.first = rows[0]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    FailingFlow()
"""


def test_a_merged_pull_request_is_deployed_run_and_told(
    runner: Runner, workspace: Path, world: World, pulls: Pulls, tmp_path: Path
) -> None:
    number = pulls.merged()
    result = run(runner, workspace, closed(number), deployment_name="MergedHello", trigger="true", wait="completed")
    assert result.exit_code == 0, result.log
    assert result.outputs["status"] == "success"
    assert result.outputs["deployment-id"] == "MergedHello"
    assert result.outputs["run-status"] == "succeeded"
    assert machine(world, "MergedHello") is not None
    (comment,) = pulls.comments(number)
    assert "### ✅ Deployed `HelloFlow` to AWS Step Functions; its run succeeded" in comment
    assert result.outputs["comment-url"].endswith(
        f"/pull/{number}#issuecomment-{world.github.comments(number)[0]['id']}"
    )
    assert "2 steps" in comment
    assert result.summary.startswith("## ✅")
    tags = world.client().list_tags_for_resource(resourceArn=result.deployments[0]["arn"])["tags"]
    stamped = {tag["key"]: tag["value"] for tag in tags}
    assert stamped["metaflow-deploy:commit"] == SHA
    assert stamped["metaflow-deploy:pull_request"] == str(number)
    progress = [line for line in result.log.splitlines() if line.startswith("HelloFlow/sfn-") and ": " in line]
    assert len(progress) == len(set(progress)), "one line a change"
    assert re.findall(r"^::group::(.*)$", result.log, re.MULTILINE) == [
        "check flows/hello.py for step-functions",
        "check the run of HelloFlow on step-functions",
        "deploy HelloFlow on step-functions",
    ], "what Metaflow prints is folded"
    assert is_successful(result.outputs["run-pathspec"], world.environment, tmp_path), "as Metaflow's client reads it"


def test_a_failed_run_fails_the_job_and_shows_the_line(
    runner: Runner, workspace: Path, world: World, pulls: Pulls
) -> None:
    (workspace / "flows" / "failing.py").write_text(FAILING)
    number = pulls.merged()
    result = run(runner, workspace, closed(number), "flows/failing.py", trigger="true", wait="completed")
    assert result.exit_code == 1
    assert (result.outputs["status"], result.outputs["failure-reason"]) == ("failure", "run-failed")
    assert result.outputs["run-status"] == "failed"
    assert result.outputs["deployment-id"] == "FailingFlow", "what was deployed stands"
    (comment,) = pulls.comments(number)
    assert "❌ `FailingFlow` was deployed, but its run failed in step `start`" in comment
    assert "IndexError: list index out of range" in comment
    assert f"[flows/failing.py line 9](https://github.com/octo-org/flows/blob/{SHA}/flows/failing.py#L9)" in comment
    assert "::error title=run-failed,file=flows/failing.py,line=9::" in result.log
    assert ":::failed" in comment


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (closed(1, merged=False), "closed without being merged"),
        (closed(1, base="develop"), "not the default branch"),
        (
            JobEvent(name="push", payload=push(before="1" * 40, after=SHA, ref="refs/tags/v1"), ref="refs/tags/v1"),
            "tag",
        ),
        (JobEvent(name="issue_comment", payload={}), "deploys nothing by itself"),
    ],
)
def test_what_is_not_to_be_deployed_is_skipped_with_a_notice(
    event: JobEvent, why: str, runner: Runner, workspace: Path, world: World
) -> None:
    result = run(runner, workspace, event, deployment_name="NeverDeployed")
    assert result.exit_code == 0
    assert result.outputs["status"] == "skipped"
    assert any(line.startswith("::notice") and why in line for line in result.log.splitlines()), result.log
    assert machine(world, "NeverDeployed") is None


@pytest.mark.parametrize("fail_fast", ["", "true"])
def test_one_wrong_flow_costs_the_others_only_with_fail_fast(
    fail_fast: str, runner: Runner, workspace: Path, world: World, pulls: Pulls
) -> None:
    (workspace / "flows" / "broken.py").write_text("def broken(:\n")
    name = f"Other{fail_fast.title()}Flow"
    (workspace / "flows" / "other.py").write_text(
        (workspace / "flows" / "hello.py").read_text().replace("HelloFlow", name)
    )
    number = pulls.merged()
    result = run(runner, workspace, closed(number), "flows/other.py\nflows/broken.py", fail_fast=fail_fast)
    assert result.exit_code == 1
    assert result.outputs["failure-reason"] == "flow-invalid"
    (comment,) = pulls.comments(number)
    assert (machine(world, name) is None) is bool(fail_fast)
    assert [one["status"] for one in result.deployments] == ["skipped" if fail_fast else "success", "failure"]
    assert ("cannot be deployed and `fail-fast` is true" in comment) is bool(fail_fast)
    assert "::error title=flow-invalid,file=flows/broken.py,line=1::" in result.log


def test_several_flows_are_deployed_in_turn(runner: Runner, workspace: Path, world: World, pulls: Pulls) -> None:
    second = (workspace / "flows" / "hello.py").read_text().replace("HelloFlow", "SecondFlow")
    (workspace / "flows" / "second.py").write_text(second)
    number = pulls.merged()
    result = run(runner, workspace, closed(number), "flows/hello.py\nflows/second.py")
    assert result.exit_code == 0, result.log
    assert [one["deployment_id"] for one in result.deployments] == ["HelloFlow", "SecondFlow"]
    assert "Deployed 2 flows" in pulls.comments(number)[0]


def test_a_redeployment_tells_what_it_replaced(runner: Runner, workspace: Path, pulls: Pulls) -> None:
    number = pulls.merged()
    assert run(runner, workspace, closed(number), deployment_name="Replaced").exit_code == 0
    later = "d" * 40
    assert run(runner, workspace, closed(number, sha=later), deployment_name="Replaced").exit_code == 0
    assert f"| Replaced | [`{SHA[:7]}`](" in pulls.comments(number)[0]


PROJECT = (
    "from metaflow import FlowSpec, project, schedule, step\n\n\n"
    '@project(name="recsys")\n@schedule(daily=True)\nclass DailyFlow(FlowSpec):\n'
    "    @step\n    def start(self):\n        self.next(self.end)\n\n    @step\n    def end(self):\n        pass\n\n\n"
    'if __name__ == "__main__":\n    DailyFlow()\n'
)


def test_a_project_flow_goes_to_production_with_its_schedule(
    runner: Runner, workspace: Path, world: World, pulls: Pulls
) -> None:
    (workspace / "flows" / "daily.py").write_text(PROJECT)
    number = pulls.merged()
    result = run(runner, workspace, closed(number), "flows/daily.py")
    assert result.exit_code == 0, result.log
    (one,) = result.deployments
    assert (one["deployment_id"], one["production"]) == ("recsys.prod.DailyFlow", True)
    assert one["schedule"] == "0 0 * * ? *"
    comment = pulls.comments(number)[0]
    assert "every day at 00:00 UTC" in comment
    assert "branch `prod` · `--production`, since the code is of a deploy branch" in comment


def test_a_project_branch_is_deployed_beside_production(runner: Runner, workspace: Path) -> None:
    (workspace / "flows" / "daily.py").write_text(PROJECT)
    result = run(runner, workspace, pushed(), "flows/daily.py", project_branch="next", comment="off")
    assert [one["deployment_id"] for one in result.deployments] == ["recsys.test.next.DailyFlow"], result.log


def test_another_users_deployment_is_guarded_and_authorize_opens_it(runner: Runner, workspace: Path) -> None:
    inputs = {"deployment_name": "Guarded", "comment": "off"}
    assert run(runner, workspace, pushed(), metaflow_user="somebody.else", **inputs).exit_code == 0
    refused = run(runner, workspace, pushed(), **inputs)
    assert refused.exit_code == 1
    assert refused.outputs["failure-reason"] == "token", refused.log
    assert "`authorize`" in refused.summary
    found = re.search(r"production:(\S+)", refused.log)
    token = found[1] if found else "guarded-0"
    described = run(runner, workspace, pushed(), metaflow_user="somebody.else", **inputs)
    token = str(described.deployments[0]["metaflow_namespace"]).removeprefix("production:") or token
    assert run(runner, workspace, pushed(), authorize=token, **inputs).exit_code == 0


@pytest.mark.parametrize(
    ("inputs", "reason", "named", "told"),
    [
        ({"orchestrator": "kubeflow"}, "input", "orchestrator", "argo-workflows, step-functions"),
        ({"project_branch": "x"}, "input", "project-branch", "no @project"),
        ({"production": "true"}, "input", "production", "no @project"),
        ({"create_options": "no_such_option: 1"}, "input", "create-options", "no_such_option"),
        ({"deployer_options": "no_such_option: 1"}, "input", "deployer-options", "no_such_option"),
        ({"deployment_name": "x" * 90}, "input", "deployment-name", "80"),
        ({"trigger": "true", "parameters": "nosuch: 1"}, "input", "parameters", "no parameter"),
    ],
)
def test_what_metaflow_would_refuse_is_told_by_the_inputs_name(
    inputs: dict[str, str], reason: str, named: str, told: str, runner: Runner, workspace: Path
) -> None:
    result = run(runner, workspace, pushed(), comment="off", **inputs)
    assert result.exit_code == 1
    assert result.outputs["failure-reason"] == reason, result.log
    assert f"::error title=input: {named}".replace(": ", "%3A ") in result.log
    assert told in words(result.summary)


@pytest.mark.parametrize(
    ("variables", "reason", "told"),
    [
        (
            {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_EC2_METADATA_DISABLED": "true"},
            "credentials",
            "OIDC",
        ),
        ({"AWS_DEFAULT_REGION": ""}, "credentials", "AWS_DEFAULT_REGION"),
        ({"AWS_ENDPOINT_URL_SFN": "http://127.0.0.1:9"}, "orchestrator-unreachable", "may reach"),
        ({"METAFLOW_DATASTORE_SYSROOT_S3": "s3://no-such-bucket/x"}, "datastore", "METAFLOW_DATASTORE_SYSROOT_S3"),
        ({"METAFLOW_SFN_IAM_ROLE": ""}, "input", "METAFLOW_SFN_IAM_ROLE"),
        ({"METAFLOW_BATCH_JOB_QUEUE": ""}, "deploy", "METAFLOW_BATCH_JOB_QUEUE"),
    ],
)
def test_an_environment_that_lacks_something_is_told_what(
    variables: dict[str, str], reason: str, told: str, runner: Runner, workspace: Path
) -> None:
    for name, value in variables.items():
        if value:
            runner.environment[name] = value
        else:
            runner.environment.pop(name, None)
    result = run(runner, workspace, pushed(), deployment_name="Lacking", comment="off")
    assert result.exit_code == 1
    assert result.outputs["failure-reason"] == reason, result.log
    assert told in words(result.summary), result.summary
    assert runner.left_over() == []


def test_a_role_that_is_missing_is_named_before_anything_is_written(
    runner: Runner, workspace: Path, world: World
) -> None:
    # Metaflow itself pushes the state machine before it looks for the role, which it wants of every flow
    del runner.environment["METAFLOW_EVENTS_SFN_ACCESS_IAM_ROLE"]
    result = run(runner, workspace, pushed(), deployment_name="Roleless", comment="off")
    assert result.outputs["failure-reason"] == "input", result.log
    assert "METAFLOW_EVENTS_SFN_ACCESS_IAM_ROLE" in words(result.summary)
    assert machine(world, "Roleless") is None


def test_a_half_made_deployment_is_put_back(runner: Runner, workspace: Path, world: World) -> None:
    # EventBridge refuses the rule after the state machine was written
    flow = workspace / "flows" / "daily.py"
    flow.write_text(PROJECT.replace("daily=True", 'cron="\\n0 6 * * ? *"'))
    name = "recsys.test.half.DailyFlow"
    inputs = {"project_branch": "half", "comment": "off"}
    result = run(runner, workspace, pushed(), "flows/daily.py", **inputs)
    assert result.outputs["failure-reason"] == "deploy", result.log
    assert "ScheduleExpression is not valid" in words(result.summary)
    assert "removed again" in result.summary
    assert machine(world, name) is None, "nothing stood before, nothing stands now"

    flow.write_text(PROJECT)
    assert run(runner, workspace, pushed(), "flows/daily.py", **inputs).exit_code == 0
    before = described(world, name)
    flow.write_text(PROJECT.replace("daily=True", 'cron="\\n0 6 * * ? *"'))
    result = run(runner, workspace, pushed(), "flows/daily.py", tags="changed", **inputs)
    assert result.outputs["failure-reason"] == "deploy", result.log
    assert "put back to what stood before" in result.summary
    assert "as before" in result.summary
    assert result.deployments[0]["schedule"] is not None
    assert described(world, name) == before


def described(world: World, name: str) -> tuple[Any, ...]:
    """A state machine and its schedule, as far as a deployment writes them."""
    found = machine(world, name)
    assert found is not None
    arn = found["stateMachineArn"]
    one = world.client().describe_state_machine(stateMachineArn=arn)
    tags = world.client().list_tags_for_resource(resourceArn=arn)["tags"]
    events = world.client("events")
    rule = events.describe_rule(Name=name)
    targets = events.list_targets_by_rule(Rule=name)["Targets"]
    return one["definition"], one["roleArn"], tags, rule["ScheduleExpression"], rule["State"], targets


def test_all_mistakes_in_the_inputs_are_told_at_once_in_the_pull_request(
    runner: Runner, workspace: Path, world: World, pulls: Pulls
) -> None:
    number = pulls.merged()
    result = run(runner, workspace, closed(number), wait_timeout="60", trigger="ja", operation="deply")
    assert result.exit_code == 1
    assert result.outputs["failure-reason"] == "input"
    comment = pulls.comments(number)[0]
    assert "3 inputs need correction" in comment
    assert all(name in comment for name in ("`wait-timeout`", "`trigger`", "`operation`"))
