"""A Config whose default file is not there."""

from metaflow import Config, FlowSpec, step


class ConfigNoFile(FlowSpec):
    settings = Config("settings", default="flows/nowhere.json")

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ConfigNoFile()
