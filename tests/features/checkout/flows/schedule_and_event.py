"""@schedule and @trigger together."""

from metaflow import FlowSpec, schedule, step, trigger


@schedule(daily=True)
@trigger(event="data_arrived")
class ScheduleAndEvent(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ScheduleAndEvent()
