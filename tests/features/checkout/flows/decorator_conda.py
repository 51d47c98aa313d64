"""@conda_base."""

from metaflow import FlowSpec, conda_base, step


@conda_base(libraries={"requests": "2.32.3"}, python="3.11")
class WithConda(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    WithConda()
