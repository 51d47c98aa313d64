"""Base classes of flows: they are no flows of their own."""

from metaflow import Config, FlowMutator, FlowSpec, Parameter, step


class Base(FlowSpec):
    """A Parameter and a last step."""

    owner = Parameter("owner", default="forecasting")

    @step
    def end(self):
        """The same end for every flow."""


class Configured(FlowSpec):
    """A Config and a Parameter from it."""

    settings = Config("settings", default="flows/settings.json")
    rate = Parameter("rate", default=settings.rate)


class Audited(FlowMutator):
    """Adds a Parameter."""

    def pre_mutate(self, mutable_flow):
        """The Parameter."""
        mutable_flow.add_parameter("auditor", Parameter("auditor", default="nobody"), overwrite=True)


@Audited
class Mutated(FlowSpec):
    """A base class with a mutator."""
