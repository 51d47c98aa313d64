"""A graph that is none: branches without a join."""

from metaflow import FlowSpec, step


class GraphBroken(FlowSpec):
    @step
    def start(self):
        self.next(self.left, self.right)

    @step
    def left(self):
        self.next(self.end)

    @step
    def right(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    GraphBroken()
