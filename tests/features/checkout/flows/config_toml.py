"""A Config in TOML, by a parser of Python's."""

import tomllib

from metaflow import Config, FlowSpec, Parameter, step


class ConfigToml(FlowSpec):
    settings = Config("settings", default="flows/settings.toml", parser=tomllib.loads)
    rate = Parameter("rate", default=settings.rate)

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ConfigToml()
