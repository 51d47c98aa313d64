"""A flow that ends Python when it is read."""

import sys

from metaflow import FlowSpec, step

sys.exit("no licence for today")


class Exits(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    Exits()
