"""@project with a branch."""

from metaflow import FlowSpec, project, step


@project(name="recsys", branch="next")
class ProjectBranch(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ProjectBranch()
