"""A FlowMutator that adds @project, its name from a Config."""

from metaflow import Config, FlowMutator, FlowSpec, project, step


class OfTheTeam(FlowMutator):
    def pre_mutate(self, mutable_flow):
        mutable_flow.add_decorator(project, deco_kwargs={"name": mutable_flow.settings.team})


@OfTheTeam
class MutatorProject(FlowSpec):
    settings = Config("settings", default="flows/settings.json")

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    MutatorProject()
