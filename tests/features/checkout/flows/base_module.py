"""A base class in a module beside the flows."""

from metaflow import FlowSpec, Parameter, project, step


@project(name="recsys")
class TeamFlow(FlowSpec):
    """What every flow of the team has."""

    owner = Parameter("owner", default="forecasting")

    @step
    def end(self):
        """The same end for every flow."""
