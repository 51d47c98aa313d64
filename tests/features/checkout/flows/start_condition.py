"""`if __name__ == "__main__" and F():`, and nothing in the block."""

from metaflow import FlowSpec, step


class StartCondition(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__" and StartCondition():
    pass
