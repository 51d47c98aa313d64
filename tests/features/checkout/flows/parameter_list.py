"""A Parameter that is split at a separator."""

from metaflow import FlowSpec, Parameter, step


class ParameterList(FlowSpec):
    models = Parameter("models", default="small,large", separator=",")

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ParameterList()
