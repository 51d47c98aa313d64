"""Parameters whose defaults are computed when the flow is deployed."""

import json

from metaflow import FlowSpec, JSONType, Parameter, current, project, step


def names(context):
    return json.dumps([context.flow_name, context.parameter_name, context.user_name])


def table(context):
    return current.project_flow_name.replace(".", "_").lower()


@project(name="recsys")
class ParameterComputed(FlowSpec):
    names = Parameter("names", type=JSONType, default=names)
    table = Parameter("table", default=table)
    count = Parameter("count", type=int, default=lambda context: 7)

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ParameterComputed()
