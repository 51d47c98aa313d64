"""@retry, @timeout and @catch."""

from metaflow import FlowSpec, catch, retry, step, timeout


class FailureDecorators(FlowSpec):
    @retry(times=3, minutes_between_retries=1)
    @timeout(minutes=10, seconds=30)
    @step
    def start(self):
        self.next(self.end)

    @catch(var="failure", print_exception=False)
    @step
    def end(self):
        pass


if __name__ == "__main__":
    FailureDecorators()
