"""A decorator of the user's own around a step, with and without arguments."""

from metaflow import FlowSpec, step, user_step_decorator


@user_step_decorator
def announced(step_name, flow, inputs=None):
    print("before", step_name)
    yield
    print("after", step_name)


@user_step_decorator
def counted(step_name, flow, inputs=None, attributes=None):
    flow.count = attributes["first"]
    yield


class UserDecorator(FlowSpec):
    @announced
    @step
    def start(self):
        self.next(self.end)

    @counted(first=3)
    @step
    def end(self):
        pass


if __name__ == "__main__":
    UserDecorator()
