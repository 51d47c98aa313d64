"""A Config that the base class declares, used by both."""

from common.base import Configured
from metaflow import Parameter, config_expr, resources, step


class ConfigOfTheBase(Configured):
    team = Parameter("team", default=config_expr("settings.team"))

    @resources(cpu=config_expr("settings.cpu"))
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ConfigOfTheBase()
