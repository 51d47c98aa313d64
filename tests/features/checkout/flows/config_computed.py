"""Configs whose path and whose value are computed when the flow is deployed."""

from metaflow import Config, FlowSpec, Parameter, step


def path(context):
    return "flows/settings.json"


def value(context):
    return {"rate": 0.3, "flow": context.flow_name}


class ConfigComputed(FlowSpec):
    settings = Config("settings", default=path)
    computed = Config("computed", default_value=value)
    team = Parameter("team", default=settings.team)
    flow = Parameter("flow", default=computed.flow)

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ConfigComputed()
