"""A Config whose file is not JSON."""

from metaflow import Config, FlowSpec, step


class ConfigNoJson(FlowSpec):
    settings = Config("settings", default="flows/no_json.json")

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ConfigNoJson()
