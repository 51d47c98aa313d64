"""A flow that prints what looks like an error, on both streams, when it is read and when it is deployed."""

import sys

from metaflow import FlowSpec, Parameter, step

print("Connection refused: Max retries exceeded with url: /api")
print("Traceback (most recent call last):\n  Unauthorized 401 Forbidden", file=sys.stderr)


def day(context):
    print("botocore.exceptions.NoCredentialsError: Unable to locate credentials")
    return "monday"


class Prints(FlowSpec):
    day = Parameter("day", default=day)

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    Prints()
