"""@project with a name that Metaflow does not take."""

from metaflow import FlowSpec, project, step


@project(name="Recommender System")
class ProjectBadName(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ProjectBadName()
