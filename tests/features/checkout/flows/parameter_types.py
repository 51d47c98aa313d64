"""Parameters of every type, by their default or by `type`; defaults that are None."""

from metaflow import FlowSpec, JSONType, Parameter, step


class ParameterTypes(FlowSpec):
    text = Parameter("text", default="a 'b' \"c\" $d")
    count = Parameter("count", default=3, help="How often.")
    rate = Parameter("rate", default=0.25)
    loud = Parameter("loud", default=False)
    layers = Parameter("layers", type=JSONType, default='{"a": [1, null, "x"]}')
    shape = Parameter("shape", type=JSONType, default={"width": 3})
    nothing = Parameter("nothing", default=None)
    number = Parameter("number", type=int)
    needed = Parameter("needed", type=float, required=True)

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ParameterTypes()
