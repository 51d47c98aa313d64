"""A FlowMutator that adds Parameters named by a Config, and removes one."""

from metaflow import Config, FlowMutator, FlowSpec, Parameter, step

MODEL = {"parameters": [{"name": "rate", "value": 0.5}, {"name": "layers", "value": 3}]}


class WithParameters(FlowMutator):
    def init(self, config):
        self.config = config

    def pre_mutate(self, mutable_flow):
        mutable_flow.remove_parameter("old")
        for one in dict(mutable_flow.configs)[self.config].parameters:
            mutable_flow.add_parameter(one["name"], Parameter(one["name"], default=one["value"]))


@WithParameters("model")
class MutatorParameters(FlowSpec):
    model = Config("model", default_value=MODEL)
    old = Parameter("old", default="removed")
    label = Parameter("label", default="kept")

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    MutatorParameters()
