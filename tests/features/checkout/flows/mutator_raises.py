"""A FlowMutator that raises."""

from metaflow import FlowMutator, FlowSpec, step


class Raises(FlowMutator):
    def pre_mutate(self, mutable_flow):
        raise ValueError("the team's registry has no entry for this flow")


@Raises
class MutatorRaises(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    MutatorRaises()
