"""@trigger by one event: its fields become the Parameters of the same names."""

from metaflow import FlowSpec, Parameter, step, trigger


@trigger(event="data_arrived")
class TriggerEvent(FlowSpec):
    table = Parameter("table", default="a")
    day = Parameter("day", default="monday")

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    TriggerEvent()
