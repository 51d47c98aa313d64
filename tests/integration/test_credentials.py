"""Authentication at AWS as people have it, through the whole action: a role by GitHub's OIDC token; runs without
secrets. That of clusters is in test_cluster_credentials.py."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deployer.deadline import Cancellation, Deadline
from sandbox.aws.resources import CLAIMS, DEPLOY_ROLE_ARN, REGION, STRICT_ROLE_ARN, SUBJECTS
from sandbox.github.control import ID_TOKEN_PATH, ID_TOKEN_REQUEST_TOKEN
from sandbox.runner import JobEvent, JobResult, Runner, merged_pull_request, push
from sandbox.world import World

SHA = "7a" * 20
PUSH = JobEvent(name="push", payload=push(before="1" * 40, after=SHA), sha=SHA)
IDENTITY = "arn:aws:sts::123456789012:assumed-role/metaflow-deploy/octo-org.flows@"
HELD_FLOW = """
import os
import time

from metaflow import FlowSpec, step

assert "ACTIONS_ID_TOKEN_REQUEST_TOKEN" not in os.environ, "a flow may ask GitHub for tokens"


class HeldFlow(FlowSpec):
    @step
    def start(self):
        while not os.path.exists({release!r}):
            time.sleep(0.1)
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    HeldFlow()
"""


@pytest.fixture
def runner(runner: Runner, world: World) -> Iterator[Runner]:
    """A runner whose job has `permissions: id-token: write`; AWS and GitHub as they were afterwards."""
    runner.environment.update(world.github.id_token_variables, AWS_EC2_METADATA_DISABLED="true")
    runner.environment["METAFLOW_KUBERNETES_CONTAINER_IMAGE"] = "registry.example.com/flows:1"
    yield runner
    world.github.set_id_tokens()
    world.aws.set_credential_lifetime(None)


def run(
    runner: Runner, workspace: Path, event: JobEvent = PUSH, tell: Callable[[str], None] | None = None, **inputs: str
) -> JobResult:
    given = {"flow": "flows/hello.py", "comment": "off", **inputs}
    named = {name.replace("_", "-"): value for name, value in given.items()}
    return runner.run(event, {name: value for name, value in named.items() if value}, workspace=workspace, tell=tell)


def with_role(runner: Runner, workspace: Path, **inputs: Any) -> JobResult:
    role = {"aws_region": REGION, "aws_role_to_assume": DEPLOY_ROLE_ARN}
    return run(runner, workspace, **{"orchestrator": "step-functions", **role, **inputs})


def id_token_requests(world: World) -> list[dict[str, Any]]:
    return [one for one in world.github.requests() if one["path"] == ID_TOKEN_PATH]


def held_run(runner: Runner, workspace: Path, enough: Callable[[], bool], **inputs: Any) -> JobResult:
    """Run a flow whose start step ends once there has been enough."""
    release = workspace / "release"
    (workspace / "flows" / "held.py").write_text(HELD_FLOW.format(release=str(release)))
    stop = threading.Event()

    def watch() -> None:
        deadline, cancellation = Deadline(120), Cancellation()
        while not (stop.is_set() or deadline.passed or enough()):
            cancellation.wait(0.1)
        release.touch()

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        given = {"trigger": "true", "wait": "completed", "poll_interval": "200ms", "wait_timeout": "180s"}
        return with_role(runner, workspace, flow="flows/held.py", **given, **inputs)
    finally:
        stop.set()
        watching.join()


def warnings(result: JobResult) -> list[str]:
    return [line for line in result.log.splitlines() if line.startswith("::warning")]


# a role by GitHub's OIDC token


def test_a_role_is_renewed_for_as_long_as_the_job_waits(runner: Runner, workspace: Path, world: World) -> None:
    # the next credentials are asked for at half of such a life; AWS refuses requests that are signed with expired ones
    world.aws.set_credential_lifetime(20)
    assumed = len(world.aws.assumed())
    result = held_run(runner, workspace, lambda: len(world.aws.assumed()) >= assumed + 4)
    assert result.outputs["run-status"] == "succeeded", result.log
    exchanges = world.aws.assumed()[assumed:]
    assert [one["refused"] for one in exchanges if one["refused"]] == []
    assert len({one["jti"] for one in exchanges}) == len(exchanges), "each time with a new token"
    assert {one["role"] for one in exchanges} == {DEPLOY_ROLE_ARN}
    assert f"AWS: the job acts as {IDENTITY}" in result.log
    assert any("in place of AWS_ACCESS_KEY_ID" in line for line in result.log.splitlines() if "::notice" in line)
    assert warnings(result) == []
    assert runner.left_over() == []


def test_the_processes_of_a_job_share_the_roles_credentials(runner: Runner, workspace: Path, world: World) -> None:
    assumed = len(world.aws.assumed())
    result = with_role(runner, workspace, deployment_name="Shared")
    assert result.exit_code == 0, result.log
    assert len(world.aws.assumed()) == assumed + 1


STS_FLOW = """
import base64

import boto3
from metaflow import FlowSpec, step

keys = boto3.Session().get_credentials().get_frozen_credentials()
for one in (keys.access_key, keys.secret_key, keys.token):
    print("got", one, base64.b64encode(one.encode()).decode(), one[-20:])
raise ValueError(f"cannot use {keys.secret_key} and {keys.token}")


class StsFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    StsFlow()
"""


def test_a_flow_that_prints_the_roles_credentials_shows_none(runner: Runner, workspace: Path, world: World) -> None:
    (workspace / "flows" / "sts.py").write_text(STS_FLOW)
    result = with_role(runner, workspace, flow="flows/sts.py")
    assert result.outputs["failure-reason"] == "flow-import", result.log
    masks = [line.removeprefix("::add-mask::") for line in result.log.splitlines() if line.startswith("::add-mask::")]
    log = "\n".join(line for line in result.log.splitlines() if not line.startswith("::add-mask::"))
    (key,) = [one for one in masks if one.startswith("ASIA")]
    secret, token = masks[masks.index(key) + 1 : masks.index(key) + 3]
    assert len(secret) == 40
    assert len(token) > 100
    assert log.count("got ***") == 3
    for one in (key, secret, token):
        written = (log, result.summary, str(result.outputs))
        # the first characters of a session token are the same in all of them
        pieces = [one[at : at + 8] for at in range(20 if one == token else 0, len(one) - 7)]
        assert [piece for piece in pieces if any(piece in text for text in written)] == [], log


def test_no_token_is_printed(runner: Runner, workspace: Path, world: World) -> None:
    result = with_role(runner, workspace, deployment_name="Silent")
    assert result.exit_code == 0, result.log
    tokens = [line for line in result.log.splitlines() if "eyJ" in line]
    assert tokens, "each token is masked"
    assert all(line.startswith("::add-mask::") for line in tokens)
    assert f"::add-mask::{ID_TOKEN_REQUEST_TOKEN}" in tokens


def test_the_token_endpoint_may_be_down_for_a_while(runner: Runner, workspace: Path, world: World) -> None:
    world.aws.set_credential_lifetime(20)
    asked = len(id_token_requests(world))

    def break_it(line: str) -> None:
        if line.startswith("AWS: the job acts as"):
            world.github.fail_next("GET", ID_TOKEN_PATH, status=503, times=1)

    def enough() -> bool:
        return [one["status"] for one in id_token_requests(world)[asked:]].count(200) >= 3

    result = held_run(runner, workspace, enough, tell=break_it)
    assert result.outputs["run-status"] == "succeeded", result.log
    (warning,) = warnings(result)
    assert "could not be renewed" in warning
    assert "503" in warning
    assert "The role's credentials are renewed again." in result.log


def test_a_job_without_the_permission_is_told_what_to_write(runner: Runner, workspace: Path, world: World) -> None:
    for name in world.github.id_token_variables:
        del runner.environment[name]
    result = with_role(runner, workspace)
    assert result.outputs["failure-reason"] == "credentials", result.log
    assert "`permissions: id-token: write`" in result.summary
    assert "aws-role-to-assume" in result.log


def test_a_request_token_that_github_refuses_is_told(runner: Runner, workspace: Path) -> None:
    runner.environment["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] = "of-another-job"
    result = with_role(runner, workspace)
    assert result.outputs["failure-reason"] == "credentials", result.log
    assert "GitHub refused the job an OIDC token (status 401)" in result.summary


def test_a_role_that_does_not_trust_the_repository_is_told_with_awss_words(
    runner: Runner, workspace: Path, world: World
) -> None:
    world.github.set_id_tokens(subject="repo:octo-org/other:environment:production")
    result = with_role(runner, workspace)
    assert result.outputs["failure-reason"] == "credentials", result.log
    assert "AWS does not let this job assume the role" in result.summary
    assert "trust policy" in result.summary
    assert "Not authorized to perform sts:AssumeRoleWithWebIdentity" in result.summary


def test_a_refused_role_shows_whom_the_token_names_and_never_the_token(
    runner: Runner, workspace: Path, world: World
) -> None:
    subject = "repo:octo-org@583231/flows@99:environment:production"
    world.github.set_id_tokens(subject=subject, claims={"workflow": "Deploy\n::error::forged"})
    result = with_role(runner, workspace)
    assert result.outputs["failure-reason"] == "credentials", result.log
    said = f"sub: {subject}, aud: sts.amazonaws.com, iss: https://token.actions.githubusercontent.com"
    assert f"OIDC: GitHub's token says {said}" in result.log.splitlines()
    assert f"sub: {subject}\naud: sts.amazonaws.com\niss: https://token.actions" in result.summary
    assert "ref: refs/heads/main" in result.summary
    assert not [line for line in result.log.splitlines() if line.startswith("::error::forged")]
    shown = [line for line in result.log.splitlines() if not line.startswith("::add-mask::")]
    assert "eyJ" not in "\n".join([*shown, result.summary, json.dumps(result.outputs)])


@pytest.mark.parametrize("subject", SUBJECTS)
def test_both_forms_of_the_subject_assume_the_documented_role(
    runner: Runner, workspace: Path, world: World, subject: str
) -> None:
    world.github.set_id_tokens(subject=subject)
    result = with_role(runner, workspace, operation="doctor", flow="")
    assert f"AWS: the job acts as {IDENTITY}" in result.log, result.log


@pytest.mark.parametrize(
    ("claims", "assumed"),
    [
        (CLAIMS, True),
        ({**CLAIMS, "ref": "refs/heads/feature"}, False),
        ({**CLAIMS, "job_workflow_ref": "octo-org/flows/.github/workflows/own.yml@refs/heads/main"}, False),
    ],
    ids=["the pipeline", "another branch", "another workflow"],
)
def test_a_stricter_trust_policy_takes_one_branch_and_one_workflow(
    runner: Runner, workspace: Path, world: World, claims: dict[str, str], assumed: bool
) -> None:
    world.github.set_id_tokens(claims=claims)
    result = with_role(runner, workspace, operation="doctor", flow="", aws_role_to_assume=STRICT_ROLE_ARN)
    assert ("AWS: the job acts as" in result.log) is assumed, result.log
    assert (f"job_workflow_ref: {claims['job_workflow_ref']}" in result.log) is not assumed
    assert [one["refused"] for one in world.aws.assumed()][-1] == (None if assumed else "AccessDenied")


def test_a_prefix_names_what_the_documented_policy_allows(runner: Runner, workspace: Path) -> None:
    runner.environment["METAFLOW_SFN_STATE_MACHINE_PREFIX"] = "metaflow"
    for _ in range(2):  # created, and updated
        result = with_role(runner, workspace)
        assert result.exit_code == 0, result.log
        assert result.outputs["deployment-id"] == "metaflow_HelloFlow"
    listed = with_role(runner, workspace, flow="", operation="list")
    assert "metaflow_HelloFlow" in {one["deployment_id"] for one in json.loads(listed.outputs["deployments"])}
    deleted = with_role(runner, workspace, flow="", operation="delete", deployment_id="metaflow_HelloFlow")
    assert deleted.exit_code == 0, deleted.log


def test_nothing_is_asked_of_github_without_a_role(runner: Runner, workspace: Path, world: World) -> None:
    asked = len(id_token_requests(world))
    assert run(runner, workspace, orchestrator="step-functions", deployment_name="Keys").exit_code == 0
    assert len(id_token_requests(world)) == asked


# runs without secrets


def of_a_fork(number: int) -> JobEvent:
    payload = merged_pull_request(number, "A change", sha=SHA, head="mona/flows")
    return JobEvent(name="pull_request", payload=payload, sha=SHA, ref=f"refs/pull/{number}/merge")


DEPENDABOT = JobEvent(name="push", payload=push(before="1" * 40, after=SHA), sha=SHA, actor="dependabot[bot]")


@pytest.mark.parametrize(
    ("event", "cause", "todo"),
    [(of_a_fork(901), "comes from a fork", "`push`"), (DEPENDABOT, "Dependabot is the actor", "Dependabot")],
    ids=["fork", "Dependabot"],
)
@pytest.mark.parametrize("lacking", ["kubeconfig", "AWS keys", "OIDC token"])
def test_a_run_without_secrets_says_so_as_the_cause(
    lacking: str, event: JobEvent, cause: str, todo: str, runner: Runner, workspace: Path, world: World
) -> None:
    for name in [*world.github.id_token_variables, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]:
        del runner.environment[name]
    inputs = {"orchestrator": "step-functions"}
    if lacking == "kubeconfig":
        inputs = {"orchestrator": "argo-workflows"}
    elif lacking == "OIDC token":
        inputs |= {"aws_role_to_assume": DEPLOY_ROLE_ARN}
    result = run(runner, workspace, event, **inputs)
    assert result.outputs["failure-reason"] == "credentials", result.log
    (error,) = [line for line in result.log.splitlines() if line.startswith("::error")]
    assert cause in error
    assert todo in error
    assert warnings(result) == [], "told once"


def test_a_fork_with_all_that_it_needs_is_only_warned(runner: Runner, workspace: Path) -> None:
    result = run(runner, workspace, of_a_fork(902), orchestrator="step-functions", deployment_name="Fork")
    assert result.exit_code == 0, result.log
    assert any("comes from a fork" in line for line in warnings(result))
