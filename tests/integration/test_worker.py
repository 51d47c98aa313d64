"""What a flow can do to the action, and that each ends as a clear failure within the limit, with no process left."""

from __future__ import annotations

import io
import json
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import psutil
import pytest

from sandbox.runner import JobEvent, JobResult, Runner, push
from sandbox.world import World

SHA = "2" * 40
PUSH = JobEvent(name="push", payload=push(before="1" * 40, after=SHA), sha=SHA)
GIVEN = {"orchestrator": "step-functions", "comment": "off"}
HEAD = "from metaflow import FlowSpec, step\n"
BODY = """
class OddFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    OddFlow()
"""


@pytest.fixture
def silent_server() -> Iterator[str]:
    """A server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def deploy(runner: Runner, workspace: Path, text: str, **inputs: str) -> JobResult:
    (workspace / "odd.py").write_text(text)
    given = {"flow": "odd.py", "orchestrator": "step-functions", "comment": "off", **inputs}
    return runner.run(PUSH, {name.replace("_", "-"): value for name, value in given.items()}, workspace=workspace)


def assert_failed(runner: Runner, result: JobResult, reason: str, *told: str) -> None:
    assert result.exit_code == 1, result.log
    assert (result.outputs["status"], result.outputs["failure-reason"]) == ("failure", reason), result.log
    assert "Traceback (most recent call last)" not in result.summary.split("```")[0]
    for text in told:
        assert text in result.summary.replace("\\", ""), result.summary
    assert runner.left_over() == []


def test_a_flow_that_hangs_at_import_is_ended_at_the_limit(runner: Runner, workspace: Path) -> None:
    started = time.monotonic()
    result = deploy(runner, workspace, f"import time\n{HEAD}time.sleep(600)\n{BODY}", deploy_timeout="10s")
    assert_failed(runner, result, "deploy", "did not come back within 10 s", "odd.py")
    assert time.monotonic() - started < 60


def test_a_datastore_that_never_answers_is_named(runner: Runner, workspace: Path, silent_server: str) -> None:
    runner.environment["METAFLOW_S3_ENDPOINT_URL"] = silent_server
    result = deploy(runner, workspace, HEAD + BODY, deploy_timeout="15s")
    assert_failed(runner, result, "datastore", "The datastore did not answer", "METAFLOW_DATASTORE_SYSROOT_S3")


def test_an_orchestrator_that_never_answers_is_named(runner: Runner, workspace: Path, silent_server: str) -> None:
    runner.environment["AWS_ENDPOINT_URL_SFN"] = silent_server
    result = deploy(runner, workspace, HEAD + BODY, deploy_timeout="15s")
    assert_failed(runner, result, "orchestrator-unreachable")


def test_a_child_that_flees_from_its_process_group_is_ended_too(
    runner: Runner, workspace: Path, tmp_path: Path
) -> None:
    mark = tmp_path / "fled"
    command = f"['sh', '-c', 'echo $$ > {mark}; exec sleep 300']"
    flight = f"import subprocess\nsubprocess.Popen({command}, start_new_session=True)\n"
    result = deploy(runner, workspace, HEAD + flight + BODY)
    assert result.exit_code == 0, result.log
    assert mark.exists(), "the child was never started, so the test shows nothing"
    assert runner.left_over() == []
    assert not psutil.pid_exists(int(mark.read_text()))


@pytest.mark.parametrize("code", ["7", "0", ""])
def test_sys_exit_at_import(code: str, runner: Runner, workspace: Path) -> None:
    result = deploy(runner, workspace, f"import sys\n{HEAD}sys.exit({code})\n{BODY}")
    assert_failed(runner, result, "flow-import", f"sys.exit({code}) before it started a flow", "odd.py line 3")


def test_an_import_that_is_missing_is_an_annotation_on_its_line(runner: Runner, workspace: Path) -> None:
    result = deploy(runner, workspace, f"{HEAD}import nosuchpackage\n{BODY}")
    assert_failed(runner, result, "flow-import", "imports `nosuchpackage`", "`requirements`")
    assert "::error title=flow-import,file=odd.py,line=2::" in result.log


def test_the_traceback_of_an_import_before_metaflows_has_no_line_of_the_action(runner: Runner, workspace: Path) -> None:
    result = deploy(runner, workspace, f"import nosuchpackage\n{HEAD}{BODY}")
    assert_failed(runner, result, "flow-import", "imports `nosuchpackage`", "`requirements`")
    assert "::error title=flow-import,file=odd.py,line=1::" in result.log
    annotations = [line for line in result.log.splitlines() if line.startswith("::error")]
    assert annotations
    assert "deployer/worker" not in result.summary + "".join(annotations)


def test_a_name_that_metaflow_lacks_may_be_of_another_version(runner: Runner, workspace: Path) -> None:
    result = deploy(runner, workspace, f"{HEAD}from metaflow import of_a_later_version\n{BODY}")
    said = ("needs `of_a_later_version` of `metaflow`", f"Metaflow {version('metaflow')}", "`requirements`")
    assert_failed(runner, result, "flow-import", *said)
    assert "::error title=flow-import,file=odd.py,line=2::" in result.log


def in_package(workspace: Path) -> None:
    """`pkg/flow.py` that imports `pkg.utils`, both in the checkout."""
    package = workspace / "pkg"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "utils.py").write_text("ANSWER = 42\n")
    (package / "flow.py").write_text(f"{HEAD}from pkg.utils import ANSWER\n{BODY}".replace("OddFlow", "PackageFlow"))


def test_a_package_beside_the_flows_folder_is_no_requirement(runner: Runner, workspace: Path) -> None:
    in_package(workspace)
    result = runner.run(PUSH, {**GIVEN, "flow": "pkg/flow.py"}, workspace=workspace)
    assert_failed(runner, result, "flow-import", "plain `python pkg/flow.py` fails on it too", "`pkg`", "PYTHONPATH")
    assert "`requirements`" not in result.summary
    assert "::error title=flow-import,file=pkg/flow.py,line=2::" in result.log
    plain = subprocess.run([sys.executable, "pkg/flow.py", "show"], cwd=workspace, capture_output=True, check=False)
    assert b"No module named 'pkg'" in plain.stderr, "as the message says"


@pytest.mark.parametrize("remedy", ["moved", "included"])
def test_each_remedy_for_a_package_deploys_the_flow_with_it(
    remedy: str, runner: Runner, workspace: Path, world: World
) -> None:
    in_package(workspace)
    flow = workspace / "pkg" / "flow.py"
    if remedy == "moved":
        flow = flow.rename(workspace / "flow.py")
    else:
        (workspace / "pkg" / "__init__.py").write_text('METAFLOW_PACKAGE_POLICY = "include"\n')
        runner.environment["PYTHONPATH"] = "."
    given = {**GIVEN, "flow": str(flow.relative_to(workspace)), "deployment-name": f"Package{remedy}"}
    result = runner.run(PUSH, given, workspace=workspace)
    assert result.exit_code == 0, result.log
    packaged = packaged_files(world, result.deployments[0]["arn"])
    assert any(path.endswith("pkg/utils.py") for path in packaged), packaged


def packaged_files(world: World, arn: str) -> list[str]:
    """The files of the code package that a state machine's tasks get."""
    definition = json.loads(world.client().describe_state_machine(stateMachineArn=arn)["definition"])
    start = definition["States"]["start"]["Parameters"]["ContainerOverrides"]["Environment"]
    url = next(one["Value"] for one in start if one["Name"] == "METAFLOW_CODE_URL")
    bucket, _, key = url.removeprefix("s3://").partition("/")
    data = world.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(data)) as package:
        return package.getnames()


def test_a_relative_import_is_told(runner: Runner, workspace: Path) -> None:
    (workspace / "helpers.py").write_text("x = 1\n")
    result = deploy(runner, workspace, f"{HEAD}from .helpers import x\n{BODY}")
    assert_failed(runner, result, "flow-import", "relative import", "outside of any package")


def test_an_import_error_in_a_module_of_the_flow_is_told_there(runner: Runner, workspace: Path) -> None:
    (workspace / "helpers.py").write_text("x = 1\ny = 1 / 0\n")
    result = deploy(runner, workspace, f"{HEAD}import helpers\n{BODY}")
    assert_failed(runner, result, "flow-import", "ZeroDivisionError")
    assert "file=helpers.py,line=2::" in result.log


@pytest.mark.parametrize("status", [3, 0])
def test_a_process_that_dies_is_told(status: int, runner: Runner, workspace: Path) -> None:
    result = deploy(runner, workspace, f"import os\n{HEAD}os._exit({status})\n{BODY}")
    assert_failed(runner, result, "flow-import", f"ended by itself, with exit code {status}", "os._exit")


def test_a_flow_that_closes_what_it_did_not_open_is_told_so(runner: Runner, workspace: Path) -> None:
    result = deploy(runner, workspace, f"import os\n{HEAD}os.closerange(3, 256)\n{BODY}")
    assert_failed(runner, result, "flow-import", "has closed a file descriptor that it did not open", "os.closerange")
    assert "ended by itself" not in result.log
    assert "Traceback" not in result.log


def test_a_flow_that_writes_to_what_it_did_not_open_is_told_so(runner: Runner, workspace: Path) -> None:
    writing = "import contextlib, os\nfor one in range(3, 64):\n    with contextlib.suppress(OSError):\n        "
    result = deploy(runner, workspace, f"{writing}os.write(one, b'{{nothing')\n{HEAD}{BODY}")
    assert_failed(runner, result, "flow-import", "a result that cannot be read")
    assert "Traceback" not in result.log


def test_a_process_that_a_flow_forks_hands_nothing_over(runner: Runner, workspace: Path) -> None:
    forking = "import os\nif (child := os.fork()):\n    os.waitpid(child, 0)\n"
    result = deploy(runner, workspace, f"{forking}{HEAD}{BODY}")
    assert (result.exit_code, result.outputs["deployment-id"]) == (0, "OddFlow"), result.log


def test_what_a_flow_prints_is_no_command_and_holds_no_secret(runner: Runner, workspace: Path) -> None:
    noise = (
        'print("::set-output name=status::hacked")\n'
        'print("##[error]x")\n'
        'print("token ghs_sandboxtoken000000000000000000000000")\n'
    )
    result = deploy(runner, workspace, HEAD + noise + BODY)
    assert result.exit_code == 0, result.log
    lines = result.log.splitlines()
    fence = next(line for line in lines if line.startswith("::stop-commands::")).removeprefix("::stop-commands::")
    opened, closed = lines.index(f"::stop-commands::{fence}"), lines.index(f"::{fence}::")
    assert opened < lines.index("::set-output name=status::hacked") < closed
    assert "token ***" in lines
    masks = [line for line in lines if line.startswith("::add-mask::")]
    assert lines.index(masks[0]) < opened, "masked before anything foreign is printed"


def test_a_flow_cannot_reach_the_jobs_outputs_or_its_token(runner: Runner, workspace: Path) -> None:
    spy = (
        "import os\n"
        "own = ('GITHUB_OUTPUT', 'GITHUB_STEP_SUMMARY', 'GITHUB_ENV')\n"
        "found = [n for n in os.environ if n.startswith('INPUT_') or n in own]\n"
        "print('spied', found)\n"
    )
    result = deploy(runner, workspace, HEAD + spy + BODY)
    assert "spied []" in result.log


def test_a_module_of_the_flow_may_be_called_deployer(runner: Runner, workspace: Path) -> None:
    (workspace / "deployer.py").write_text("WORD = 'mine'\n")
    result = deploy(runner, workspace, f"{HEAD}import deployer\nprint('found', deployer.WORD)\n{BODY}")
    assert result.exit_code == 0, result.log
    assert "found mine" in result.log


def test_a_package_from_requirements_is_there_when_the_flow_is_deployed(runner: Runner, workspace: Path) -> None:
    result = deploy(runner, workspace, f"{HEAD}import cowsay\n{BODY}", requirements="cowsay==6.1")
    assert result.exit_code == 0, result.log
    assert result.outputs["status"] == "success"


def test_requirements_that_cannot_be_installed_are_told(runner: Runner, workspace: Path) -> None:
    result = deploy(runner, workspace, HEAD + BODY, requirements="no-such-package-of-ours==1.0")
    assert_failed(runner, result, "input", "uv cannot install the requirements")


def test_a_cancelled_job_ends_in_time_and_says_so(runner: Runner, workspace: Path) -> None:
    (workspace / "odd.py").write_text(f"import time\nprint('waiting', flush=True)\n{HEAD}time.sleep(600)\n{BODY}")
    held: list[subprocess.Popen[str]] = []
    cancelled_at: list[float] = []

    def cancel(line: str) -> None:
        if line == "waiting" and not cancelled_at:
            cancelled_at.append(time.monotonic())
            held[0].send_signal(2)

    result = runner.run(
        PUSH,
        {"flow": "odd.py", "orchestrator": "step-functions", "comment": "off"},
        workspace=workspace,
        tell=cancel,
        started=held.append,
    )
    assert time.monotonic() - cancelled_at[0] < 7
    assert result.exit_code == 1
    assert result.outputs["status"] == "cancelled"
    assert runner.left_over() == []


def test_another_metaflow_that_the_requirements_pin_is_the_one_that_deploys(runner: Runner, workspace: Path) -> None:
    result = deploy(runner, workspace, HEAD + BODY, requirements="metaflow==2.18.11")
    assert result.exit_code == 0, result.log
    assert result.deployments[0]["metaflow"].startswith("2.18.11"), result.deployments


def test_a_requirements_file_beside_the_flow_may_pin_another_metaflow(runner: Runner, workspace: Path) -> None:
    (workspace / "requirements.txt").write_text("# of this flow alone\nmetaflow==2.18.11\n")
    result = deploy(runner, workspace, HEAD + BODY, requirements="requirements.txt")
    assert result.exit_code == 0, result.log
    assert result.deployments[0]["metaflow"].startswith("2.18.11"), result.deployments


def test_requirements_that_break_metaflow_are_told(runner: Runner, workspace: Path) -> None:
    (workspace / "metaflow").mkdir()
    (workspace / "broken" / "metaflow").mkdir(parents=True)
    (workspace / "broken" / "metaflow" / "__init__.py").write_text("import no_such_module_at_all\n")
    (workspace / "broken" / "pyproject.toml").write_text(
        '[project]\nname = "metaflow"\nversion = "99"\n'
        '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
        '[tool.setuptools]\npackages = ["metaflow"]\n'
    )
    result = deploy(runner, workspace, HEAD + BODY, requirements="./broken")
    assert_failed(runner, result, "input", "cannot import Metaflow", "no_such_module_at_all")
