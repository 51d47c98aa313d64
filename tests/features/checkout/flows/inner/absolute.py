"""A flow in a package that imports its own package by name."""

from metaflow import FlowSpec, Parameter, step

from inner.utilities import RATE


class ImportsItsPackage(FlowSpec):
    rate = Parameter("rate", default=RATE)

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ImportsItsPackage()
