"""@project whose name is a Config's."""

from metaflow import Config, FlowSpec, config_expr, project, step


@project(name=config_expr("settings").team)
class ProjectNameExpression(FlowSpec):
    settings = Config("settings", default="flows/settings.json")

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ProjectNameExpression()
