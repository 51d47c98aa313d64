"""`python -m deployer.worker.command DESCRIPTOR`: one command of Metaflow in an interpreter of its own.

The request comes by standard input; what is captured goes to the descriptor. Metaflow is imported with this process's
own environment, whose METAFLOW_* may be others than those that the flow starts with, and with the flow's import path,
on which extensions of Metaflow may lie.
"""

import importlib
import os
import sys

import msgspec

from deployer.worker.server import CommandRequest, import_path, run_flow_file

if __name__ == "__main__":
    asked = msgspec.json.decode(sys.stdin.buffer.read(), type=CommandRequest)
    with open(os.devnull) as nothing:  # noqa: PTH123  # a flow that reads finds the end
        os.dup2(nothing.fileno(), 0)
    before = list(sys.path)
    sys.path[:] = import_path(asked)
    importlib.import_module("metaflow")
    sys.path[:] = before
    sys.exit(run_flow_file(asked, int(sys.argv[1])))
