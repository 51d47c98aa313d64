"""Configs whose parsers are the repository's: one by its name, one as a function."""

from configparser import ConfigParser

from metaflow import Config, FlowSpec, Parameter, step


def ini(text):
    parser = ConfigParser()
    parser.read_string(text)
    return {section: dict(parser[section]) for section in parser.sections()}


class ConfigOwnParser(FlowSpec):
    model = Config("model", default="flows/settings.ini", parser=ini)
    pairs = Config("pairs", default_value="team=forecasting rate=0.5", parser="common.parsers.pairs")
    rate = Parameter("rate", default=model.model.rate)
    team = Parameter("team", default=pairs.team)

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ConfigOwnParser()
