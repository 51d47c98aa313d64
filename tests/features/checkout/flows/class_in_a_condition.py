"""A flow class in a condition."""

import os

from metaflow import FlowSpec, step

if os.environ.get("WITHOUT_FLOWS") is None:

    class ClassInACondition(FlowSpec):
        @step
        def start(self):
            self.next(self.end)

        @step
        def end(self):
            pass


if __name__ == "__main__":
    ClassInACondition()
