"""A local package beside the flow file."""

from common import parsers
from metaflow import FlowSpec, Parameter, step


class PackageBeside(FlowSpec):
    team = Parameter("team", default=parsers.pairs("team=forecasting")["team"])

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    PackageBeside()
