"""A decorator that asks a Config for a key that it lacks."""

from metaflow import Config, FlowSpec, resources, step


class ConfigUnknownKey(FlowSpec):
    settings = Config("settings", default_value={"rate": 0.1})

    @resources(cpu=settings.processors)
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ConfigUnknownKey()
