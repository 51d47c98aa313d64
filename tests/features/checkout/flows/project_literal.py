"""@project with a name."""

from metaflow import FlowSpec, Parameter, project, step


@project(name="recsys")
class ProjectLiteral(FlowSpec):
    rate = Parameter("rate", default=0.5)

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ProjectLiteral()
