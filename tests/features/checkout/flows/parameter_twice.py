"""Two Parameters whose names differ in a capital alone."""

from metaflow import FlowSpec, Parameter, step


class ParameterTwice(FlowSpec):
    first = Parameter("rate", default=1)
    second = Parameter("Rate", default=2)

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ParameterTwice()
