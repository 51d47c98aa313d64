"""A Parameter that is required and has a default, with @schedule."""

from metaflow import FlowSpec, Parameter, schedule, step


@schedule(daily=True)
class ParameterRequiredWithDefault(FlowSpec):
    day = Parameter("day", required=True, default="monday")

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ParameterRequiredWithDefault()
