"""A folder of elsewhere in the code package: @package_sources."""

from metaflow import FlowSpec, package_sources, step


@package_sources("../shared")
class PackageSources(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    PackageSources()
