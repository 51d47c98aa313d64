"""@schedule that is switched off."""

from metaflow import FlowSpec, schedule, step


@schedule(daily=False)
class ScheduleOff(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ScheduleOff()
