"""@kubernetes."""

from metaflow import FlowSpec, kubernetes, step


class OnKubernetes(FlowSpec):
    @kubernetes(cpu=2, memory=4096, image="registry.example.com/train:1", labels={"team": "ml"}, node_selector="a=b")
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    OnKubernetes()
