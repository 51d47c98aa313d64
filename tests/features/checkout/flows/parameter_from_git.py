"""A Parameter whose default is asked of git when the flow is deployed."""

import subprocess
from pathlib import Path

from metaflow import FlowSpec, Parameter, step


def commit(context):
    asked = ["git", "rev-parse", "HEAD"]
    return subprocess.run(asked, cwd=Path(__file__).parent, capture_output=True, text=True, check=True).stdout.strip()


class ParameterFromGit(FlowSpec):
    commit = Parameter("commit", default=commit)

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ParameterFromGit()
