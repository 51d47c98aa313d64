"""A module beside the flow that is called as the action's own package: `deployer`."""

from metaflow import FlowSpec, Parameter, step

import deployer


class ModuleCalledDeployer(FlowSpec):
    name = Parameter("name", default=deployer.NAME)

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ModuleCalledDeployer()
