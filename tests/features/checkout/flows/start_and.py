"""`__name__ == "__main__" and F()`."""

from metaflow import FlowSpec, step


class StartAnd(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


__name__ == "__main__" and StartAnd()
