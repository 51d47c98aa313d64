"""A flow on a schedule, once a year: it never fires while a test runs."""

from metaflow import FlowSpec, schedule, step


@schedule(cron="30 4 29 2 ? *", timezone="Europe/Berlin")
class NightlyFlow(FlowSpec):
    """Scheduled."""

    @step
    def start(self):
        """First."""
        self.next(self.end)

    @step
    def end(self):
        """Last."""


if __name__ == "__main__":
    NightlyFlow()
