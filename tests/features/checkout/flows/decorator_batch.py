"""@batch."""

from metaflow import FlowSpec, batch, step


class OnBatch(FlowSpec):
    @batch(cpu=2, memory=4096, image="registry.example.com/train:1")
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    OnBatch()
