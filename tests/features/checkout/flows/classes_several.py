"""Two flows in a file, of which the file starts one."""

from metaflow import FlowSpec, Parameter, step


class ClassesOther(FlowSpec):
    other = Parameter("other", default=1)

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


class ClassesSeveral(FlowSpec):
    rate = Parameter("rate", default=0.5)

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ClassesSeveral()
