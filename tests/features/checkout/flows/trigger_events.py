"""@trigger by several events, with the fields of each."""

from metaflow import FlowSpec, Parameter, step, trigger

EVENTS = [
    {"name": "data.arrived", "parameters": {"table": "name"}},
    {"name": "model-trained", "parameters": ["model", ("day", "when")]},
]


@trigger(events=EVENTS, options={"reset_at": {"cron": "0 0 * * *", "timezone": "UTC"}})
class TriggerEvents(FlowSpec):
    table = Parameter("table", default="a")
    model = Parameter("model", default="b")
    day = Parameter("day", default="monday")

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    TriggerEvents()
