"""What real Metaflow refuses, and what the action makes of it: from the exception, and from the output alone.

Each case is a flow that plain `python flow.py … create` refuses in a world where nothing else is wrong.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from metaflow_commands import Command, Ended, run_commands

from deployer.orchestrators.diagnosis import ReportedError, classify_output, diagnose_exception
from deployer.outcome import Failure, FailureReason
from sandbox.kubernetes_api.control import KubernetesControl
from sandbox.runner import JobEvent, Runner, push
from sandbox.world import World

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
    told: tuple[str, ...]
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
        told=("@pypi", "`metaflow-environment: pypi`"),
    ),
    "conda-base": Refusal(
        on=SFN,
        above="@conda_base(packages={'six': '1.16'})",
        reason=INPUT,
        input="metaflow-environment",
        told=("@conda", "`metaflow-environment: conda`"),
    ),
    "timezone-sfn": Refusal(
        on=SFN,
        above="@schedule(daily=True, timezone='Europe/Berlin')",
        reason=FLOW,
        told=("time zone", "in UTC", "`orchestrator: argo-workflows`"),
    ),
    "timezone-airflow": Refusal(
        on=AIRFLOW, above="@schedule(daily=True, timezone='Europe/Berlin')", reason=FLOW, told=("time zone", "in UTC")
    ),
    "switch-sfn": Refusal(
        on=SFN, body=SWITCH, reason=FLOW, told=("a switch (`self.next({", "AWS Step Functions", "argo-workflows`")
    ),
    "switch-airflow": Refusal(on=AIRFLOW, body=SWITCH, reason=FLOW, told=("a switch", "Airflow")),
    "trigger-sfn": Refusal(
        on=SFN, above="@trigger(event='data')", reason=FLOW, told=("@trigger", "AWS Step Functions does not have")
    ),
    "trigger-airflow": Refusal(
        on=AIRFLOW, above="@trigger(event='data')", reason=FLOW, told=("@trigger", "Airflow does not have")
    ),
    "exit-hook-sfn": Refusal(
        on=SFN,
        above="def done():\n    pass\n\n\n@exit_hook(on_success=[done])",
        reason=FLOW,
        told=("@exit_hook", "AWS Step Functions"),
    ),
    "exit-hook-airflow": Refusal(
        on=AIRFLOW,
        above="def done():\n    pass\n\n\n@exit_hook(on_success=[done])",
        reason=FLOW,
        told=("@exit_hook", "Airflow"),
    ),
    "parallel-sfn": Refusal(on=SFN, body=PARALLEL, reason=FLOW, told=("@parallel", "AWS Step Functions")),
    "parallel-airflow": Refusal(on=AIRFLOW, body=PARALLEL, reason=FLOW, told=("@parallel", "Airflow")),
    "events": Refusal(
        on=ARGO,
        above="@trigger(event='data')",
        reason=INPUT,
        input=CONFIG,
        told=("@trigger", "METAFLOW_ARGO_EVENTS_EVENT_SOURCE", "`metaflow-config`"),
    ),
    "event-source": Refusal(
        on=ARGO,
        above="@trigger_on_finish(flow='Other')",
        environment={"METAFLOW_ARGO_EVENTS_EVENT": "metaflow-event"},
        reason=INPUT,
        input=CONFIG,
        told=("METAFLOW_ARGO_EVENTS_EVENT_SOURCE",),
    ),
    "event-account": Refusal(
        on=ARGO,
        above="@trigger(event='data')",
        environment={"METAFLOW_ARGO_EVENTS_EVENT": "e", "METAFLOW_ARGO_EVENTS_EVENT_SOURCE": "s"},
        reason=INPUT,
        input=CONFIG,
        told=("METAFLOW_ARGO_EVENTS_SERVICE_ACCOUNT",),
    ),
    "event-parameter": Refusal(
        on=ARGO,
        above="@trigger(event={'name': 'data', 'parameters': {'day': 'date'}})",
        reason=FLOW,
        told=("`day`", "@trigger"),
    ),
    "event-parameter-twice": Refusal(
        on=ARGO,
        above="@trigger(events=[{'name': 'a', 'parameters': {'day': 'x'}}, {'name': 'b', 'parameters': {'Day': 'y'}}])",
        members="day = Parameter('day', default='friday')",
        reason=FLOW,
        told=("`day`", "more than one field"),
    ),
    "event-field": Refusal(
        on=ARGO,
        above="@trigger(event={'name': 'data', 'parameters': {'day': 'body.date'}})",
        members="day = Parameter('day', default='friday')",
        reason=FLOW,
        told=("the field `body.date` of the event `data`", "letters, digits and underscores"),
    ),
    "event-name": Refusal(
        on=ARGO,
        above="@trigger(event='new data/ready')",
        reason=FLOW,
        told=("the event `new data/ready`", "hyphens and dots"),
    ),
    "finish-project-alone": Refusal(
        on=ARGO,
        above="@trigger_on_finish(flow={'name': 'Other', 'project': 'recsys'})",
        reason=FLOW,
        told=("project without a branch", "`project` and `project_branch`"),
    ),
    "finish-branch-alone": Refusal(
        on=ARGO,
        above="@trigger_on_finish(flow={'name': 'Other', 'project_branch': 'prod'})",
        reason=FLOW,
        told=("branch without a project", "`project` and `project_branch`"),
    ),
    "two-triggers": Refusal(
        on=ARGO,
        above="@trigger(event='data')\n@trigger_on_finish(flow='Other')",
        reason=FLOW,
        told=("both @trigger and @trigger_on_finish",),
    ),
    "schedule-sfn": Refusal(
        on=SFN,
        above="@schedule(daily=True)",
        members="day = Parameter('run-day', required=True)",
        reason=FLOW,
        told=("`run-day`", "a default"),
    ),
    "schedule-argo": Refusal(
        on=ARGO,
        above="@schedule(daily=True)",
        members="day = Parameter('run-day', required=True)",
        reason=FLOW,
        told=("`run-day`", "a default"),
    ),
    "default-airflow": Refusal(
        on=AIRFLOW, members="day = Parameter('day')", reason=FLOW, told=("`day`", "a default", "Airflow")
    ),
    "notifications": Refusal(
        on=ARGO,
        create=("--notify-on-error",),
        reason=INPUT,
        input="create-options",
        told=("`notify_on_error`", "`notify_slack_webhook_url`"),
    ),
    "incident": Refusal(
        on=ARGO,
        create=("--notify-on-error", "--notify-incident-io-api-key", "key"),
        reason=INPUT,
        input="create-options",
        told=("`incident_io_alert_source_config_id`",),
    ),
    "log-group": Refusal(
        on=SFN,
        create=("--log-execution-history",),
        reason=INPUT,
        input="create-options",
        told=("METAFLOW_SFN_EXECUTION_LOG_GROUP_ARN",),
    ),
    "new-token": Refusal(
        on=SFN,
        above="@project(name='recsys')",
        create=("--new-token", "mine"),
        reason=INPUT,
        input="create-options",
        told=("`generate_new_token: true`",),
    ),
    "with": Refusal(on=ARGO, top=("--with", "retri"), reason=INPUT, input="with", told=("`retri`",)),
    "with-attribute": Refusal(
        on=ARGO, top=("--with", "retry:time=2"), reason=FLOW, told=("@retry", "`time`", "`with`")
    ),
    "tags": Refusal(on=SFN, create=("--tag", "x" * 501), reason=INPUT, input="tags", told=("too long 501",)),
    "config-missing": Refusal(
        on=ARGO,
        members="settings = Config('settings', required=True)",
        reason=INPUT,
        input="config",
        told=("missing configuration for 'settings'", "`config`"),
    ),
    "config-json": Refusal(
        on=SFN,
        members="settings = Config('settings')",
        top=("--config-value", "settings", "lr = 1"),
        reason=INPUT,
        input="config",
        told=("not valid JSON", "'settings'"),
    ),
    "config-unknown": Refusal(
        on=SFN,
        members="settings = Config('settings', default_value={})",
        top=("--config-value", "Settings", "{}"),
        reason=INPUT,
        input="config",
        told=("no Config `Settings`", "settings"),
    ),
    "config-none": Refusal(
        on=SFN, top=("--config-value", "a", "{}"), reason=INPUT, input="config", told=("the flow has no Config",)
    ),
    "environment": Refusal(
        on=SFN,
        top=("--environment", "pipy"),
        reason=INPUT,
        input="metaflow-environment",
        told=("no environment `pipy`", "conda"),
    ),
    "branch": Refusal(
        on=SFN,
        above="@project(name='recsys')",
        top=("--branch", "Fix-1"),
        reason=INPUT,
        input="project-branch",
        told=("`project-branch`", "lower-case"),
    ),
    "branch-long": Refusal(
        on=ARGO,
        above="@project(name='recsys')",
        top=("--branch", "x" * 129),
        reason=INPUT,
        input="project-branch",
        told=("`project-branch`", "128"),
    ),
    "branch-twice": Refusal(
        on=ARGO,
        above="@project(name='recsys', branch='main')",
        top=("--branch", "other"),
        reason=INPUT,
        input="project-branch",
        told=("@project sets `branch`",),
    ),
    "project-name": Refusal(on=ARGO, above="@project(name='Rec-Sys')", reason=FLOW, told=("@project(name=…)",)),
    "project-unnamed": Refusal(on=SFN, above="@project()", reason=FLOW, told=("@project(name=…)",)),
    "name-of-project": Refusal(
        on=SFN,
        above="@project(name='recsys')",
        group=("--name", "x"),
        reason=INPUT,
        input="deployment-name",
        told=("Leave `deployment-name` out",),
    ),
    "name-sfn": Refusal(
        on=SFN, group=("--name", "x" * 81), reason=INPUT, input="deployment-name", told=("80 characters",)
    ),
    "name-argo": Refusal(
        on=ARGO, group=("--name", "x" * 46), reason=INPUT, input="deployment-name", told=("45 characters",)
    ),
    "name-letters": Refusal(
        on=ARGO, group=("--name", "No_Name"), reason=INPUT, input="deployment-name", told=("`No_Name`", "lower-case")
    ),
    "role": Refusal(
        on=SFN,
        environment={"METAFLOW_SFN_IAM_ROLE": None},
        reason=INPUT,
        input=CONFIG,
        told=("METAFLOW_SFN_IAM_ROLE", "`metaflow-config`"),
    ),
    "events-role": Refusal(
        on=SFN,
        environment={"METAFLOW_EVENTS_SFN_ACCESS_IAM_ROLE": None},
        reason=INPUT,
        input=CONFIG,
        told=("METAFLOW_EVENTS_SFN_ACCESS_IAM_ROLE",),
    ),
    "queue": Refusal(
        on=SFN,
        environment={"METAFLOW_ECS_S3_ACCESS_IAM_ROLE": None},
        reason=DEPLOY,
        input=CONFIG,
        told=("METAFLOW_ECS_S3_ACCESS_IAM_ROLE",),
    ),
    "table": Refusal(
        on=SFN,
        body=FOREACH,
        environment={"METAFLOW_SFN_DYNAMO_DB_TABLE": None},
        reason=INPUT,
        input=CONFIG,
        told=("foreach", "METAFLOW_SFN_DYNAMO_DB_TABLE"),
    ),
    "local-sfn": Refusal(
        on=SFN,
        environment={"METAFLOW_DEFAULT_DATASTORE": "local"},
        reason=STORE,
        input=CONFIG,
        told=("METAFLOW_DEFAULT_DATASTORE",),
    ),
    "local-argo": Refusal(
        on=ARGO,
        environment={"METAFLOW_DEFAULT_DATASTORE": "local"},
        reason=STORE,
        input=CONFIG,
        told=("METAFLOW_DEFAULT_DATASTORE",),
    ),
    "local-airflow": Refusal(
        on=AIRFLOW,
        environment={"METAFLOW_DEFAULT_DATASTORE": "local"},
        reason=STORE,
        input=CONFIG,
        told=("METAFLOW_DEFAULT_DATASTORE",),
    ),
    "nowhere": Refusal(
        on=ARGO,
        environment={"METAFLOW_DATASTORE_SYSROOT_S3": None},
        reason=STORE,
        input=CONFIG,
        told=("METAFLOW_DATASTORE_SYSROOT_S3",),
    ),
    "batch-on-argo": Refusal(on=ARGO, at_start="@batch", reason=FLOW, told=("`start`", "AWS Batch and on Kubernetes")),
    "batch-on-airflow": Refusal(on=AIRFLOW, at_start="@batch", reason=FLOW, told=("`start`",)),
    "namespace": Refusal(
        on=ARGO, at_start="@kubernetes(namespace='other')", reason=FLOW, input=CONFIG, told=("`start`", "`default`")
    ),
    "nested-airflow": Refusal(on=AIRFLOW, body=NESTED, reason=FLOW, told=("`each`", "foreach inside a foreach")),
    "long-airflow": Refusal(on=AIRFLOW, body=LONG, reason=FLOW, told=("`each`", "its join")),
    "timeout": Refusal(on=SFN, at_start="@timeout(seconds=30)", reason=FLOW, told=("`start`", "60 seconds")),
    "reserved": Refusal(on=ARGO, members="script = Parameter('script')", reason=FLOW, told=("`script`", "Rename")),
    "twice": Refusal(
        on=SFN, members="a = Parameter('day')\nb = Parameter('Day')", reason=FLOW, told=("two Parameters `Day`",)
    ),
    "computed": Refusal(
        on=SFN,
        members="def day(context):\n    raise OSError('Connection refused')\n\nd = Parameter('day', default=day)",
        reason=FLOW,
        told=("`default` of the Parameter `day`", "OSError: Connection refused"),
    ),
    "choice-argo": Refusal(
        on=ARGO,
        above="from metaflow._vendor import click",
        members="size = Parameter('size', type=click.Choice(['s', 'l']), default='s')",
        reason=FLOW,
        told=("click's type Choice", "Argo Workflows", "JSONType", "another `orchestrator`"),
    ),
    "bytes": Refusal(
        on=SFN, members="key = Parameter('key', default=b'1')", reason=FLOW, told=("the type bytes", "as JSON")
    ),
    "graph-sfn": Refusal(on=SFN, body="        self.next(self.nowhere)\n", reason=FLOW, told=("nowhere",)),
    "graph": Refusal(on=ARGO, body="        self.next(self.nowhere)\n", reason=FLOW, told=("nowhere",)),
}


@pytest.fixture(scope="module")
def ended(world: World, server: KubernetesControl, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ended]:
    """How each command ended."""
    folder = tmp_path_factory.mktemp("refused")
    (folder / "kubeconfig").write_text(server.kubeconfig())
    commands = [_command(name, refusal, world, folder) for name, refusal in REFUSALS.items()]
    return dict(zip(REFUSALS, run_commands(commands), strict=True))


def _command(name: str, refusal: Refusal, world: World, folder: Path) -> Command:
    file = folder / f"{name.replace('-', '_')}.py"
    file.write_text(refusal.text)
    environment = {
        **world.environment,
        "LANG": "C.UTF-8",
        "PATH": os.environ["PATH"],
        "METAFLOW_USER": "ci",
        "METAFLOW_HOME": str(folder / "home"),
        "KUBECONFIG": str(folder / "kubeconfig"),
        "METAFLOW_KUBERNETES_CONTAINER_IMAGE": "python:3.13",
        **refusal.environment,
    }
    create = ["create", str(folder / f"{name}_dag.py")] if refusal.on == AIRFLOW else ["create"]
    return Command(
        arguments=[file.name, *refusal.top, refusal.on, *refusal.group, *create, *refusal.create],
        environment={key: value for key, value in environment.items() if value is not None},
        folder=str(folder),
    )


def check(refusal: Refusal, failure: Failure | None) -> None:
    assert failure is not None
    assert (failure.reason, failure.input) == (refusal.reason, refusal.input), failure
    for part in refusal.told:
        assert part in f"{failure.message} {failure.advice}"


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_says_what_to_set(name: str, ended: dict[str, Ended]) -> None:
    command = ended[name]
    assert command.error is not None, command.output
    error = ReportedError(**{**command.error, "headline": command.error["headline"] or None})
    check(REFUSALS[name], diagnose_exception(error, command.output))


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_is_found_in_the_output_alone(name: str, ended: dict[str, Ended]) -> None:
    check(REFUSALS[name], classify_output(ended[name].output))


@pytest.mark.parametrize("name", ["timezone-sfn", "conda-base", "computed", "graph-sfn"])
def test_the_action_says_it_whatever_the_flow_printed(name: str, runner: Runner, workspace: Path) -> None:
    refusal = REFUSALS[name]
    (workspace / "flows" / "refused.py").write_text(refusal.text.replace(refusal.name, "ActionRefusedFlow"))
    event = JobEvent(name="push", payload=push(before="1" * 40, after="2" * 40), sha="2" * 40)
    inputs = {"flow": "flows/refused.py", "orchestrator": refusal.on, "comment": "off"}
    result = runner.run(event, inputs, workspace=workspace)
    assert result.outputs["failure-reason"] == str(refusal.reason), result.log
    title = f"{refusal.reason}%3A {refusal.input}" if refusal.input else str(refusal.reason)
    assert f"::error title={title}" in result.log
    for part in refusal.told:
        assert part in result.log.replace("%25", "%")
    assert [one["flow_name"] for one in result.deployments] == ["ActionRefusedFlow"], "its class is known by then"
    if name == "graph-sfn":
        assert result.summary.count("nowhere") == 1, "the evidence would only repeat the message"
