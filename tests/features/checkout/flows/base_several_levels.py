"""Base classes of base classes, from two lines; the last one replaces a step."""

from common.base import Base, Configured
from metaflow import Parameter, retry, step


class Middle(Base):
    middle = Parameter("middle", default=1)

    @retry
    @step
    def start(self):
        self.next(self.work)

    @step
    def work(self):
        self.next(self.end)


class BaseSeveralLevels(Middle, Configured):
    last = Parameter("last", default=2)

    @step
    def work(self):
        self.next(self.end)


if __name__ == "__main__":
    BaseSeveralLevels()
