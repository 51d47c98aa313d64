"""A flow without @project whose name is longer than Argo Workflows takes."""

from metaflow import FlowSpec, step


class FlowWithANameThatIsLongerThanFortyFiveCharacters(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    FlowWithANameThatIsLongerThanFortyFiveCharacters()
