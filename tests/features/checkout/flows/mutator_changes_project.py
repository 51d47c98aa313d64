"""A FlowMutator that replaces the @project that the code states."""

from metaflow import FlowMutator, FlowSpec, project, step


class Renamed(FlowMutator):
    def pre_mutate(self, mutable_flow):
        mutable_flow.add_decorator("project:name=renamed", duplicates=mutable_flow.OVERRIDE)


@Renamed
@project(name="stated")
class MutatorChangesProject(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    MutatorChangesProject()
