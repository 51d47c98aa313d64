"""`make demo`: a merged pull request, played through the real action on this machine alone, to a completed run."""

from __future__ import annotations

import argparse
import html
import json
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.markdown import Markdown
from rich.rule import Rule
from rich.table import Table

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


def main() -> int:
    """Play the demo; 0 if the run succeeded."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "demo", help="where the reports go")
    output: Path = parser.parse_args().output
    screen = Console(highlight=False, soft_wrap=False)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="metaflow-deploy-demo-") as name:
        folder = Path(name)
        _say(screen, "starting the sandbox: AWS that executes, a metadata service, GitHub")
        with World(folder / "world") as world:
            _say(screen, f"the sandbox stands after {time.monotonic() - started:.1f} s")
            result, comments = _play(world, folder, screen)
    _write(output, result, comments)
    _show(screen, result, comments)
    _say(
        screen,
        f"{time.monotonic() - started:.0f} s in all; the comment, the summary and the outputs are in {_short(output)}/",
    )
    well = result.outputs.get("run-status") == "succeeded" and result.exit_code == 0
    return 0 if well else 1


def _play(world: World, folder: Path, screen: Console) -> tuple[JobResult, list[str]]:
    workspace = folder / "workspace"
    shutil.copytree(ROOT / "examples" / "flows", workspace / "flows")
    world.github.add_pull_request(number=NUMBER, title=TITLE, merged=True, merge_commit_sha=SHA)
    runner = Runner(folder / "runner", environment=world.environment, api_url=world.github.api_url)
    event = JobEvent(name="pull_request", payload=merged_pull_request(NUMBER, TITLE, sha=SHA), sha=SHA)
    _say(screen, f"pull request #{NUMBER} “{TITLE}” was merged: the action runs, as on GitHub")
    result = runner.run(
        event, WORKFLOW, workspace=workspace, tell=lambda line: screen.print(f"  {line}", style="dim", markup=False)
    )
    return result, [comment["body"] for comment in world.github.comments(NUMBER)]


def _write(output: Path, result: JobResult, comments: list[str]) -> None:
    output.mkdir(parents=True, exist_ok=True)
    (output / "comment.md").write_text(comments[-1] if comments else "")
    (output / "summary.md").write_text(result.summary)
    (output / "outputs.json").write_text(json.dumps(result.outputs, indent=2) + "\n")


def _show(screen: Console, result: JobResult, comments: list[str]) -> None:
    screen.print(Rule(f"the comment in pull request #{NUMBER}"))
    for comment in comments:
        screen.print(Markdown(unfolded(comment)))
    screen.print(Rule("the outputs of the job"))
    table = Table(show_header=False, box=None)
    for name, value in result.outputs.items():
        shown = value if name != "deployments" else json.dumps(json.loads(value), indent=2)
        table.add_row(name, shown)
    screen.print(table)


def unfolded(comment: str) -> str:
    """A comment for a terminal: what GitHub folds is open, and what only a browser draws is left as text."""
    text = re.sub(r"<!--.*?-->\n?", "", comment, flags=re.DOTALL)
    text = re.sub(r"<summary>(.*?)</summary>", lambda found: f"\n**▾ {_plain(found[1])}**\n", text, flags=re.DOTALL)
    text = re.sub(r"</?(?:details|sub|b|code)\b[^>]*>", "", text)
    text = text.replace("<br>", " · ")
    return html.unescape(text)


def _plain(text: str) -> str:
    return re.sub(r"<[^>]+>", "", text).replace("*", "")


def _short(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _say(screen: Console, text: str) -> None:
    screen.print(f"[bold]demo[/bold] {text}")


if __name__ == "__main__":
    sys.exit(main())
