"""@schedule with a timezone."""

from metaflow import FlowSpec, schedule, step


@schedule(cron="0 6 * * ? *", timezone="Europe/Berlin")
class ScheduleTimezone(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ScheduleTimezone()
