"""@trigger and @trigger_on_finish together."""

from metaflow import FlowSpec, step, trigger, trigger_on_finish


@trigger(event="data_arrived")
@trigger_on_finish(flow="PrepareFlow")
class TriggerAndFinish(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    TriggerAndFinish()
