"""The file never starts its flow."""

from metaflow import FlowSpec, step


class StartNever(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
