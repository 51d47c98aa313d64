"""A FlowMutator of the base class, which is in a package."""

from common.base import Mutated
from metaflow import step


class MutatorOfTheBase(Mutated):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    MutatorOfTheBase()
