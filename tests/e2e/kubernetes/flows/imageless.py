"""A flow whose image cannot be had: nothing listens at that address."""

from metaflow import FlowSpec, kubernetes, step


class ImagelessFlow(FlowSpec):
    """Never started."""

    @kubernetes(image="127.0.0.1:9/nobody/nothing:1")
    @step
    def start(self):
        """First."""
        self.next(self.end)

    @step
    def end(self):
        """Last."""


if __name__ == "__main__":
    ImagelessFlow()
