"""A flow file that never finishes being imported, and that does not mind signals."""

import signal
import sys
import time

from metaflow import FlowSpec, step

signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
sys.stdout.write("importing for ever\n")
sys.stdout.flush()
time.sleep(600)


class StuckFlow(FlowSpec):
    """Is never reached."""

    @step
    def start(self):
        """Never."""
        self.next(self.end)

    @step
    def end(self):
        """Never."""


if __name__ == "__main__":
    StuckFlow()
