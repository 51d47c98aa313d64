"""`python -m deployer.worker CHANNEL ORCHESTRATOR`: the warm process that every flow's process is forked from."""

import sys

from deployer.worker.server import serve

if __name__ == "__main__":
    serve(int(sys.argv[1]), sys.argv[2])
