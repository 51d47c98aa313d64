"""@project with production=True."""

from metaflow import FlowSpec, project, step


@project(name="recsys", production=True)
class ProjectProduction(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ProjectProduction()
