"""`make bench`: one flow through the whole action against `python flow.py step-functions create`, side by side.

Both are run by turns in one sandbox, in the same environment, so that whatever else the machine does meets both alike.
What is compared is the ratio of a pair; the median of the pairs is told. CPU time is the process's own and its
children's, the servers' left out.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from sandbox.runner import ROOT, JobEvent, Runner, merged_pull_request
from sandbox.world import World

LIMIT = 1.3
SHA = "3f2a91c0d5b8e7f6a1c2d3e4f5a6b7c8d9e0f1a2"


@dataclass(frozen=True)
class Taken:
    """What one run took, in seconds."""

    wall: float
    cpu: float


def measure(run: Callable[[], None]) -> Taken:
    """Run once; wall time, and the CPU time of all children that have ended."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    run()
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Taken(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def main() -> int:
    """Measure, print a table, write build/benchmarks.json; 1 if a ratio is over the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "benchmarks.json")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="metaflow-deploy-bench-") as name:
        folder = Path(name)
        with World(folder / "world") as world:
            pairs = _pairs(world, folder, arguments.pairs)
    return _report(pairs, arguments.output)


def _pairs(world: World, folder: Path, count: int) -> list[tuple[Taken, Taken]]:
    workspace = folder / "workspace"
    shutil.copytree(ROOT / "examples" / "flows", workspace / "flows")
    world.github.add_pull_request(number=7, title="Bench", merged=True, merge_commit_sha=SHA)
    runner = Runner(folder / "runner", environment=world.environment, api_url=world.github.api_url)
    event = JobEvent(name="pull_request", payload=merged_pull_request(7, "Bench", sha=SHA), sha=SHA)

    def action() -> None:
        inputs = {"flow": "flows/hello.py", "orchestrator": "step-functions", "deployment-name": "BenchAction"}
        result = runner.run(event, inputs, workspace=workspace)
        if result.exit_code != 0:
            raise SystemExit(f"the action failed:\n{result.log}")

    def command() -> None:
        # the name differs, so that neither redeploys the other's state machine
        arguments = ["step-functions", "--name", "BenchCommand", "create"]
        subprocess.run(
            [sys.executable, "flows/hello.py", *arguments],
            cwd=workspace,
            env={**os.environ, **world.environment, "METAFLOW_USER": "bench"},
            check=True,
            capture_output=True,
        )

    # once unmeasured: caches of the machine, first deployments
    action()
    command()
    return [(measure(action), measure(command)) for _ in range(count)]


def _report(pairs: list[tuple[Taken, Taken]], output: Path) -> int:
    rows = {}
    for kind in ("wall", "cpu"):
        ours = [getattr(pair[0], kind) for pair in pairs]
        theirs = [getattr(pair[1], kind) for pair in pairs]
        ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
        rows[kind] = {
            "action_seconds": round(statistics.median(ours), 3),
            "command_seconds": round(statistics.median(theirs), 3),
            "ratio": round(statistics.median(ratios), 3),
            "ratio_lowest": round(min(ratios), 3),
            "ratio_highest": round(max(ratios), 3),
        }
    print("one flow to Step Functions: the whole action against `python flow.py step-functions create`")
    print(f"{'':6} {'action s':>9} {'command s':>10} {'ratio':>7} {'lowest':>7} {'highest':>8}   limit {LIMIT}")
    for kind, row in rows.items():
        print("{:6} {:9.2f} {:10.2f} {:7.2f} {:7.2f} {:8.2f}".format(kind, *row.values()))
    output.parent.mkdir(parents=True, exist_ok=True)
    document = {"limit": LIMIT, "medians": rows, "pairs": [[asdict(one) for one in pair] for pair in pairs]}
    output.write_text(json.dumps(document, indent=2) + "\n")
    over = [kind for kind, row in rows.items() if row["ratio"] > LIMIT]
    if over:
        print(f"over the limit of {LIMIT}: {', '.join(over)}")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
