"""A flow that configures Metaflow by variables that it sets before it imports Metaflow."""

import os

os.environ["METAFLOW_KUBERNETES_CONTAINER_IMAGE"] = "registry.example.com/of-the-flow:1"
os.environ["METAFLOW_BATCH_CONTAINER_IMAGE"] = "registry.example.com/of-the-flow:1"

from metaflow import FlowSpec, step


class SetsEnvironment(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    SetsEnvironment()
