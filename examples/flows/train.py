"""Parameters, a foreach over models, and a join: the shape of most training flows."""

import json
from statistics import fmean

from metaflow import FlowSpec, JSONType, Parameter, step

SAMPLES = [(1.0, 2.1), (2.0, 3.9), (3.0, 6.2), (4.0, 7.8)]


class TrainFlow(FlowSpec):
    """Fit y = a * x for several learning rates, and keep the best."""

    epochs = Parameter("epochs", type=int, default=20, help="How often the samples are gone through.")
    rates = Parameter("rates", type=JSONType, default="[0.001, 0.01, 0.05]", help="The learning rates to try.")
    label = Parameter("label", default="nightly", help="A name for the model.")

    @step
    def start(self):
        self.learning_rates = list(self.rates)
        self.next(self.train, foreach="learning_rates")

    @step
    def train(self):
        self.rate = self.input
        slope = 0.0
        for _ in range(self.epochs):
            for x, y in SAMPLES:
                slope += self.rate * (y - slope * x) * x
        self.slope = slope
        self.loss = fmean((y - slope * x) ** 2 for x, y in SAMPLES)
        print(f"rate {self.rate}: slope {self.slope:.3f}, loss {self.loss:.4f}")
        self.next(self.choose)

    @step
    def choose(self, inputs):
        best = min(inputs, key=lambda one: one.loss)
        self.model = {"label": self.label, "slope": best.slope, "rate": best.rate, "loss": best.loss}
        self.next(self.end)

    @step
    def end(self):
        print(json.dumps(self.model, indent=2))


if __name__ == "__main__":
    TrainFlow()
