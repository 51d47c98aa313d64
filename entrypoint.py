"""Start the action from a checkout, where it is not installed: `python -I -u -B entrypoint.py`.

The image starts `python -I -u -B -m deployer` and has the package in its environment. `-I` leaves this file's folder
off the import path, so that the package beside it is found by its place; all else is as in the image.
"""

import runpy
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
runpy.run_module("deployer", run_name="__main__", alter_sys=True)
