"""A Config whose default is a file, named relative to the folder that is deployed from."""

from metaflow import Config, FlowSpec, step


class ConfigDefaultPath(FlowSpec):
    settings = Config("settings", default="flows/settings.json")

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ConfigDefaultPath()
