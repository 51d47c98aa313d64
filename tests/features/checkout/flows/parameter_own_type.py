"""A Parameter of a type of the file's own."""

from metaflow import FlowSpec, Parameter, step
from metaflow._vendor import click


class Percentage(click.ParamType):
    name = "percentage"
    __name__ = "percentage"

    def convert(self, value, param, ctx):
        return float(str(value).rstrip("%")) / 100


class ParameterOwnType(FlowSpec):
    share = Parameter("share", type=Percentage(), default="50%")

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ParameterOwnType()
