"""A Config that has to be given."""

from metaflow import Config, FlowSpec, Parameter, resources, step


class ConfigRequired(FlowSpec):
    settings = Config("settings", required=True)
    rate = Parameter("rate", default=settings.rate)

    @resources(cpu=settings.cpu)
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ConfigRequired()
