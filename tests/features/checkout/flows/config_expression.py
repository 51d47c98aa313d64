"""config_expr in decorators of the flow and of a step, functions of the file called in it."""

from metaflow import Config, FlowSpec, config_expr, environment, schedule, step, timeout


def loud(text):
    return text.upper()


@schedule(cron=config_expr("settings.cron"))
class ConfigExpression(FlowSpec):
    settings = Config("settings", default="flows/settings.json")
    limits = Config("limits", default_value={"minutes": 5})

    @timeout(**limits)
    @environment(vars={"TEAM": config_expr("loud(settings.team)"), "CPU": config_expr("str(settings.cpu)")})
    @step
    def start(self):
        self.next(self.end)

    @environment(vars=config_expr("settings.labels"))
    @step
    def end(self):
        pass


if __name__ == "__main__":
    ConfigExpression()
