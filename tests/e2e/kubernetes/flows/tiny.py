"""Two steps that do nothing, one after the other."""

from metaflow import FlowSpec, step


class TinyFlow(FlowSpec):
    """Over as soon as its pods are."""

    @step
    def start(self):
        """First."""
        self.next(self.end)

    @step
    def end(self):
        """Last."""


if __name__ == "__main__":
    TinyFlow()
