"""A Parameter that is one of some values, click's Choice."""

from metaflow import FlowSpec, Parameter, step
from metaflow._vendor import click


class ParameterChoice(FlowSpec):
    size = Parameter("size", type=click.Choice(["small", "large"]), default="small")

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ParameterChoice()
