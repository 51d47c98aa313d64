"""A flow that imports what is not installed."""

import a_library_that_is_not_installed
from metaflow import FlowSpec, step


class ImportMissing(FlowSpec):
    library = a_library_that_is_not_installed

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ImportMissing()
