"""A flow whose second step fails, always."""

from metaflow import FlowSpec, step


class BrokenFlow(FlowSpec):
    """Starts well and ends badly."""

    @step
    def start(self):
        """Fine."""
        self.rows = 3
        self.next(self.check)

    @step
    def check(self):
        """Not fine."""
        raise ValueError(f"{self.rows} rows are too few")
        self.next(self.end)

    @step
    def end(self):
        """Never reached."""


if __name__ == "__main__":
    BrokenFlow()
