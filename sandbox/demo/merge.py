"""A merged pull request, from the event to a completed run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from sandbox.demo.screen import Screen
from sandbox.runner import ROOT, JobEvent, JobResult, Runner, merged_pull_request
from sandbox.world import World

NUMBER = 7
TITLE = "Train with smaller learning rates"
SHA = "3f2a91c0d5b8e7f6a1c2d3e4f5a6b7c8d9e0f1a2"
WORKFLOW = {
    "flow": "flows/train.py",
    "orchestrator": "step-functions",
    "trigger": "true",
    "parameters": "epochs: 30\nlabel: demo\n",
    "wait": "completed",
    "wait-timeout": "5m",
    "poll-interval": "500ms",
}


def play(world: World, folder: Path, screen: Screen, output: Path) -> bool:
    """Play it; whether the run succeeded."""
    workspace = folder / "workspace"
    shutil.copytree(ROOT / "examples" / "flows", workspace / "flows")
    world.github.add_pull_request(number=NUMBER, title=TITLE, merged=True, merge_commit_sha=SHA)
    runner = Runner(folder / "runner", environment=world.environment, api_url=world.github.api_url)
    event = JobEvent(name="pull_request", payload=merged_pull_request(NUMBER, TITLE, sha=SHA), sha=SHA)
    screen.say(f"pull request #{NUMBER} “{TITLE}” was merged: the action runs, as on GitHub")
    result = runner.run(event, WORKFLOW, workspace=workspace, tell=screen.log)
    comments = [comment["body"] for comment in world.github.comments(NUMBER)]
    _write(output, result, comments)
    screen.rule(f"the comment in pull request #{NUMBER}")
    for comment in comments:
        screen.report(comment)
    screen.rule("the outputs of the job")
    screen.outputs(result.outputs)
    return result.outputs.get("run-status") == "succeeded" and result.exit_code == 0


def _write(output: Path, result: JobResult, comments: list[str]) -> None:
    (output / "comment.md").write_text(comments[-1] if comments else "")
    (output / "summary.md").write_text(result.summary)
    (output / "outputs.json").write_text(json.dumps(result.outputs, indent=2) + "\n")
