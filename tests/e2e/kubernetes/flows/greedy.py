"""A flow that asks for more memory than any node has."""

from metaflow import FlowSpec, kubernetes, step


class GreedyFlow(FlowSpec):
    """Never scheduled."""

    @kubernetes(memory=16_000_000)
    @step
    def start(self):
        """First."""
        self.next(self.end)

    @step
    def end(self):
        """Last."""


if __name__ == "__main__":
    GreedyFlow()
