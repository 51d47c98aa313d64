"""One step that is the first and the last."""

from metaflow import FlowSpec, step


class StepSingle(FlowSpec):
    @step(start=True, end=True)
    def only(self):
        pass


if __name__ == "__main__":
    StepSingle()
