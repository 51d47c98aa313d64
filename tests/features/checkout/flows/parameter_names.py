"""Parameters with hyphens, capitals and underscores in their names."""

from metaflow import FlowSpec, Parameter, step


class ParameterNames(FlowSpec):
    dry = Parameter("dry-run", default=True)
    rate = Parameter("learningRate", default=0.1)
    snake_case = Parameter("snake_case", default="a")
    upper = Parameter("N", default=3)

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ParameterNames()
