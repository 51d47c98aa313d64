"""A switch: the next step by a condition."""

from metaflow import FlowSpec, step


class GraphSwitch(FlowSpec):
    @step
    def start(self):
        self.size = "small"
        self.next({"small": self.small, "large": self.large}, condition="size")

    @step
    def small(self):
        self.next(self.end)

    @step
    def large(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    GraphSwitch()
