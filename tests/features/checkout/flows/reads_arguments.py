"""A flow that looks at the command line when it is read."""

import sys

from metaflow import FlowSpec, schedule, step


def deployed_only(flow):
    """@schedule, where the flow is deployed."""
    return schedule(hourly=True)(flow) if "create" in sys.argv else flow


@deployed_only
class ReadsArguments(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ReadsArguments()
