"""@exit_hook, for success and for failure."""

from metaflow import FlowSpec, exit_hook, step


def celebrate(run):
    print("well done", run)


def mourn(run):
    print("failed", run)


@exit_hook(on_success=[celebrate], on_error=[mourn])
class WithExitHook(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    WithExitHook()
