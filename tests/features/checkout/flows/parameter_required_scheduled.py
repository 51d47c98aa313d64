"""A Parameter that is required and has no default, with @schedule."""

from metaflow import FlowSpec, Parameter, schedule, step


@schedule(daily=True)
class ParameterRequiredScheduled(FlowSpec):
    day = Parameter("day", required=True)

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ParameterRequiredScheduled()
