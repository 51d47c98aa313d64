"""@project with production=False."""

from metaflow import FlowSpec, project, step


@project(name="recsys", production=False)
class ProjectNotProduction(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ProjectNotProduction()
