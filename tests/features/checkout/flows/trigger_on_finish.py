"""@trigger_on_finish, of flows of the same project and of another."""

from metaflow import FlowSpec, project, step, trigger_on_finish

OTHER = {"name": "PrepareFlow", "project": "warehouse", "project_branch": "prod"}


@project(name="recsys")
@trigger_on_finish(flows=["ProjectLiteral", OTHER])
class TriggerOnFinish(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    TriggerOnFinish()
