"""@schedule with a cron expression."""

from metaflow import FlowSpec, schedule, step


@schedule(cron="*/15 8-18 ? * MON-FRI *")
class ScheduleCron(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ScheduleCron()
