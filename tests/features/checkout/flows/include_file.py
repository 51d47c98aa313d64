"""IncludeFile: with a default, as text and as bytes, and without one."""

from metaflow import FlowSpec, IncludeFile, step


class IncludesFile(FlowSpec):
    samples = IncludeFile("samples", default="flows/samples.csv")
    binary = IncludeFile("binary", default="flows/samples.csv", is_text=False)
    later = IncludeFile("later", help="Given with each run.")

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    IncludesFile()
