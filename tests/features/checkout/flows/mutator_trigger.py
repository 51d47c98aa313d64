"""A FlowMutator that adds @trigger."""

from metaflow import FlowMutator, FlowSpec, step, trigger


class OnData(FlowMutator):
    def pre_mutate(self, mutable_flow):
        mutable_flow.add_decorator(trigger, deco_kwargs={"event": "data_arrived"})


@OnData
class MutatorTrigger(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    MutatorTrigger()
