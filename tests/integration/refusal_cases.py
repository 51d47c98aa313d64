"""Flows that plain Metaflow refuses, each in a world where nothing else is wrong, and what is said of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from deployer.outcome import FailureReason

SFN, ARGO, AIRFLOW = "step-functions", "argo-workflows", "airflow"
CONFIG = "metaflow-config"
SWITCH = (
    "        self.way = 'left'\n        self.next({'left': self.left, 'right': self.right}, condition='way')\n\n"
    "    @step\n    def left(self):\n        self.next(self.end)\n\n"
    "    @step\n    def right(self):\n        self.next(self.end)\n"
)
PARALLEL = (
    "        self.next(self.train, num_parallel=2)\n\n    @parallel\n    @step\n    def train(self):\n"
    "        self.next(self.gather)\n\n    @step\n    def gather(self, inputs):\n        self.next(self.end)\n"
)
FOREACH = (
    "        self.items = [1]\n        self.next(self.each, foreach='items')\n\n    @step\n    def each(self):\n"
    "        self.next(self.gather)\n\n    @step\n    def gather(self, inputs):\n        self.next(self.end)\n"
)
NESTED = FOREACH.replace(
    "        self.next(self.gather)\n",
    "        self.more = [1]\n        self.next(self.inner, foreach='more')\n\n    @step\n    def inner(self):\n"
    "        self.next(self.near)\n\n    @step\n    def near(self, inputs):\n        self.next(self.gather)\n",
    1,
)
LONG = FOREACH.replace(
    "        self.next(self.gather)\n",
    "        self.next(self.then)\n\n    @step\n    def then(self):\n        self.next(self.gather)\n",
    1,
)


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A flow that is refused, and what is to be said of it."""

    on: str
    reason: FailureReason
    says: tuple[str, ...]
    """Parts of message and advice."""
    input: str | None = None
    above: str = ""
    """Lines before the class, decorators last."""
    members: str = ""
    at_start: str = ""
    """Decorators of the start step."""
    body: str = "        self.next(self.end)\n"
    name: str = "RefusedFlow"
    top: tuple[str, ...] = ()
    group: tuple[str, ...] = ()
    create: tuple[str, ...] = ()
    environment: Mapping[str, str | None] = field(default_factory=dict)
    """None takes a variable out."""

    @property
    def text(self) -> str:
        members = "".join(f"    {line}\n" for line in self.members.splitlines())
        decorators = "".join(f"    {line}\n" for line in self.at_start.splitlines())
        return (
            "from metaflow import *\n\nprint('    Argo Client error:\\n    Connection refused\\n')\n"
            f"{self.above}\n\nclass {self.name}(FlowSpec):\n{members}\n{decorators}    @step\n    def start(self):\n"
            f"{self.body}\n    @step\n    def end(self):\n        pass\n\n\n"
            f"if __name__ == '__main__':\n    {self.name}()\n"
        )


INPUT, FLOW, DEPLOY, STORE = (
    FailureReason.INPUT,
    FailureReason.FLOW_INVALID,
    FailureReason.DEPLOY,
    FailureReason.DATASTORE,
)
REFUSALS = {
    "pypi": Refusal(
        on=ARGO,
        at_start="@pypi(packages={'six': '1.16'})",
        reason=INPUT,
        input="metaflow-environment",
        says=("@pypi", "`metaflow-environment: pypi`"),
    ),
    "conda-base": Refusal(
        on=SFN,
        above="@conda_base(packages={'six': '1.16'})",
        reason=INPUT,
        input="metaflow-environment",
        says=("@conda", "`metaflow-environment: conda`"),
    ),
    "timezone-sfn": Refusal(
        on=SFN,
        above="@schedule(daily=True, timezone='Europe/Berlin')",
        reason=FLOW,
        says=("time zone", "in UTC", "`orchestrator: argo-workflows`"),
    ),
    "timezone-airflow": Refusal(
        on=AIRFLOW, above="@schedule(daily=True, timezone='Europe/Berlin')", reason=FLOW, says=("time zone", "in UTC")
    ),
    "switch-sfn": Refusal(
        on=SFN, body=SWITCH, reason=FLOW, says=("a switch (`self.next({", "AWS Step Functions", "argo-workflows`")
    ),
    "switch-airflow": Refusal(on=AIRFLOW, body=SWITCH, reason=FLOW, says=("a switch", "Airflow")),
    "trigger-sfn": Refusal(
        on=SFN, above="@trigger(event='data')", reason=FLOW, says=("@trigger", "AWS Step Functions does not have")
    ),
    "trigger-airflow": Refusal(
        on=AIRFLOW, above="@trigger(event='data')", reason=FLOW, says=("@trigger", "Airflow does not have")
    ),
    "exit-hook-sfn": Refusal(
        on=SFN,
        above="def done():\n    pass\n\n\n@exit_hook(on_success=[done])",
        reason=FLOW,
        says=("@exit_hook", "AWS Step Functions"),
    ),
    "exit-hook-airflow": Refusal(
        on=AIRFLOW,
        above="def done():\n    pass\n\n\n@exit_hook(on_success=[done])",
        reason=FLOW,
        says=("@exit_hook", "Airflow"),
    ),
    "parallel-sfn": Refusal(on=SFN, body=PARALLEL, reason=FLOW, says=("@parallel", "AWS Step Functions")),
    "parallel-airflow": Refusal(on=AIRFLOW, body=PARALLEL, reason=FLOW, says=("@parallel", "Airflow")),
    "events": Refusal(
        on=ARGO,
        above="@trigger(event='data')",
        reason=INPUT,
        input=CONFIG,
        says=("@trigger", "METAFLOW_ARGO_EVENTS_EVENT_SOURCE", "`metaflow-config`"),
    ),
    "event-source": Refusal(
        on=ARGO,
        above="@trigger_on_finish(flow='Other')",
        environment={"METAFLOW_ARGO_EVENTS_EVENT": "metaflow-event"},
        reason=INPUT,
        input=CONFIG,
        says=("METAFLOW_ARGO_EVENTS_EVENT_SOURCE",),
    ),
    "event-account": Refusal(
        on=ARGO,
        above="@trigger(event='data')",
        environment={"METAFLOW_ARGO_EVENTS_EVENT": "e", "METAFLOW_ARGO_EVENTS_EVENT_SOURCE": "s"},
        reason=INPUT,
        input=CONFIG,
        says=("METAFLOW_ARGO_EVENTS_SERVICE_ACCOUNT",),
    ),
    "event-parameter": Refusal(
        on=ARGO,
        above="@trigger(event={'name': 'data', 'parameters': {'day': 'date'}})",
        reason=FLOW,
        says=("`day`", "@trigger"),
    ),
    "event-parameter-twice": Refusal(
        on=ARGO,
        above="@trigger(events=[{'name': 'a', 'parameters': {'day': 'x'}}, {'name': 'b', 'parameters': {'Day': 'y'}}])",
        members="day = Parameter('day', default='friday')",
        reason=FLOW,
        says=("`day`", "more than one field"),
    ),
    "event-field": Refusal(
        on=ARGO,
        above="@trigger(event={'name': 'data', 'parameters': {'day': 'body.date'}})",
        members="day = Parameter('day', default='friday')",
        reason=FLOW,
        says=("the field `body.date` of the event `data`", "letters, digits and underscores"),
    ),
    "event-name": Refusal(
        on=ARGO,
        above="@trigger(event='new data/ready')",
        reason=FLOW,
        says=("the event `new data/ready`", "hyphens and dots"),
    ),
    "finish-project-alone": Refusal(
        on=ARGO,
        above="@trigger_on_finish(flow={'name': 'Other', 'project': 'recsys'})",
        reason=FLOW,
        says=("project without a branch", "`project` and `project_branch`"),
    ),
    "finish-branch-alone": Refusal(
        on=ARGO,
        above="@trigger_on_finish(flow={'name': 'Other', 'project_branch': 'prod'})",
        reason=FLOW,
        says=("branch without a project", "`project` and `project_branch`"),
    ),
    "two-triggers": Refusal(
        on=ARGO,
        above="@trigger(event='data')\n@trigger_on_finish(flow='Other')",
        reason=FLOW,
        says=("both @trigger and @trigger_on_finish",),
    ),
    "schedule-sfn": Refusal(
        on=SFN,
        above="@schedule(daily=True)",
        members="day = Parameter('run-day', required=True)",
        reason=FLOW,
        says=("`run-day`", "a default"),
    ),
    "schedule-argo": Refusal(
        on=ARGO,
        above="@schedule(daily=True)",
        members="day = Parameter('run-day', required=True)",
        reason=FLOW,
        says=("`run-day`", "a default"),
    ),
    "default-airflow": Refusal(
        on=AIRFLOW, members="day = Parameter('day')", reason=FLOW, says=("`day`", "a default", "Airflow")
    ),
    "notifications": Refusal(
        on=ARGO,
        create=("--notify-on-error",),
        reason=INPUT,
        input="create-options",
        says=("`notify_on_error`", "`notify_slack_webhook_url`"),
    ),
    "incident": Refusal(
        on=ARGO,
        create=("--notify-on-error", "--notify-incident-io-api-key", "key"),
        reason=INPUT,
        input="create-options",
        says=("`incident_io_alert_source_config_id`",),
    ),
    "log-group": Refusal(
        on=SFN,
        create=("--log-execution-history",),
        reason=INPUT,
        input="create-options",
        says=("METAFLOW_SFN_EXECUTION_LOG_GROUP_ARN",),
    ),
    "new-token": Refusal(
        on=SFN,
        above="@project(name='recsys')",
        create=("--new-token", "mine"),
        reason=INPUT,
        input="create-options",
        says=("`generate_new_token: true`",),
    ),
    "with": Refusal(on=ARGO, top=("--with", "retri"), reason=INPUT, input="with", says=("`retri`",)),
    "with-attribute": Refusal(
        on=ARGO, top=("--with", "retry:time=2"), reason=FLOW, says=("@retry", "`time`", "`with`")
    ),
    "tags": Refusal(on=SFN, create=("--tag", "x" * 501), reason=INPUT, input="tags", says=("too long 501",)),
    "config-missing": Refusal(
        on=ARGO,
        members="settings = Config('settings', required=True)",
        reason=INPUT,
        input="config",
        says=("missing configuration for 'settings'", "`config`"),
    ),
    "config-json": Refusal(
        on=SFN,
        members="settings = Config('settings')",
        top=("--config-value", "settings", "lr = 1"),
        reason=INPUT,
        input="config",
        says=("not valid JSON", "'settings'"),
    ),
    "config-unknown": Refusal(
        on=SFN,
        members="settings = Config('settings', default_value={})",
        top=("--config-value", "Settings", "{}"),
        reason=INPUT,
        input="config",
        says=("no Config `Settings`", "settings"),
    ),
    "config-none": Refusal(
        on=SFN, top=("--config-value", "a", "{}"), reason=INPUT, input="config", says=("the flow has no Config",)
    ),
    "environment": Refusal(
        on=SFN,
        top=("--environment", "pipy"),
        reason=INPUT,
        input="metaflow-environment",
        says=("no environment `pipy`", "conda"),
    ),
    "branch": Refusal(
        on=SFN,
        above="@project(name='recsys')",
        top=("--branch", "Fix-1"),
        reason=INPUT,
        input="project-branch",
        says=("`project-branch`", "lower-case"),
    ),
    "branch-long": Refusal(
        on=ARGO,
        above="@project(name='recsys')",
        top=("--branch", "x" * 129),
        reason=INPUT,
        input="project-branch",
        says=("`project-branch`", "128"),
    ),
    "branch-twice": Refusal(
        on=ARGO,
        above="@project(name='recsys', branch='main')",
        top=("--branch", "other"),
        reason=INPUT,
        input="project-branch",
        says=("@project sets `branch`",),
    ),
    "project-name": Refusal(on=ARGO, above="@project(name='Rec-Sys')", reason=FLOW, says=("@project(name=…)",)),
    "project-unnamed": Refusal(on=SFN, above="@project()", reason=FLOW, says=("@project(name=…)",)),
    "name-of-project": Refusal(
        on=SFN,
        above="@project(name='recsys')",
        group=("--name", "x"),
        reason=INPUT,
        input="deployment-name",
        says=("Leave `deployment-name` out",),
    ),
    "name-sfn": Refusal(
        on=SFN, group=("--name", "x" * 81), reason=INPUT, input="deployment-name", says=("80 characters",)
    ),
    "name-argo": Refusal(
        on=ARGO, group=("--name", "x" * 46), reason=INPUT, input="deployment-name", says=("45 characters",)
    ),
    "name-letters": Refusal(
        on=ARGO, group=("--name", "No_Name"), reason=INPUT, input="deployment-name", says=("`No_Name`", "lower-case")
    ),
    "role": Refusal(
        on=SFN,
        environment={"METAFLOW_SFN_IAM_ROLE": None},
        reason=INPUT,
        input=CONFIG,
        says=("METAFLOW_SFN_IAM_ROLE", "`metaflow-config`"),
    ),
    "events-role": Refusal(
        on=SFN,
        environment={"METAFLOW_EVENTS_SFN_ACCESS_IAM_ROLE": None},
        reason=INPUT,
        input=CONFIG,
        says=("METAFLOW_EVENTS_SFN_ACCESS_IAM_ROLE",),
    ),
    "queue": Refusal(
        on=SFN,
        environment={"METAFLOW_ECS_S3_ACCESS_IAM_ROLE": None},
        reason=DEPLOY,
        input=CONFIG,
        says=("METAFLOW_ECS_S3_ACCESS_IAM_ROLE",),
    ),
    "table": Refusal(
        on=SFN,
        body=FOREACH,
        environment={"METAFLOW_SFN_DYNAMO_DB_TABLE": None},
        reason=INPUT,
        input=CONFIG,
        says=("foreach", "METAFLOW_SFN_DYNAMO_DB_TABLE"),
    ),
    "local-sfn": Refusal(
        on=SFN,
        environment={"METAFLOW_DEFAULT_DATASTORE": "local"},
        reason=STORE,
        input=CONFIG,
        says=("METAFLOW_DEFAULT_DATASTORE",),
    ),
    "local-argo": Refusal(
        on=ARGO,
        environment={"METAFLOW_DEFAULT_DATASTORE": "local"},
        reason=STORE,
        input=CONFIG,
        says=("METAFLOW_DEFAULT_DATASTORE",),
    ),
    "local-airflow": Refusal(
        on=AIRFLOW,
        environment={"METAFLOW_DEFAULT_DATASTORE": "local"},
        reason=STORE,
        input=CONFIG,
        says=("METAFLOW_DEFAULT_DATASTORE",),
    ),
    "nowhere": Refusal(
        on=ARGO,
        environment={"METAFLOW_DATASTORE_SYSROOT_S3": None},
        reason=STORE,
        input=CONFIG,
        says=("METAFLOW_DATASTORE_SYSROOT_S3",),
    ),
    "batch-on-argo": Refusal(on=ARGO, at_start="@batch", reason=FLOW, says=("`start`", "AWS Batch and on Kubernetes")),
    "batch-on-airflow": Refusal(on=AIRFLOW, at_start="@batch", reason=FLOW, says=("`start`",)),
    "namespace": Refusal(
        on=ARGO, at_start="@kubernetes(namespace='other')", reason=FLOW, input=CONFIG, says=("`start`", "`default`")
    ),
    "nested-airflow": Refusal(on=AIRFLOW, body=NESTED, reason=FLOW, says=("`each`", "foreach inside a foreach")),
    "long-airflow": Refusal(on=AIRFLOW, body=LONG, reason=FLOW, says=("`each`", "its join")),
    "timeout": Refusal(on=SFN, at_start="@timeout(seconds=30)", reason=FLOW, says=("`start`", "60 seconds")),
    "reserved": Refusal(on=ARGO, members="script = Parameter('script')", reason=FLOW, says=("`script`", "Rename")),
    "twice": Refusal(
        on=SFN, members="a = Parameter('day')\nb = Parameter('Day')", reason=FLOW, says=("two Parameters `Day`",)
    ),
    "computed": Refusal(
        on=SFN,
        members="def day(context):\n    raise OSError('Connection refused')\n\nd = Parameter('day', default=day)",
        reason=FLOW,
        says=("`default` of the Parameter `day`", "OSError: Connection refused"),
    ),
    "choice-argo": Refusal(
        on=ARGO,
        above="from metaflow._vendor import click",
        members="size = Parameter('size', type=click.Choice(['s', 'l']), default='s')",
        reason=FLOW,
        says=("click's type Choice", "Argo Workflows", "JSONType", "another `orchestrator`"),
    ),
    "bytes": Refusal(
        on=SFN, members="key = Parameter('key', default=b'1')", reason=FLOW, says=("the type bytes", "as JSON")
    ),
    "graph-sfn": Refusal(on=SFN, body="        self.next(self.nowhere)\n", reason=FLOW, says=("nowhere",)),
    "graph": Refusal(on=ARGO, body="        self.next(self.nowhere)\n", reason=FLOW, says=("nowhere",)),
}
