"""A Config whose default is a mapping."""

from metaflow import Config, FlowSpec, Parameter, resources, step


class ConfigDefaultValue(FlowSpec):
    settings = Config("settings", default_value={"rate": 0.1, "cpu": 2, "nested": {"memory": 2048}})
    rate = Parameter("rate", default=settings.rate)

    @resources(cpu=settings.cpu, memory=settings["nested"]["memory"])
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ConfigDefaultValue()
