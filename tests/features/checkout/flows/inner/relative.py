"""A flow in a package with a relative import."""

from metaflow import FlowSpec, Parameter, step

from .utilities import RATE


class ImportsRelatively(FlowSpec):
    rate = Parameter("rate", default=RATE)

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ImportsRelatively()
