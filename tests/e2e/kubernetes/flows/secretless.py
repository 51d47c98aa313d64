"""A flow that wants a Secret which is not there."""

from metaflow import FlowSpec, kubernetes, step


class SecretlessFlow(FlowSpec):
    """Its container is never made."""

    @kubernetes(secrets=["no-such-secret"])
    @step
    def start(self):
        """First."""
        self.next(self.end)

    @step
    def end(self):
        """Last."""


if __name__ == "__main__":
    SecretlessFlow()
