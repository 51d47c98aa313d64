"""A flow that starts when another one has finished."""

from metaflow import FlowSpec, step, trigger_on_finish


@trigger_on_finish(flow="TinyFlow")
class AfterFlow(FlowSpec):
    """Started by Argo Events, too."""

    @step
    def start(self):
        """First."""
        self.next(self.end)

    @step
    def end(self):
        """Last."""


if __name__ == "__main__":
    AfterFlow()
