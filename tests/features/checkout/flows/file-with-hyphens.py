"""A flow file whose name no module could have."""

from metaflow import FlowSpec, step


class FileWithHyphens(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    FileWithHyphens()
