"""The same, and Metaflow refuses the flow's graph."""

import sys

from metaflow import FlowSpec, step

print("Connection refused: Max retries exceeded with url: /api")
print("botocore.exceptions.NoCredentialsError: Unable to locate credentials", file=sys.stderr)


class PrintsAndFails(FlowSpec):
    @step
    def start(self):
        self.next(self.nowhere)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    PrintsAndFails()
