"""A step that is its own next step until a condition holds."""

from metaflow import FlowSpec, step


class GraphRecursion(FlowSpec):
    @step
    def start(self):
        self.rounds = 0
        self.next(self.improve)

    @step
    def improve(self):
        self.rounds += 1
        self.done = "yes" if self.rounds > 2 else "no"
        self.next({"no": self.improve, "yes": self.end}, condition="done")

    @step
    def end(self):
        pass


if __name__ == "__main__":
    GraphRecursion()
