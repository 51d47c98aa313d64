"""A flow that takes more memory than it asked for."""

from metaflow import FlowSpec, kubernetes, step


class HungryFlow(FlowSpec):
    """Ended by the kernel."""

    @kubernetes(memory=150)
    @step
    def start(self):
        """Eat."""
        eaten = []
        while True:
            eaten.append(bytearray(b"x" * 10_000_000))
        self.next(self.end)

    @step
    def end(self):
        """Never reached."""


if __name__ == "__main__":
    HungryFlow()
