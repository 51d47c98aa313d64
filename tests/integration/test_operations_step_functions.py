"""Operations on what is deployed already, on Step Functions: through the whole action, on AWS that executes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest

from sandbox.runner import JobEvent, JobResult, Runner, merged_pull_request, of_head
from sandbox.world import World

SHA = "d" * 40
BY_HAND = JobEvent(
    name="workflow_dispatch",
    payload={"repository": {"full_name": "octo-org/flows", "default_branch": "main"}},
    sha=SHA,
)
SLOW = (
    "import time\n\nfrom metaflow import FlowSpec, step\n\n\nclass SlowFlow(FlowSpec):\n    @step\n"
    "    def start(self):\n        time.sleep(120)\n        self.next(self.end)\n\n    @step\n    def end(self):\n"
    "        pass\n\n\nif __name__ == '__main__':\n    SlowFlow()\n"
)
DAILY = (
    "from metaflow import FlowSpec, project, schedule, step\n\n\n@project(name='recsys')\n"
    "@schedule(cron='0 6 * * ? *')\nclass DailyFlow(FlowSpec):\n    @step\n    def start(self):\n"
    "        self.next(self.end)\n\n    @step\n    def end(self):\n        pass\n\n\n"
    "if __name__ == '__main__':\n    DailyFlow()\n"
)


def act(runner: Runner, workspace: Path, operation: str, event: JobEvent = BY_HAND, **inputs: str) -> JobResult:
    given = {"operation": operation, "orchestrator": "step-functions", **inputs}
    named = {name.replace("_", "-"): value for name, value in given.items()}
    return runner.run(of_head(event, workspace), named, workspace=workspace)


def deployed(runner: Runner, workspace: Path, name: str, flow: str = "flows/hello.py", **inputs: str) -> None:
    result = act(runner, workspace, "deploy", flow=flow, deployment_name=name, comment="off", **inputs)
    assert result.exit_code == 0, result.log


def client(world: World, service: Any = "stepfunctions") -> Any:
    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x", "region_name": "us-east-1"}
    return boto3.client(service, endpoint_url=world.aws_url, **keys)


def machines(world: World) -> set[str]:
    return {str(one["name"]) for one in client(world).list_state_machines()["stateMachines"]}


def fates(result: JobResult) -> dict[str, str]:
    return {one["deployment_id"]: one["fate"] for one in result.deployments}


def by_command(runner: Runner, workspace: Path, name: str) -> None:
    """Deployed beside the action, by the same user: nothing is stamped."""
    subprocess.run(
        [sys.executable, "flows/hello.py", "step-functions", "--name", name, "create"],
        cwd=workspace,
        env={**os.environ, **runner.environment, "METAFLOW_USER": "octo-org.flows", "METAFLOW_HOME": str(workspace)},
        check=True,
        capture_output=True,
    )


def test_what_stands_is_listed_looked_at_run_and_terminated(runner: Runner, workspace: Path, world: World) -> None:
    (workspace / "flows" / "slow.py").write_text(SLOW)
    deployed(runner, workspace, "OperatedSlow", flow="flows/slow.py", tags="nightly")
    listed = act(runner, workspace, "list", flow_name="SlowFlow")
    assert listed.exit_code == 0, listed.log
    (one,) = listed.deployments
    assert (one["deployment_id"], one["owner"], one["run_id"]) == ("OperatedSlow", "octo-org.flows", None)
    assert "nightly" in one["tags"]
    assert (one["flow"], one["repository"]) == ("flows/slow.py", "octo-org/flows")
    triggered = act(runner, workspace, "trigger", deployment_id="OperatedSlow", wait="started", poll_interval="300ms")
    assert triggered.exit_code == 0, triggered.log
    run_id = triggered.outputs["run-id"]
    status = act(runner, workspace, "status", deployment_id="OperatedSlow")
    assert (status.outputs["run-id"], status.outputs["run-status"]) == (run_id, "running")
    assert "is running" in status.summary
    dry = act(runner, workspace, "cleanup", older_than="1ms", include="OperatedSlow")
    assert fates(dry) == {"OperatedSlow": "kept"}
    assert dry.deployments[0]["why"] == "A run of it is under way."
    given = {"deployment_id": "OperatedSlow", "run_id": triggered.outputs["run-pathspec"]}
    ended = act(runner, workspace, "terminate", **given)
    assert fates(ended) == {"OperatedSlow": "terminated"}, ended.log
    assert ended.outputs["run-status"] == "terminated"
    again = act(runner, workspace, "terminate", **given)
    assert again.exit_code == 0
    assert fates(again) == {"OperatedSlow": "unchanged"}
    assert "It has ended already (terminated)" in again.summary
    refused = act(runner, workspace, "suspend", **given)
    assert refused.outputs["failure-reason"] == "input"
    assert "AWS Step Functions cannot suspend" in refused.log


def test_a_run_of_another_deployment_is_left_alone(runner: Runner, workspace: Path, world: World) -> None:
    (workspace / "flows" / "slow.py").write_text(SLOW)
    deployed(runner, workspace, "OperatedOne", flow="flows/slow.py")
    deployed(runner, workspace, "OperatedTwo", flow="flows/slow.py")
    run = act(runner, workspace, "trigger", deployment_id="OperatedOne", wait="none").outputs["run-id"]
    result = act(runner, workspace, "terminate", deployment_id="OperatedTwo", run_id=run)
    assert result.outputs["failure-reason"] == "input", result.log
    assert f"`{run}` is no run of `OperatedTwo` (SlowFlow)" in result.log
    other = act(runner, workspace, "terminate", deployment_id="OperatedOne", run_id=f"HelloFlow/{run}")
    assert f"`HelloFlow/{run}` is no run of `OperatedOne` (SlowFlow)" in other.log
    arn = next(
        m["stateMachineArn"] for m in client(world).list_state_machines()["stateMachines"] if m["name"] == "OperatedOne"
    )
    assert client(world).list_executions(stateMachineArn=arn, statusFilter="RUNNING")["executions"]
    assert act(runner, workspace, "terminate", deployment_id="OperatedOne", run_id=run).exit_code == 0


def test_the_nearest_identifiers_are_named(runner: Runner, workspace: Path) -> None:
    deployed(runner, workspace, "OperatedNear")
    for operation in ("status", "delete", "production-token", "trigger"):
        result = act(runner, workspace, operation, deployment_id="operated-near")
        assert result.outputs["failure-reason"] == "input", result.log
        assert "`OperatedNear`" in result.log, operation


def test_what_metaflow_did_not_make_is_left_alone(runner: Runner, workspace: Path, world: World) -> None:
    nothing = '{"StartAt": "a", "States": {"a": {"Type": "Pass", "End": true}}}'
    role = "arn:aws:iam::123456789012:role/somebody"
    client(world).create_state_machine(name="OperatedForeign-1", definition=nothing, roleArn=role)
    for operation in ("status", "delete"):
        result = act(runner, workspace, operation, deployment_id="OperatedForeign-1")
        assert result.exit_code == 1
        assert "Metaflow did not make it" in result.log, operation
    assert "OperatedForeign-1" in machines(world)
    result = act(runner, workspace, "cleanup", older_than="1ms", include="OperatedForeign-*", dry_run="false")
    assert (result.exit_code, result.deployments) == (0, [])
    assert "OperatedForeign-1" in machines(world)


def test_filters_take_what_they_name_and_nothing_else(runner: Runner, workspace: Path, world: World) -> None:
    (workspace / "flows" / "daily.py").write_text(DAILY)
    deployed(runner, workspace, "OperatedFilterA", tags="filtered\nfirst")
    deployed(runner, workspace, "OperatedFilterB", tags="filtered")
    daily = act(
        runner, workspace, "deploy", flow="flows/daily.py", project_branch="filter", tags="filtered", comment="off"
    )
    assert daily.exit_code == 0, daily.log
    hello, project = {"OperatedFilterA", "OperatedFilterB"}, {"recsys.test.filter.DailyFlow"}
    old = {"older_than": "1ms", "exclude": "OperatedFilterB"}
    assert set(fates(act(runner, workspace, "list", tags="filtered"))) == hello | project
    assert set(fates(act(runner, workspace, "list", tags="filtered\nfirst"))) == {"OperatedFilterA"}
    assert set(fates(act(runner, workspace, "list", project_branch="filter"))) == project
    for given, taken in (
        ({"flow_name": "HelloFlow", "tags": "filtered"}, {"OperatedFilterA"}),
        ({"project": "recsys", "tags": "filtered"}, project),
        ({"project_branch": "filter"}, project),
        ({"tags": "filtered"}, {"OperatedFilterA"} | project),
    ):
        dry = act(runner, workspace, "cleanup", **old, **given)
        assert fates(dry) == dict.fromkeys(taken, "would be deleted"), given
    going = {"older_than": "1ms", "tags": "filtered", "include": "OperatedFilter*\n*.filter.*", "dry_run": "false"}
    many = act(runner, workspace, "cleanup", max_deletions="2", **going)
    assert many.outputs["failure-reason"] == "input"
    assert "3 deployments would be deleted, and `max-deletions` is 2" in many.log
    assert set(fates(many).values()) == {"not tried"}
    assert hello | project <= machines(world)
    real = act(runner, workspace, "cleanup", max_deletions="3", **going)
    assert fates(real) == dict.fromkeys(hello | project, "deleted"), real.log
    assert not (hello | project) & machines(world)


def test_a_deployment_goes_with_its_rule_and_a_rule_alone_goes_too(
    runner: Runner, workspace: Path, world: World
) -> None:
    (workspace / "flows" / "daily.py").write_text(DAILY)
    for branch in ("gone", "going"):
        result = act(runner, workspace, "deploy", flow="flows/daily.py", project_branch=branch, comment="off")
        assert result.exit_code == 0, result.log
    names = [f"recsys.test.{branch}.DailyFlow" for branch in ("gone", "going")]
    listed = act(runner, workspace, "list", project="recsys", project_branch="going")
    assert [one["deployment_id"] for one in listed.deployments] == [names[1]]
    assert listed.deployments[0]["schedule"] == "0 6 * * ? *"
    arn = listed.deployments[0]["arn"].replace("going", "gone")
    client(world).delete_state_machine(stateMachineArn=arn)  # by somebody who forgot the rule
    include = "\n".join(names)
    result = act(runner, workspace, "cleanup", older_than="1ms", include=include, dry_run="false")
    assert result.exit_code == 0, result.log
    assert fates(result) == dict.fromkeys(names, "deleted")
    rules = {rule["Name"] for rule in client(world, "events").list_rules()["Rules"]}
    assert not rules & set(names)
    assert not machines(world) & set(names)


def test_what_was_deployed_beside_the_action_is_not_taken_for_old(
    runner: Runner, workspace: Path, world: World
) -> None:
    deployed(runner, workspace, "OperatedStamped")
    given = {"older_than": "1ms", "include": "OperatedStamped"}
    assert fates(act(runner, workspace, "cleanup", **given)) == {"OperatedStamped": "would be deleted"}
    (workspace / "flows" / "hello.py").write_text((workspace / "flows" / "hello.py").read_text() + "\n# changed\n")
    by_command(runner, workspace, "OperatedStamped")
    dry = act(runner, workspace, "cleanup", **given)
    assert fates(dry) == {"OperatedStamped": "kept"}
    assert "When it was deployed last is not known" in dry.deployments[0]["why"]
    run = act(runner, workspace, "trigger", deployment_id="OperatedStamped", wait="completed", poll_interval="300ms")
    assert run.exit_code == 0, run.log
    known = act(runner, workspace, "cleanup", **given)
    assert fates(known) == {"OperatedStamped": "would be deleted"}, "its last run had the revision that stands"


def test_step_functions_forgets_runs_after_ninety_days(runner: Runner, workspace: Path) -> None:
    result = act(runner, workspace, "cleanup", older_than="180d")
    assert result.outputs["failure-reason"] == "input"
    assert "remembers runs for 90 days, and `older-than` is 180 days" in result.log
    assert "Write `90d` or less" in result.log


@pytest.fixture
def checkout(workspace: Path) -> Path:
    """The workspace as a checkout of octo-org/flows."""
    if shutil.which("git") is None:
        pytest.skip("there is no git on this machine")
    identity = ["-c", "user.name=Mona", "-c", "user.email=mona@example.com"]
    for arguments in (
        ["init", "--quiet", "--initial-branch", "main"],
        ["remote", "add", "origin", "https://github.com/octo-org/flows"],
        ["add", "."],
        ["commit", "--quiet", "--message", "Flows"],
    ):
        subprocess.run(["git", *identity, *arguments], cwd=workspace, check=True)
    return workspace


def test_what_the_repository_lost_is_taken_whatever_its_age(runner: Runner, checkout: Path, world: World) -> None:
    shutil.copy(checkout / "flows" / "hello.py", checkout / "flows" / "doomed.py")
    deployed(runner, checkout, "OperatedKept")
    deployed(runner, checkout, "OperatedDoomed", flow="flows/doomed.py")
    by_command(runner, checkout, "OperatedForeign")
    (checkout / "flows" / "doomed.py").unlink()
    given = {"removed": "true", "include": "Operated*"}
    dry = act(runner, checkout, "cleanup", **given)
    assert dry.exit_code == 0, dry.log
    went = {one["deployment_id"]: one for one in dry.deployments}
    assert went["OperatedDoomed"]["fate"] == "would be deleted"
    assert (
        went["OperatedDoomed"]["why"] == "`flows/doomed.py`, which it was deployed from, is gone from the repository."
    )
    assert went["OperatedKept"]["why"] == "`flows/hello.py` is in the repository."
    assert went["OperatedForeign"]["why"] == "It does not say which repository it came from."
    subprocess.run(["git", "sparse-checkout", "set", "docs"], cwd=checkout, check=True, capture_output=True)
    refused = act(runner, checkout, "cleanup", dry_run="false", **given)
    assert refused.outputs["failure-reason"] == "input"
    assert "it is a sparse one" in refused.log
    assert {"OperatedDoomed", "OperatedKept"} <= machines(world)
    subprocess.run(["git", "sparse-checkout", "disable"], cwd=checkout, check=True, capture_output=True)
    (checkout / "flows" / "doomed.py").unlink(missing_ok=True)
    subprocess.run(["git", "checkout", "--quiet", "-b", "older"], cwd=checkout, check=True)
    older = act(runner, checkout, "cleanup", dry_run="false", **given)
    assert (older.outputs["failure-reason"], older.deployments) == ("input", [])
    assert "it is of the branch `older`, and the default branch is `main`" in older.log
    subprocess.run(["git", "checkout", "--quiet", "main"], cwd=checkout, check=True)
    (checkout / "flows" / "doomed.py").unlink(missing_ok=True)
    real = act(runner, checkout, "cleanup", dry_run="false", **given)
    assert fates(real)["OperatedDoomed"] == "deleted", real.log
    assert "OperatedDoomed" not in machines(world)
    assert {"OperatedKept", "OperatedForeign"} <= machines(world)


def test_a_checkout_that_is_none_tells_nothing(runner: Runner, workspace: Path) -> None:
    result = act(runner, workspace, "cleanup", removed="true", dry_run="false")
    assert result.outputs["failure-reason"] == "input"
    assert "the workspace holds no checkout of a repository" in result.log


def test_a_pull_request_is_told_what_changed_and_nothing_else(runner: Runner, workspace: Path, world: World) -> None:
    number = 7700
    world.github.add_pull_request(number=number, title="Close", merged=True, merge_commit_sha=SHA)
    closed = JobEvent(name="pull_request", payload=merged_pull_request(number, "Close", sha=SHA), sha=SHA)
    deployed(runner, workspace, "OperatedTold")
    given = {"older_than": "1ms", "include": "OperatedTold"}
    act(runner, workspace, "list", closed, flow_name="HelloFlow")
    act(runner, workspace, "status", closed, deployment_id="OperatedTold")
    act(runner, workspace, "delete", closed, deployment_id="OperatedTol")
    act(runner, workspace, "cleanup", closed, **given)
    assert world.github.comments(number) == []
    real = act(runner, workspace, "cleanup", closed, dry_run="false", **given)
    assert fates(real) == {"OperatedTold": "deleted"}, real.log
    (comment,) = world.github.comments(number)
    assert "### ✅ Deleted 1 deployment on AWS Step Functions (us-east-1)" in comment["body"]
    assert "`OperatedTold`" in comment["body"]


def test_the_production_token_is_its_owners(runner: Runner, workspace: Path) -> None:
    deployed(runner, workspace, "OperatedToken")
    mine = act(runner, workspace, "production-token", deployment_id="OperatedToken")
    token = mine.outputs["production-token"]
    assert token.startswith("operatedtoken-")
    assert f"::add-mask::{token}" not in mine.log, "the runner would drop the output"
    theirs = act(runner, workspace, "production-token", deployment_id="OperatedToken", metaflow_user="somebody")
    assert (theirs.outputs["failure-reason"], theirs.outputs["production-token"]) == ("token", "")
    refused = act(runner, workspace, "delete", deployment_id="OperatedToken", metaflow_user="somebody")
    assert refused.outputs["failure-reason"] == "token"
    given = {"deployment_id": "OperatedToken", "metaflow_user": "somebody", "authorize": token}
    theirs_too = {"older_than": "1ms", "include": "OperatedToken", "metaflow_user": "somebody"}
    assert fates(act(runner, workspace, "cleanup", **theirs_too)) == {"OperatedToken": "kept"}
    going = act(runner, workspace, "cleanup", authorize=token, **theirs_too)
    assert fates(going) == {"OperatedToken": "would be deleted"}
    assert fates(act(runner, workspace, "delete", **given)) == {"OperatedToken": "deleted"}
