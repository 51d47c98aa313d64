"""IncludeFile whose default file is not there."""

from metaflow import FlowSpec, IncludeFile, step


class IncludesNoFile(FlowSpec):
    samples = IncludeFile("samples", default="flows/nowhere.csv")

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    IncludesNoFile()
