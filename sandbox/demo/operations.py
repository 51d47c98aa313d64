"""What is done to deployments that stand, as by somebody on call: no flow file, only identifiers."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from sandbox.demo.screen import Screen
from sandbox.runner import ROOT, JobEvent, JobResult, Runner, of_head
from sandbox.world import World

SHA = "8c1d0e2f3a4b5c6d7e8f90a1b2c3d4e5f6a7b8c9"
BUTTON = JobEvent(
    name="workflow_dispatch",
    payload={"repository": {"full_name": "octo-org/flows", "default_branch": "main"}},
    sha=SHA,
)
FLOWS = "flows/hello.py\nflows/train.py"
ENDED = {"wait": "completed", "wait-timeout": "5m", "poll-interval": "500ms"}
LONG = "{epochs: 100000000}"
"""Parameters of a run that will not end while anybody looks."""


class Shift:
    """Somebody's time on call: one job after another, each as a person would start it by the button."""

    def __init__(self, runner: Runner, workspace: Path, screen: Screen, output: Path, event: JobEvent) -> None:
        self._runner = runner
        self._event = event
        self._workspace = workspace
        self._screen = screen
        self._output = output
        self._number = 0
        self.well = True

    def do(self, why: str, operation: str, *, refused: str = "", **inputs: str) -> JobResult:
        """Run a job and show its summary.

        Args:
            why: what the person wants.
            operation: the input.
            refused: words of the refusal, where it should be refused.
            inputs: the others, in snake_case.
        """
        self._number += 1
        given = {name.replace("_", "-"): value for name, value in inputs.items()}
        shown = " ".join(f"{name}: {value!r}" for name, value in given.items() if name not in ENDED)
        self._screen.rule(f"{self._number}. {why}")
        self._screen.say(f"operation: {operation}  {shown}".replace("\\n", " "))
        asked = {"operation": operation, "orchestrator": "step-functions", **given}
        before = self._screen.seconds
        result = self._runner.run(self._event, asked, workspace=self._workspace)
        self._screen.report(result.summary)
        self._screen.say(f"{self._screen.seconds - before:.1f} s, exit code {result.exit_code}")
        (self._output / f"{self._number:02}-{operation}.md").write_text(result.summary)
        if (result.exit_code != 0) is not bool(refused) or refused not in result.summary:
            self._screen.log(result.log)
            self.well = False
        return result


def play(world: World, folder: Path, screen: Screen, output: Path) -> bool:
    """Play it; whether each job ended as it should."""
    workspace = _checkout(folder / "workspace")
    runner = Runner(folder / "runner", environment=world.environment, api_url=world.github.api_url)
    shift = Shift(runner, workspace, screen, output, of_head(BUTTON, workspace))
    shift.do("Two flows are deployed", "deploy", flow=FLOWS)
    shift.do("What is deployed?", "list")
    shift.do(
        "Train once more, with other parameters",
        "trigger",
        deployment_id="TrainFlow",
        parameters="{epochs: 30}",
        **ENDED,
    )
    shift.do("How did its runs go?", "status", deployment_id="TrainFlow")
    started = shift.do(
        "A run with a mistake in its parameters", "trigger", deployment_id="TrainFlow", parameters=LONG, wait="none"
    )
    shift.do(
        "End it, with a typing error",
        "terminate",
        refused="The nearest names are: `TrainFlow`",
        deployment_id="TrainFlw",
        run_id=started.outputs["run-id"],
    )
    shift.do("End it", "terminate", deployment_id="TrainFlow", run_id=started.outputs["run-id"])
    (workspace / "flows" / "hello.py").unlink()
    screen.say("flows/hello.py is deleted from the repository; its deployment is still there")
    shift.do("What would be cleaned up?", "cleanup", removed="true")
    shift.do("Clean up", "cleanup", removed="true", dry_run="false")
    left = shift.do("What is deployed now?", "list")
    return shift.well and [one["deployment_id"] for one in left.deployments] == ["TrainFlow"]


def _checkout(workspace: Path) -> Path:
    """A whole checkout: cleanup compares what stands with the files of the repository."""
    shutil.copytree(ROOT / "examples" / "flows", workspace / "flows", ignore=shutil.ignore_patterns("__pycache__"))
    origin = "https://github.com/octo-org/flows"
    by = ("-c", "user.name=demo", "-c", "user.email=demo@example.invalid")
    for command in (
        ("init", "--quiet", "--initial-branch", "main"),
        ("remote", "add", "origin", origin),
        ("add", "--all"),
        (*by, "commit", "--quiet", "--message", "Flows"),
    ):
        subprocess.run(["git", *command], cwd=workspace, check=True)
    return workspace
