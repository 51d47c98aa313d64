"""A flow class that a function makes."""

from metaflow import FlowSpec, Parameter, step


def make(count):
    class ClassOfAFunction(FlowSpec):
        count_ = Parameter("count", default=count)

        @step
        def start(self):
            self.next(self.end)

        @step
        def end(self):
            pass

    return ClassOfAFunction


Made = make(3)

if __name__ == "__main__":
    Made()
