"""A Parameter whose default cannot be computed."""

from metaflow import FlowSpec, Parameter, step


def latest(context):
    raise RuntimeError("no table of today")


class ParameterComputedRaises(FlowSpec):
    table = Parameter("table", default=latest)

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ParameterComputedRaises()
