"""A FlowMutator that adds @schedule, from a Config."""

from metaflow import Config, FlowMutator, FlowSpec, schedule, step


class Scheduled(FlowMutator):
    def pre_mutate(self, mutable_flow):
        mutable_flow.add_decorator(schedule, deco_kwargs={"cron": mutable_flow.settings.cron})


@Scheduled
class MutatorSchedule(FlowSpec):
    settings = Config("settings", default="flows/settings.json")

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    MutatorSchedule()
