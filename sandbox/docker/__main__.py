"""`python -m sandbox.docker up`: engine and images; `down`: stop the engine that `up` started."""

from __future__ import annotations

import argparse
import sys

from sandbox.docker.engine import ensure_engine, stop_engine
from sandbox.docker.images import ensure_images
from sandbox.docker.machine import UnavailableError


def main() -> int:
    """Do what the command line says; `up` prints the `export` that a shell needs, so that it can be evaluated."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.docker", description=__doc__)
    parser.add_argument("command", choices=["up", "down"])
    if parser.parse_args().command == "down":
        sys.stderr.write("stopped the engine\n" if stop_engine() else "no engine of ours runs\n")
        return 0
    try:
        engine = ensure_engine()
        ensure_images(engine)
    except UnavailableError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"export DOCKER_HOST={engine.host}\n" if engine.host else "")
    return 0


if __name__ == "__main__":
    sys.exit(main())
