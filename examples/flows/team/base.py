"""The team's base class of flows, and the mutator that gives every step what the team has agreed on."""

import time

from metaflow import FlowMutator, FlowSpec, Parameter, environment, retry, step


class standards(FlowMutator):  # noqa: N801  # used as a decorator
    """Retries for every step that states none, and the team's name in each step's environment."""

    def init(self, team):
        """Args: team: the name."""
        self.team = team

    def mutate(self, mutable_flow):
        """What is added to each step; a @retry that the step has already stays as it is."""
        for _, one in mutable_flow.steps:
            one.add_decorator(retry, deco_kwargs={"times": 2}, duplicates=one.IGNORE)
            one.add_decorator(environment, deco_kwargs={"vars": {"TEAM": self.team}})


class TeamFlow(FlowSpec):
    """What every flow of the team has: a Parameter, and a last step that reports."""

    label = Parameter("label", default="nightly", help="A name for the run.")

    @step
    def end(self):
        """Say how long it took."""
        print(f"{self.label} took {time.time() - self.started:.0f} s")
