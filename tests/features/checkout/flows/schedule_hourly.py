"""@schedule(hourly=True)."""

from metaflow import FlowSpec, schedule, step


@schedule(hourly=True)
class ScheduleHourly(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ScheduleHourly()
