"""A foreach in a foreach."""

from metaflow import FlowSpec, step


class GraphForeach(FlowSpec):
    @step
    def start(self):
        self.models = ["a", "b"]
        self.next(self.model, foreach="models")

    @step
    def model(self):
        self.folds = [1, 2]
        self.next(self.fold, foreach="folds")

    @step
    def fold(self):
        self.next(self.join_folds)

    @step
    def join_folds(self, inputs):
        self.next(self.join_models)

    @step
    def join_models(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    GraphForeach()
