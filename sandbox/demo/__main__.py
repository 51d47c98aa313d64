"""Play one scenario in a sandbox of its own: `make demo`, `make demo SCENARIO=operations`."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from sandbox.demo import merge, operations
from sandbox.demo.screen import Screen, short
from sandbox.runner import ROOT
from sandbox.world import World

SCENARIOS = {"merge": merge.play, "operations": operations.play}


def main() -> int:
    """Play it; 0 if all went as it should."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenario", choices=SCENARIOS, default="merge", help="what is played")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "demo", help="where the reports go")
    arguments = parser.parse_args()
    output: Path = arguments.output
    output.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # the sandbox is ended with it
    screen = Screen()
    with tempfile.TemporaryDirectory(prefix="metaflow-deploy-demo-", ignore_cleanup_errors=True) as name:
        screen.say("starting the sandbox: AWS that executes, a metadata service, GitHub")
        with World(Path(name) / "world") as world:
            screen.say(f"the sandbox is up after {screen.seconds:.1f} s")
            well = SCENARIOS[arguments.scenario](world, Path(name), screen, output)
    screen.say(f"{screen.seconds:.0f} s in all; what was reported is in {short(output)}/")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
