"""A flow that imports a module of the repository's that raises."""

from broken_module import VALUE
from metaflow import FlowSpec, step


class ImportRaises(FlowSpec):
    value = VALUE

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ImportRaises()
