"""@project with names that are longer than Argo Workflows takes."""

from metaflow import FlowSpec, project, step


@project(name="recommendations_of_the_whole_shop")
class ProjectWithARatherLongNameOfItsOwn(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ProjectWithARatherLongNameOfItsOwn()
