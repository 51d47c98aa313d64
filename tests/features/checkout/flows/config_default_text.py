"""A Config whose default is JSON as text."""

from metaflow import Config, FlowSpec, Parameter, step


class ConfigDefaultText(FlowSpec):
    settings = Config("settings", default_value='{"rate": 0.1}')
    rate = Parameter("rate", default=settings.rate)

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ConfigDefaultText()
