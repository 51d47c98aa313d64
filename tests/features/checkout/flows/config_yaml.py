"""A Config in YAML, by the parser that comes with Metaflow."""

from metaflow import Config, FlowSpec, Parameter, step, yaml_parser


class ConfigYaml(FlowSpec):
    settings = Config("settings", default="flows/settings.yaml", parser=yaml_parser)
    rate = Parameter("rate", default=settings.rate)

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ConfigYaml()
