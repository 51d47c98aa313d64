"""A base class in a package beside the flow."""

from common.base import Base
from metaflow import Parameter, step


class BasePackage(Base):
    rate = Parameter("rate", default=0.5)

    @step
    def start(self):
        self.next(self.end)


if __name__ == "__main__":
    BasePackage()
