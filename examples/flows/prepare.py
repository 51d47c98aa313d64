"""The first flow of a project: `score.py` runs whenever this one has finished."""

from metaflow import FlowSpec, project, step


@project(name="examples")
class PrepareFlow(FlowSpec):
    """Prepare what is to be scored."""

    @step
    def start(self):
        self.samples = [1.0, 2.0, 3.0]
        self.next(self.end)

    @step
    def end(self):
        print(f"{len(self.samples)} samples are prepared")


if __name__ == "__main__":
    PrepareFlow()
