"""A base class in the same file."""

from metaflow import FlowSpec, Parameter, step


class CommonFlow(FlowSpec):
    owner = Parameter("owner", default="forecasting")

    @step
    def end(self):
        pass


class BaseSameFile(CommonFlow):
    rate = Parameter("rate", default=0.5)

    @step
    def start(self):
        self.next(self.end)


if __name__ == "__main__":
    BaseSameFile()
