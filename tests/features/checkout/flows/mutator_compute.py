"""A StepMutator that changes the @kubernetes or @batch that the orchestrator attaches."""

from metaflow import FlowSpec, StepMutator, step


class Compute(StepMutator):
    def init(self, **attributes):
        self.attributes = attributes

    def mutate(self, mutable_step):
        for name, _, _, attributes in mutable_step.decorator_specs:
            if name in ("kubernetes", "batch"):
                changed = {**attributes, **self.attributes}
                mutable_step.add_decorator(name, deco_kwargs=changed, duplicates=mutable_step.OVERRIDE)


class MutatorCompute(FlowSpec):
    @Compute(cpu=4, memory=8192)
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    MutatorCompute()
