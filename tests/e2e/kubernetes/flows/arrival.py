"""A flow that an event starts."""

from metaflow import FlowSpec, step, trigger


@trigger(event="data_arrived")
class ArrivalFlow(FlowSpec):
    """Started by Argo Events."""

    @step
    def start(self):
        """First."""
        self.next(self.end)

    @step
    def end(self):
        """Last."""


if __name__ == "__main__":
    ArrivalFlow()
