"""A FlowMutator that changes nothing."""

from metaflow import FlowMutator, FlowSpec, step


class Nothing(FlowMutator):
    def mutate(self, mutable_flow):
        pass


@Nothing
class MutatorEmpty(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    MutatorEmpty()
