"""A Config whose default is a file beside the flow's own."""

from pathlib import Path

from metaflow import Config, FlowSpec, environment, step


class ConfigBesideTheFlow(FlowSpec):
    settings = Config("settings", default=str(Path(__file__).parent / "settings.json"))

    @environment(vars=settings.labels)
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ConfigBesideTheFlow()
