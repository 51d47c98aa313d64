"""What a flow's process finds in its environment: git, the private packages that the job asked for, no token."""

from __future__ import annotations

import base64
import io
import json
import re
import subprocess
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from deployer.environment import is_withheld
from sandbox.runner import ROOT, JobEvent, JobResult, Runner, push
from sandbox.world import World

FLOW = """
import os, subprocess
from metaflow import FlowSpec, step

{head}


class SurroundedFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    SurroundedFlow()
"""
TOKENS = {
    "GH_TOKEN": "by its name",
    "GITHUB_PAT": "by its name",
    "GH_PAT": "by its name",
    "GH_ENTERPRISE_TOKEN": "by its name",
    "ORG_GITHUB_TOKEN": "by its name",
    "GITHUB_PERSONAL_ACCESS_TOKEN": "by its name",
    "GITHUB_APP_PRIVATE_KEY": "by its name",
    "ACTIONS_CACHE_SERVICE_V2": "by its name",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "by its name",
    "BOT": "ghp_0123456789abcdefghijABCDEFGHIJ012345",
    "FINE": "github_pat_0123456789abcdefghijAB_cdefghij",
}


def deploy(runner: Runner, workspace: Path, head: str, sha: str = "5" * 40, **inputs: str) -> JobResult:
    (workspace / "surrounded.py").write_text(FLOW.format(head=head))
    event = JobEvent(name="push", payload=push(before="1" * 40, after=sha), sha=sha)
    given = {"flow": "surrounded.py", "orchestrator": "step-functions", "comment": "off", **inputs}
    return runner.run(event, {name.replace("_", "-"): value for name, value in given.items()}, workspace=workspace)


# tokens


def test_no_token_of_githubs_reaches_a_flow(runner: Runner, workspace: Path) -> None:
    runner.environment |= {
        **TOKENS,
        "SAME": runner.token,
        "KEPT_TOKEN": "another service's",
        "GITHUB_REF_TYPE": "branch",
    }
    result = deploy(runner, workspace, 'print("FOUND", " ".join(sorted(os.environ)))')
    assert result.exit_code == 0, result.log
    found = {name for line in re.findall(r"^FOUND (.*)$", result.log, re.MULTILINE) for name in line.split()}
    assert found.isdisjoint({*TOKENS, "SAME", "GITHUB_OUTPUT", "INPUT_FLOW"})
    assert found >= {"KEPT_TOKEN", "GITHUB_SHA", "PATH"}


@pytest.mark.parametrize(
    "name", ["GITHUB_SHA", "GITHUB_REPOSITORY", "HIGH_TOKEN", "GHOST_TOKEN", "UV_INDEX_GH_PASSWORD"]
)
def test_what_is_no_token_of_githubs_is_kept(name: str) -> None:
    assert not is_withheld(name, "value", {"INPUT_GITHUB-TOKEN": ""})


# git


@pytest.fixture
def repository(workspace: Path) -> str:
    """The checkout as a repository of another user's; its commit."""

    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=Mona", "-c", "user.email=mona@example.com"]
        done = subprocess.run(["git", *identity, *arguments], cwd=workspace, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    (workspace / "surrounded.py").write_text(FLOW.format(head=GIT))
    git("init", "--quiet", "--initial-branch=main")
    git("remote", "add", "origin", "https://x-access-token:hunter2hunter2@github.com/octo-org/flows.git")
    git("add", ".")
    git("commit", "--quiet", "--message=Flows")
    return git("rev-parse", "HEAD")


GIT = """
print("COMMIT", subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True).stdout)
print("WORD", subprocess.run(["git", "config", "own.word"], capture_output=True, text=True).stdout)
"""


def code_package(world: World, result: JobResult) -> tarfile.TarFile:
    (deployment,) = result.deployments
    definition = world.client().describe_state_machine(stateMachineArn=deployment["arn"])["definition"]
    found = re.search(r"s3://([^/\"]+)/([^\s\"\\]+/data/[0-9a-f]{2}/[0-9a-f]{40})", definition)
    assert found is not None, definition
    body = world.client("s3").get_object(Bucket=found[1], Key=found[2])["Body"].read()
    return tarfile.open(fileobj=io.BytesIO(body))


def test_git_knows_the_checkout_and_metaflow_the_reports_commit(
    runner: Runner, workspace: Path, world: World, repository: str
) -> None:
    # git's own test suite has this variable; the container is root and the checkout another user's
    runner.environment["GIT_TEST_ASSUME_DIFFERENT_OWNER"] = "1"
    runner.environment |= {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "own.word", "GIT_CONFIG_VALUE_0": "kept"}
    result = deploy(runner, workspace, GIT, repository)
    assert result.exit_code == 0, result.log
    assert set(re.findall(r"^COMMIT (.*)$", result.log, re.MULTILINE)) == {repository}
    assert set(re.findall(r"^WORD (.*)$", result.log, re.MULTILINE)) == {"kept"}, "what the job set stays"
    package = code_package(world, result)
    (member,) = [one for one in package.getmembers() if Path(one.name).name == "INFO"]
    file = package.extractfile(member)
    assert file is not None
    info: dict[str, Any] = json.loads(file.read())
    assert info["commit_sha"] == repository
    assert info["has_uncommitted_changes"] is False
    assert info["branch_name"] == "main"
    assert info["repo_url"] == "https://github.com/octo-org/flows.git", "without the password"
    tags = world.client().list_tags_for_resource(resourceArn=result.deployments[0]["arn"])["tags"]
    assert {"key": "metaflow-deploy:commit", "value": repository} in tags


# private requirements


PASSWORD = "open-sesame-71"


def wheel() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("company_tools.py", "WORD = 'private'\n")
        archive.writestr(
            "company_tools-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: company-tools\nVersion: 1.0\n"
        )
        archive.writestr(
            "company_tools-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr("company_tools-1.0.dist-info/RECORD", "")
    return buffer.getvalue()


class Index(BaseHTTPRequestHandler):
    """A package index that wants a name and a password."""

    name = "company_tools-1.0-py3-none-any.whl"

    def do_GET(self) -> None:
        wanted = "Basic " + base64.b64encode(f"deployer:{PASSWORD}".encode()).decode()
        if self.headers.get("Authorization") != wanted:
            self.send_response(401)
            self.send_header("WWW-Authenticate", "Basic")
            self.end_headers()
        elif self.path == "/simple/company-tools/":
            self._answer("text/html", f'<a href="/{self.name}">{self.name}</a>'.encode())
        elif self.path == f"/{self.name}":
            self._answer("application/octet-stream", wheel())
        else:
            self.send_error(404)

    def do_HEAD(self) -> None:
        self.do_GET()

    def _answer(self, kind: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""


@pytest.fixture
def index() -> Iterator[str]:
    """The index's address, without its scheme."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Index)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def example_environment(address: str) -> dict[str, str]:
    """The `env` of the example, with this index and its password."""
    workflow = yaml.safe_load((ROOT / "examples" / "workflows" / "private-requirements.yml").read_text())
    environment = workflow["jobs"]["deploy"]["steps"][-1]["env"]
    return {
        name: value.replace("https://packages.example.com", f"http://{address}").replace(
            "${{ secrets.PACKAGES_PASSWORD }}", PASSWORD
        )
        for name, value in environment.items()
    }


@pytest.mark.parametrize("way", ["variables", "url", "netrc", "nothing"])
def test_private_requirements_come_as_uv_documents_it(
    way: str, runner: Runner, workspace: Path, index: str, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine {index.partition(':')[0]} login deployer password {PASSWORD}\n")
    netrc.chmod(0o600)
    runner.environment |= {
        "variables": example_environment(index),
        "url": {"UV_INDEX": f"http://deployer:{PASSWORD}@{index}/simple"},
        "netrc": {"UV_INDEX": f"http://{index}/simple", "NETRC": str(netrc)},
        "nothing": {"UV_INDEX": f"http://{index}/simple"},
    }[way]
    head = "import company_tools\nprint('TOOLS', company_tools.WORD)"
    result = deploy(runner, workspace, head, requirements="company-tools")
    if way == "nothing":
        assert result.outputs["failure-reason"] == "input", result.log
        assert "docs/workflows.md" in result.summary.replace("\\", "")
        return
    assert result.exit_code == 0, result.log
    assert "TOOLS private" in result.log
    shown = [line for line in result.log.splitlines() if PASSWORD in line and not line.startswith("::add-mask::")]
    assert shown == []
