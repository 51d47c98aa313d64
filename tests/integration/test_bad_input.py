"""Inputs that would hang the action, end it in a traceback, or read what is not the checkout's."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest

from sandbox.notebook import ask
from sandbox.runner import JobEvent, JobResult, Runner, push
from sandbox.world import World

SHA = "6" * 40
PUSH = JobEvent(name="push", payload=push(before="1" * 40, after=SHA), sha=SHA)
BOMB = "\n".join(
    ["a0: &a0 [x,x,x,x,x,x,x,x,x]", *(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12))]
)


def deploy(runner: Runner, workspace: Path, event: JobEvent = PUSH, **inputs: str) -> JobResult:
    given = {"flow": "flows/hello.py", "orchestrator": "step-functions", "comment": "off", **inputs}
    return runner.run(event, {name.replace("_", "-"): value for name, value in given.items()}, workspace=workspace)


def assert_refused(result: JobResult, *words: str) -> None:
    assert (result.exit_code, result.outputs["failure-reason"]) == (1, "input"), result.log
    assert "Traceback" not in result.log
    assert "Traceback" not in result.summary
    for word in words:
        assert word in result.summary.replace("\\", ""), result.summary


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("parameters", BOMB, "once its aliases"),
        ("config", BOMB, "once its aliases"),
        ("create_options", "a: !!bool maybe", "is no `!!bool`"),
        ("deployer_options", "a: !!timestamp x", "`!!timestamp`"),
        ("parameters", 'a: !!int ""', "is no `!!int`"),
        ("parameters", '{"a": "\\ud83d"}', "half of a surrogate pair"),
        ("kubeconfig", BOMB, "once its aliases"),
        ("kubeconfig", base64.b64encode(BOMB.encode()).decode(), "once its aliases"),
        ("kubeconfig", "a: !!python/object/apply:os.abort []", "`!!python/object/apply:os.abort`"),
        ("metaflow_config", '{"a":' * 20_000, "nested more than"),
        ("metaflow_config", BOMB, "no JSON"),
    ],
)
def test_a_bad_mapping_is_an_input_error(name: str, value: str, told: str, runner: Runner, workspace: Path) -> None:
    result = deploy(runner, workspace, trigger="true", **{name: value})
    assert_refused(result, f"`{name.replace('_', '-')}`", told)


GREETING = """
from metaflow import FlowSpec, Parameter, step


class GreetingFlow(FlowSpec):
    greeted = Parameter("greeted", default="nobody")

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    GreetingFlow()
"""


def test_json_is_read_as_json(runner: Runner, workspace: Path) -> None:
    (workspace / "greeting.py").write_text(GREETING)
    text = '{\n\t"greeted":\t"\\ud83d\\ude00 and \\u00e9"\n}'
    result = deploy(runner, workspace, flow="greeting.py", trigger="true", wait="none", parameters=text)
    assert result.exit_code == 0, result.log
    assert "😀 and é" in result.summary


def test_an_event_may_hold_anything(runner: Runner, workspace: Path) -> None:
    payload = push(before="1" * 40, after=SHA)
    payload["head_commit"]["timestamp"] = "\ud83d"
    payload["deep"] = {"commits": ["\ud800"] * 10}
    result = deploy(runner, workspace, JobEvent(name="push", payload=payload, sha=SHA))
    assert result.exit_code == 0, result.log


@pytest.mark.parametrize("operation", ["deploy", "doctor"])
@pytest.mark.parametrize("where", ["-c /proc/self/environ", "-r link.txt", "all.txt"])
def test_nothing_outside_of_the_checkout_is_printed(
    where: str, operation: str, runner: Runner, workspace: Path, tmp_path: Path
) -> None:
    (tmp_path / "secret.txt").write_text("the-neighbours-words ===\n")
    (workspace / "link.txt").symlink_to(tmp_path / "secret.txt")
    (workspace / "all.txt").write_text("-r more.txt\n")
    (workspace / "more.txt").write_text("--constraint=../secret.txt\n")
    result = deploy(runner, workspace, operation=operation, requirements=where)
    assert result.exit_code == 1
    assert "leads out of the checkout" in result.log
    assert "neighbours" not in result.log + result.summary
    assert "AWS_ACCESS_KEY_ID=" not in result.log + result.summary


def test_a_configs_file_is_the_checkouts(runner: Runner, workspace: Path) -> None:
    (workspace / "link.json").symlink_to("/proc/self/environ")
    for path in ("/proc/self/environ", "../runner/job-1/event.json", "link.json"):
        assert_refused(deploy(runner, workspace, config=f"settings: {path}"), "`config`", "leads out of the checkout")


def test_an_include_files_path_is_the_checkouts(runner: Runner, workspace: Path) -> None:
    text = GREETING.replace('Parameter("greeted", default="nobody")', 'IncludeFile("data")')
    (workspace / "greeting.py").write_text(text.replace("import FlowSpec, Parameter", "import FlowSpec, IncludeFile"))
    (workspace / "link.txt").symlink_to("/proc/self/environ")
    for path in ("/proc/self/environ", "../runner/job-1/event.json", "link.txt"):
        result = deploy(runner, workspace, flow="greeting.py", trigger="true", parameters=f"data: {path}")
        assert_refused(result, "`data`", "leads out of it")
        assert "state machine" not in result.log.lower(), "nothing is deployed"


def test_a_flow_file_has_a_size(runner: Runner, workspace: Path) -> None:
    (workspace / "large.py").write_text(f"data = {'x' * 3_000_000!r}\n")
    result = deploy(runner, workspace, flow="large.py")
    assert result.outputs["failure-reason"] == "flow-invalid", result.log
    assert "3 MB, and a flow file has at most 2" in result.summary.replace("\\", "")


def test_an_endless_line_is_cut(runner: Runner, workspace: Path) -> None:
    text = (workspace / "flows" / "hello.py").read_text()
    printing = "import sys\nsys.stdout.write('x' * 50_000_000)\nsys.stdout.write('\\nand on\\n')\n"
    (workspace / "flows" / "hello.py").write_text(printing + text)
    result = deploy(runner, workspace)
    assert result.exit_code == 0, result.log[-5000:]
    assert re.search(r"^x{1000,} …", result.log, re.MULTILINE)
    assert "\nand on\n" in result.log
    assert len(result.log) < 1_000_000


@pytest.mark.parametrize("tag", ["pr:$(id)", "it's"])
@pytest.mark.parametrize("orchestrator", ["step-functions", "argo-workflows", "airflow"])
def test_a_tag_that_a_shell_would_read_is_refused(orchestrator: str, tag: str, runner: Runner, workspace: Path) -> None:
    result = deploy(runner, workspace, orchestrator=orchestrator, airflow_dags_folder="dags", tags=f"plain\n{tag}")
    assert_refused(result, "`tags`", tag, "which Metaflow's command line cannot carry")


def test_tags_arrive_whole(runner: Runner, workspace: Path, world: World, tmp_path: Path) -> None:
    tags = ["pr:7", "a~b#c^d", "50%,x=@y+z", "über😀"]
    following = {"trigger": "true", "wait": "completed", "poll_interval": "500ms"}
    result = deploy(runner, workspace, deployment_name="TaggedHello", tags="\n".join(tags), **following)
    assert result.outputs["run-status"] == "succeeded", result.log
    found = ask(f"sorted(Run({result.outputs['run-pathspec']!r}).user_tags)", world.environment, tmp_path)
    assert set(found) >= set(tags)


KUBECONFIG = """
current-context: prod
contexts: [{name: prod, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: 'http://cluster.invalid', proxy-url: 'http://proxy.invalid'}}]
users: [{name: u, user: {token: t0ken-of-the-cluster}}]
"""


@pytest.mark.parametrize("allowed", ["false", "true"])
def test_a_connection_that_can_be_read_is_a_warning(allowed: str, runner: Runner, workspace: Path) -> None:
    given = {"orchestrator": "argo-workflows", "kubeconfig": KUBECONFIG, "deploy_timeout": "20s"}
    result = deploy(runner, workspace, allow_insecure=allowed, **given)
    assert result.exit_code == 1, "there is no such cluster"
    warnings = [line for line in result.log.splitlines() if line.startswith("::warning") and "kubeconfig" in line]
    told = [[word for word in ("`http://` server", "`proxy.invalid`") if word in line] for line in warnings]
    assert told == ([["`http://` server"], ["`proxy.invalid`"]] if allowed == "false" else [])
