"""A base class in another module, with @project."""

from base_module import TeamFlow
from metaflow import schedule, step


@schedule(daily=True)
class BaseOtherModule(TeamFlow):
    @step
    def start(self):
        self.next(self.end)


if __name__ == "__main__":
    BaseOtherModule()
