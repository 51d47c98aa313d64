"""Files of other kinds in the code package, by a mutator of Metaflow's."""

from metaflow import FlowSpec, step
from metaflow.plugins.package_suffixes_mutator import package_suffixes


@package_suffixes([".csv"])
class PackageSuffixes(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    PackageSuffixes()
