"""`python -m sandbox.kubernetes up|down|status|left`: our own cluster by hand (docs/cluster.md)."""

from __future__ import annotations

import argparse
import sys
import time

from sandbox.docker.engine import ensure_engine
from sandbox.docker.machine import UnavailableError
from sandbox.kubernetes.cluster import SECRET, own_cluster
from sandbox.kubernetes.lifecycle import down, is_up
from sandbox.kubernetes.node import Control
from sandbox.kubernetes.place import OF_TESTS, PLACES, own_place
from sandbox.kubernetes.traces import traces

ABOUT = f"""\
# A namespace in which flows can run, with the service account `workflow` and the Secret `{SECRET}`:
#   python -m sandbox.kubernetes namespace NAME
# To take everything away again: make cluster-down
"""


def main() -> int:
    """Do what the command line says; 1 if it could not be done, or if something is left."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.kubernetes", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="bring it up; prints the `export` that a shell needs")
    away = commands.add_parser(
        "down", help="take it away, and the tests' own; prints what is left: it should be nothing"
    )
    away.add_argument("--number", type=int, choices=range(PLACES), action="append", help="of another cluster of ours")
    commands.add_parser("status", help="what runs")
    commands.add_parser("left", help="everything of a cluster that is on this machine now")
    commands.add_parser("namespace", help="make a namespace in which flows can run").add_argument("name")
    options = parser.parse_args()
    try:
        match options.command:
            case "up":
                return _up()
            case "down":
                return _tell([line for number in options.number or OF_TESTS for line in down(own_place(number))])
            case "left":
                return _tell(sorted({line for number in OF_TESTS for line in traces(own_place(number))}))
            case "namespace":
                own_cluster(ensure_engine(), _Progress()).namespace(options.name)
                return 0
            case _:
                return _status()
    except UnavailableError as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _up() -> int:
    cluster = own_cluster(ensure_engine(), _Progress())
    sys.stdout.write(f"export KUBECONFIG={cluster.kubeconfig}\n{ABOUT}")
    return 0


def _status() -> int:
    place = own_place()
    if not is_up(place):
        sys.stdout.write("no cluster of ours is up\n")
        return 1
    for name, status in Control(place.control).statuses().items():
        sys.stdout.write(f"{name}: {'runs' if status is None else f'ended with {status}'}\n")
    return 0


def _tell(left: list[str]) -> int:
    sys.stdout.write("".join(f"{line}\n" for line in left))
    return 1 if left else 0


class _Progress:
    """Writes lines with the seconds since the first."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def __call__(self, line: str) -> None:
        sys.stderr.write(f"{time.monotonic() - self._started:6.1f} s  {line}\n")
        sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
