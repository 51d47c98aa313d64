"""A flow that is configured by a file: its project, its schedule, its retries, and the default of a Parameter.

The action's input `config` gives another file, or the values themselves, for another deployment of the same code:
`config: {settings: flows/staging.json}`, or `config: {settings: {project: examples, …}}`.
"""

from pathlib import Path

from metaflow import Config, FlowSpec, Parameter, config_expr, project, retry, schedule, step


@project(name=config_expr("settings.project"))
@schedule(cron=config_expr("settings.schedule"))
class ConfiguredFlow(FlowSpec):
    """Keep the samples above a threshold."""

    settings = Config("settings", default=str(Path(__file__).parent / "configured.json"))
    threshold = Parameter("threshold", default=settings.threshold, help="Samples below it are dropped.")

    @retry(times=settings.retries)
    @step
    def start(self):
        self.kept = [sample for sample in (0.1, 0.6, 0.9) if sample >= self.threshold]
        self.next(self.end)

    @step
    def end(self):
        print(f"{len(self.kept)} samples are at least {self.threshold}")


if __name__ == "__main__":
    ConfiguredFlow()
