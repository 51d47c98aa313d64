"""A function of the file starts the flow."""

from metaflow import FlowSpec, step


class StartFunction(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


def main():
    StartFunction()


if __name__ == "__main__":
    main()
