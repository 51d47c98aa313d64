"""A flow of a project: production and branches beside it, on a schedule, and after another flow has finished.

Under @project, the flow that is waited for is the one of the same project and branch (`prepare.py`).
@trigger_on_finish is for Argo Workflows (it needs Argo Events); AWS Step Functions has no such trigger, and Metaflow
refuses the flow there.
"""

from metaflow import FlowSpec, project, schedule, step, trigger_on_finish


@project(name="examples")
@schedule(cron="0 6 * * ? *", timezone="Etc/UTC")
@trigger_on_finish(flow="PrepareFlow")
class ScoreFlow(FlowSpec):
    """Score every morning, and whenever new samples were prepared."""

    @step
    def start(self):
        self.scores = {"examples": 1.0}
        self.next(self.end)

    @step
    def end(self):
        print(self.scores)


if __name__ == "__main__":
    ScoreFlow()
