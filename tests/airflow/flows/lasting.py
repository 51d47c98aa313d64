"""A run that lasts until somebody ends it."""

import time

from metaflow import FlowSpec, step


class LastingFlow(FlowSpec):
    @step
    def start(self):
        time.sleep(1800)
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    LastingFlow()
