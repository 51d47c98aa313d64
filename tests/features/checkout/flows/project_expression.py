"""@project whose name, branch and production are a Config's."""

from metaflow import Config, FlowSpec, config_expr, project, step

WHERE = {"name": "recsys", "branch": "canary", "production": True}


@project(name=config_expr("where.name"), branch=config_expr("where.branch"), production=config_expr("where.production"))
class ProjectExpression(FlowSpec):
    where = Config("where", default_value=WHERE)

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ProjectExpression()
