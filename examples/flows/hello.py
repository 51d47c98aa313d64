"""The smallest flow that can be deployed: two steps, no parameters."""

from metaflow import FlowSpec, step


class HelloFlow(FlowSpec):
    """Say hello from production."""

    @step
    def start(self):
        self.greeting = "hello from production"
        self.next(self.end)

    @step
    def end(self):
        print(self.greeting)


if __name__ == "__main__":
    HelloFlow()
