"""Several Configs, their names with hyphens and capitals; one has no value."""

from metaflow import Config, FlowSpec, JSONType, Parameter, config_expr, step


class ConfigSeveral(FlowSpec):
    settings = Config("settings", default_value={"rate": 0.1})
    training_set = Config("training-set", default="flows/settings.json")
    model = Config("modelSettings", default_value={"layers": [1, 2]})
    nothing = Config("nothing")
    rate = Parameter("rate", default=settings.rate)
    layers = Parameter("layers", type=JSONType, default=config_expr("modelSettings").layers)

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ConfigSeveral()
