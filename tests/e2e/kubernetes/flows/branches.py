"""A flow of a project with long names: what Argo takes is shorter than all of them together."""

from metaflow import FlowSpec, project, schedule, step


@project(name="recommendations")
@schedule(daily=True)
class CandidateGenerationFlow(FlowSpec):
    """Deployed under a name that Metaflow shortens."""

    @step
    def start(self):
        """First."""
        self.next(self.end)

    @step
    def end(self):
        """Last."""


if __name__ == "__main__":
    CandidateGenerationFlow()
