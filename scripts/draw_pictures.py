"""Draw docs/images anew: two merged pull requests, played through the action on the sandbox, as GitHub shows them.

    PYTHONPATH=. .venv/bin/python scripts/draw_pictures.py

One goes well, the other's run fails in one of its tasks. The comments are what the action wrote, not drawn by hand.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from sandbox.runner import ROOT, JobEvent, Runner, merged_pull_request
from sandbox.world import World

PICTURES = ROOT / "docs" / "images"
COMMENTS = ROOT / "build" / "pictures"
UI = "https://metaflow.example.com"
"""METAFLOW_UI_URL: with it the runs are links, as they are for most people."""
PLAYS = {
    "comment-deployed": ("epochs: 30\nlabel: nightly\n", "3f2a91c0d5b8e7f6a1c2d3e4f5a6b7c8d9e0f1a2"),
    "comment-failed": ("rates: [0.001, 0.01, fast]\n", "9c41d7e2b3a4958677869504132231405f6e7d8c"),
}


def main() -> int:
    """Play, write the comments, draw them; 0 if all could be drawn."""
    COMMENTS.mkdir(parents=True, exist_ok=True)
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="metaflow-deploy-pictures-") as name:
        folder = Path(name)
        with World(folder / "world") as world:
            for number, picture in enumerate(PLAYS, start=1):
                (COMMENTS / f"{picture}.md").write_text(_comment(world, folder / picture, number, picture))
    # what went well is shown unfolded, a failure as it meets the reader
    drawn = [_draw("comment-deployed", "--open"), _draw("comment-failed")]
    return 0 if all(drawn) else 1


def _draw(name: str, *options: str) -> bool:
    pair = [str(COMMENTS / f"{name}.md"), str(PICTURES / f"{name}.png")]
    return subprocess.run([str(ROOT / "scripts" / "render"), *options, *pair], check=False).returncode == 0


def _comment(world: World, folder: Path, number: int, picture: str) -> str:
    """The comment that the action writes into a pull request that was merged."""
    parameters, sha = PLAYS[picture]
    workspace = folder / "workspace"
    shutil.copytree(ROOT / "examples" / "flows", workspace / "flows")
    world.github.add_pull_request(number=number, title=picture, merged=True, merge_commit_sha=sha)
    environment = {**world.environment, "METAFLOW_UI_URL": UI}
    runner = Runner(folder / "runner", environment=environment, api_url=world.github.api_url)
    inputs = {
        "flow": "flows/train.py",
        "orchestrator": "step-functions",
        "trigger": "true",
        "parameters": parameters,
        "wait": "completed",
        "wait-timeout": "5m",
        "poll-interval": "1s",
    }
    event = JobEvent(name="pull_request", payload=merged_pull_request(number, picture, sha=sha), sha=sha)
    result = runner.run(event, inputs, workspace=workspace)
    comments = world.github.comments(number)
    if not comments:
        raise SystemExit(f"draw_pictures: no comment was written\n{result.log}")
    return str(comments[-1]["body"])


if __name__ == "__main__":
    sys.exit(main())
