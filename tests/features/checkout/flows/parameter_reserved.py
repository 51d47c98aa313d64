"""A Parameter whose name Metaflow keeps for itself."""

from metaflow import FlowSpec, Parameter, step


class ParameterReserved(FlowSpec):
    tags = Parameter("tags", default="a")

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ParameterReserved()
