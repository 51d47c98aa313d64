"""A FlowMutator that adds decorators to every step, and another FlowMutator."""

from metaflow import FlowMutator, FlowSpec, environment, retry, step


class Patient(FlowMutator):
    def init(self, times=1):
        self.times = times

    def mutate(self, mutable_flow):
        for _, one in mutable_flow.steps:
            one.add_decorator(retry, deco_kwargs={"times": self.times})


class Standard(FlowMutator):
    def pre_mutate(self, mutable_flow):
        mutable_flow.add_decorator(Patient, deco_kwargs={"times": 2})
        for name, one in mutable_flow.steps:
            one.add_decorator(environment, deco_kwargs={"vars": {"STEP": name}})


@Standard
class MutatorDecorators(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    MutatorDecorators()
