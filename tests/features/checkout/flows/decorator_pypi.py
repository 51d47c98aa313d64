"""@pypi."""

from metaflow import FlowSpec, pypi, step


class WithPypi(FlowSpec):
    @pypi(packages={"requests": "2.32.3"})
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    WithPypi()
