"""@trigger by events that are computed when the flow is deployed."""

from metaflow import Config, FlowSpec, Parameter, config_expr, current, namespaced_event_name, project, step, trigger


def event(context):
    return f"{current.branch_name}.data"


def fields(context):
    return ["table"]


EVENTS = [{"name": event, "parameters": fields}, config_expr("events.second"), namespaced_event_name("refreshed")]


@project(name="recsys")
@trigger(events=EVENTS)
class TriggerComputed(FlowSpec):
    events = Config("events", default_value={"second": "models_trained"})
    table = Parameter("table", default="a")

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    TriggerComputed()
