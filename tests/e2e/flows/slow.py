"""A flow whose run outlasts every test, and whose file writes into the workspace when it is imported."""

import time
from pathlib import Path

from metaflow import FlowSpec, step

Path("written-at-import.txt").write_text("by the user that deploys\n")


class SlowFlow(FlowSpec):
    """Sleeps."""

    @step
    def start(self):
        """For ten minutes."""
        time.sleep(600)
        self.next(self.end)

    @step
    def end(self):
        """Late."""


if __name__ == "__main__":
    SlowFlow()
