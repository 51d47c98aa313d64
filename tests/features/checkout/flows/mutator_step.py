"""A StepMutator that replaces a decorator, and one that reads a Config."""

from metaflow import Config, FlowSpec, StepMutator, environment, resources, step


class Bigger(StepMutator):
    def mutate(self, mutable_step):
        for name, _, _, attributes in mutable_step.decorator_specs:
            if name == "resources":
                attributes["cpu"] = 8
                mutable_step.add_decorator(resources, deco_kwargs=attributes, duplicates=mutable_step.OVERRIDE)


class Labelled(StepMutator):
    def pre_mutate(self, mutable_step):
        labels = mutable_step.flow.settings.labels.to_dict()
        mutable_step.add_decorator(environment, deco_kwargs={"vars": labels})


class MutatorStep(FlowSpec):
    settings = Config("settings", default="flows/settings.json")

    @Bigger
    @resources(cpu=1, memory=1024)
    @step
    def start(self):
        self.next(self.end)

    @Labelled
    @step
    def end(self):
        pass


if __name__ == "__main__":
    MutatorStep()
