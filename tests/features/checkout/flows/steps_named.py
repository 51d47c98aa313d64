"""A first and a last step that are called otherwise: @step(start=True), @step(end=True)."""

from metaflow import FlowSpec, Parameter, step


class StepsNamed(FlowSpec):
    rate = Parameter("rate", default=0.5)

    @step(start=True)
    def begin(self):
        self.next(self.finish)

    @step(end=True)
    def finish(self):
        pass


if __name__ == "__main__":
    StepsNamed()
