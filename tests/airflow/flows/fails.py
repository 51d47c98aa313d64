"""A flow whose step raises, in its pod."""

from metaflow import FlowSpec, step


class FailsFlow(FlowSpec):
    """Fails at once."""

    @step
    def start(self):
        """Raise."""
        raise ValueError("the table is empty")
        self.next(self.end)

    @step
    def end(self):
        """Never reached."""


if __name__ == "__main__":
    FailsFlow()
