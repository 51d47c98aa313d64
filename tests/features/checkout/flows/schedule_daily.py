"""@schedule(daily=True)."""

from metaflow import FlowSpec, schedule, step


@schedule(daily=True)
class ScheduleDaily(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ScheduleDaily()
