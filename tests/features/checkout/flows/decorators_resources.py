"""@resources, and @environment."""

from metaflow import FlowSpec, environment, resources, step


class ResourceDecorators(FlowSpec):
    @resources(cpu=2, memory=4096, gpu=1)
    @environment(vars={"TOKENIZERS_PARALLELISM": "false", "QUOTED": "a 'b' \"c\""})
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ResourceDecorators()
