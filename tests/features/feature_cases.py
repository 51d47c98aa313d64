"""What is deployed in the table: a flow file, the inputs of the job, and what a person would write for the same.

A flow file of `checkout/flows` is about one feature, and its docstring says which. Every flow has a name of its own, so
that all flows of a job are deployed side by side.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

CHECKOUT = Path(__file__).parent / "checkout"
ARGO_EVENTS = {
    "METAFLOW_ARGO_EVENTS_EVENT": "metaflow-event",
    "METAFLOW_ARGO_EVENTS_EVENT_SOURCE": "argo-events-webhook",
    "METAFLOW_ARGO_EVENTS_SERVICE_ACCOUNT": "operate-workflow",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """One row of the table."""

    kind: str
    """The heading that it is under."""
    flow: str
    """The flow file, without `flows/` and `.py`."""
    with_: str = ""
    """What the row has beside the flow, in words."""
    inputs: Mapping[str, str] = field(default_factory=dict)
    """The inputs of the job."""
    options: tuple[str, ...] = ()
    """What a person writes for them between the flow file and the orchestrator."""
    group: tuple[str, ...] = ()
    """What a person writes for them before `create`."""
    create: tuple[str, ...] = ()
    """What a person writes for them after `create`."""
    environment: Mapping[str, str] = field(default_factory=lambda: dict(ARGO_EVENTS))
    """Variables of the job."""
    folder: str = "."
    """The input `working-directory`."""
    orchestrators: tuple[str, ...] = ("argo-workflows", "step-functions")
    """Those that have such an option."""
    branch: str = "main"
    """The branch that the job deploys; `main` is the default branch."""
    fresh: bool = False
    """Whether the flow file does something before it imports Metaflow that Metaflow reads when it is imported."""
    own_refusal: str = ""
    """A part of the reason for which the action refuses what Metaflow would take."""

    @property
    def path(self) -> str:
        """The flow file, relative to the checkout."""
        return f"flows/{self.flow}.py"

    @cached_property
    def words(self) -> str:
        """What the row is about."""
        text = (CHECKOUT / self.path).read_text()
        doc = (ast.get_docstring(ast.parse(text)) or "").rstrip(".")
        return f"{doc}; {self.with_}" if self.with_ else doc

    @property
    def id(self) -> str:
        """What the row is called in the test's name."""
        return f"{self.flow}: {self.with_}" if self.with_ else self.flow

    @property
    def job(self) -> tuple[object, ...]:
        """What the flows of one job share."""
        return tuple(sorted(self.inputs.items())), tuple(sorted(self.environment.items())), self.branch, self.folder


def _plain(kind: str, *flows: str) -> list[Case]:
    return [Case(kind=kind, flow=flow) for flow in flows]


def _production(kind: str, *flows: str) -> list[Case]:
    """Flows with @project, which the action deploys to production from the default branch."""
    return [Case(kind=kind, flow=flow, options=("--production",)) for flow in flows]


CONFIG = "Config"
MUTATOR = "Mutators and decorators of one's own"
PROJECT = "@project"
PARAMETER = "Parameters and IncludeFile"
STEP_DECORATOR = "Decorators of steps"
START = "Schedules, events and exit hooks"
CLASS = "Classes, and how a file starts its flow"
GRAPH = "Graphs"
CODE = "Code, packages and what a flow prints"
OPTION = "Options"

MAPPING = '{"rate": 0.9, "cpu": 3, "team": "audit", "labels": {"COLOR": "red"}}'
ENVIRONMENT_FILE = {**ARGO_EVENTS, "METAFLOW_FLOW_CONFIG": '{"settings": "flows/other.json"}'}
ENVIRONMENT_VALUE = {**ARGO_EVENTS, "METAFLOW_FLOW_CONFIG_VALUE": f'{{"settings": {MAPPING}}}'}

CASES = (
    *_plain(
        CONFIG,
        "config_default_path",
        "config_beside_the_flow",
        "config_default_value",
        "config_default_text",
        "config_computed",
        "config_yaml",
        "config_toml",
        "config_own_parser",
        "config_several",
        "config_plain",
        "config_expression",
        "config_of_the_base",
        "config_no_file",
        "config_no_json",
        "config_unknown_key",
        "config_required",
    ),
    Case(
        kind=CONFIG,
        flow="config_required",
        with_="`config` with a path",
        inputs={"config": "settings: flows/other.json"},
        options=("--config", "settings", "flows/other.json"),
    ),
    Case(
        kind=CONFIG,
        flow="config_required",
        with_="`config` with a mapping",
        inputs={"config": f"settings: {MAPPING}"},
        options=("--config-value", "settings", MAPPING),
    ),
    Case(
        kind=CONFIG,
        flow="config_expression",
        with_="`config` with a path in place of the default",
        inputs={"config": "settings: flows/other.json"},
        options=("--config", "settings", "flows/other.json"),
    ),
    Case(
        kind=CONFIG,
        flow="config_yaml",
        with_="`config` with YAML as `value`",
        inputs={"config": 'settings: {value: "rate: 0.7"}'},
        options=("--config-value", "settings", "rate: 0.7"),
    ),
    Case(
        kind=CONFIG,
        flow="config_toml",
        with_="`config` with TOML as `value`",
        inputs={"config": "settings: {value: 'rate = 0.7'}"},
        options=("--config-value", "settings", "rate = 0.7"),
    ),
    Case(
        kind=CONFIG,
        flow="config_several",
        with_="`config` for three of them, one in each way",
        inputs={
            "config": "settings: {rate: 0.8}\ntraining-set: flows/other.json\n"
            "modelSettings: {value: '{\"layers\": [3]}'}"
        },
        options=(
            *("--config-value", "settings", '{"rate": 0.8}'),
            *("--config", "training-set", "flows/other.json"),
            *("--config-value", "modelSettings", '{"layers": [3]}'),
        ),
    ),
    Case(
        kind=CONFIG,
        flow="config_own_parser",
        with_="`config` with text for the parser",
        inputs={"config": "pairs: {value: 'team=audit'}"},
        options=("--config-value", "pairs", "team=audit"),
    ),
    Case(kind=CONFIG, flow="config_required", with_="METAFLOW_FLOW_CONFIG", environment=ENVIRONMENT_FILE),
    Case(kind=CONFIG, flow="config_required", with_="METAFLOW_FLOW_CONFIG_VALUE", environment=ENVIRONMENT_VALUE),
    *_plain(
        MUTATOR,
        "mutator_empty",
        "mutator_parameters",
        "mutator_decorators",
        "mutator_schedule",
        "mutator_trigger",
        "mutator_of_the_base",
        "mutator_step",
        "mutator_compute",
        "user_step_decorator",
        "mutator_raises",
    ),
    *_plain(MUTATOR, "mutator_project"),  # Metaflow has --production for a @project of the class alone
    *_production(MUTATOR, "mutator_changes_project"),
    *_production(PROJECT, "project_literal", "project_name_expression", "project_bad_name", "project_long_name"),
    Case(
        kind=PROJECT,
        flow="project_literal",
        with_="`project-branch`",
        inputs={"project-branch": "feature_1"},
        options=("--branch", "feature_1"),
    ),
    Case(
        kind=PROJECT,
        flow="project_literal",
        with_="`project-branch` and `production: true`",
        inputs={"project-branch": "feature_2", "production": "true"},
        options=("--branch", "feature_2", "--production"),
    ),
    Case(kind=PROJECT, flow="project_literal", with_="`production: false`", inputs={"production": "false"}),
    Case(
        kind=PROJECT,
        flow="project_literal",
        with_="a branch with a name that Metaflow does not take",
        inputs={"project-branch": "Feature-1"},
        options=("--branch", "Feature-1"),
        own_refusal="Metaflow takes lower-case letters, digits and underscores only",
    ),
    Case(kind=PROJECT, flow="project_production"),
    Case(kind=PROJECT, flow="project_not_production"),
    Case(kind=PROJECT, flow="project_expression"),
    Case(kind=PROJECT, flow="project_branch"),
    Case(
        kind=PROJECT,
        flow="project_branch",
        with_="another `project-branch`",
        inputs={"project-branch": "other"},
        options=("--branch", "other"),
    ),
    Case(
        kind=PROJECT,
        flow="project_literal",
        with_="METAFLOW_FLOW_BRANCH",
        environment={**ARGO_EVENTS, "METAFLOW_FLOW_BRANCH": "from_the_job"},
    ),
    Case(
        kind=PROJECT,
        flow="project_literal",
        with_="from another branch",
        inputs={"operation": "deploy"},
        branch="feature",
        own_refusal="may not go to production from the branch feature, and no project-branch is given",
    ),
    Case(
        kind=PROJECT,
        flow="project_literal",
        with_="from another branch, with `project-branch`",
        inputs={"operation": "deploy", "project-branch": "feature_3"},
        options=("--branch", "feature_3"),
        branch="feature",
    ),
    Case(
        kind=PROJECT,
        flow="project_production",
        with_="from another branch",
        inputs={"operation": "deploy"},
        branch="feature",
        own_refusal="says production=True in @project, and the branch feature may not go to production",
    ),
    Case(
        kind=PROJECT,
        flow="project_production",
        with_="`project-branch`",
        inputs={"project-branch": "beside"},
        options=("--branch", "beside"),
        own_refusal="project-branch asks for a branch of its own",
    ),
    Case(
        kind=PROJECT,
        flow="project_production",
        with_="`production: false`",
        inputs={"production": "false"},
        own_refusal="the input production is false",
    ),
    *_plain(PROJECT, "long_name"),
    Case(
        kind=PROJECT,
        flow="long_name",
        with_="`deployment-name`",
        inputs={"deployment-name": "short"},
        group=("--name", "short"),
    ),
    *_plain(
        PARAMETER,
        "parameter_names",
        "parameter_types",
        "parameter_list",
        "parameter_own_type",
        "parameter_choice",
        "parameter_from_git",
        "parameter_computed_raises",
        "parameter_required_with_default",
        "parameter_required_scheduled",
        "parameter_reserved",
        "parameter_twice",
        "include_file",
        "include_no_file",
    ),
    *_production(PARAMETER, "parameter_computed"),
    *_plain(
        STEP_DECORATOR,
        "decorators_failures",
        "decorators_resources",
        "decorators_cards_and_secrets",
        "decorator_kubernetes",
        "decorator_batch",
        "decorator_parallel",
        "decorator_pypi",
        "decorator_conda",
    ),
    *_plain(
        START,
        "schedule_daily",
        "schedule_hourly",
        "schedule_weekly",
        "schedule_cron",
        "schedule_timezone",
        "schedule_off",
        "trigger_event",
        "trigger_events",
        "schedule_and_event",
        "trigger_and_finish",
        "exit_hook",
    ),
    *_production(START, "trigger_computed", "trigger_on_finish"),
    Case(kind=START, flow="trigger_event", with_="no METAFLOW_ARGO_EVENTS_*", environment={}),
    Case(
        kind=START,
        flow="trigger_events",
        with_="METAFLOW_ARGO_EVENTS_SENSOR_NAMESPACE",
        environment={**ARGO_EVENTS, "METAFLOW_ARGO_EVENTS_SENSOR_NAMESPACE": "events"},
        orchestrators=("argo-workflows",),
    ),
    *_plain(
        CLASS,
        "base_same_file",
        "base_package",
        "base_several_levels",
        "class_in_a_condition",
        "class_of_a_function",
        "classes_several",
        "start_helper",
        "start_and",
        "start_condition",
        "start_function",
        "start_no_guard",
    ),
    *_production(CLASS, "base_other_module"),
    Case(kind=CLASS, flow="start_never", own_refusal="start_never.py"),
    *_plain(
        GRAPH,
        "steps_named",
        "step_single",
        "graph_branches",
        "graph_foreach",
        "graph_switch",
        "graph_recursion",
        "graph_broken",
    ),
    *_plain(
        CODE,
        "package_beside",
        "package_suffixes",
        "package_sources",
        "inner/absolute",
        "inner/relative",
        "import_missing",
        "import_raises",
        "prints",
        "prints_and_fails",
        "exits",
    ),
    *_plain(CODE, "file-with-hyphens", "reads_arguments", "collides/module_called_deployer"),
    Case(kind=CODE, flow="sets_environment", fresh=True),
    Case(
        kind=OPTION,
        flow="graph_branches",
        with_="`tags`, `max-workers` and `workflow-timeout`",
        inputs={"tags": "team:ml\nreviewed", "max-workers": "3", "workflow-timeout": "2h"},
        create=("--tag", "team:ml", "--tag", "reviewed", "--max-workers", "3", "--workflow-timeout", "7200"),
    ),
    Case(
        kind=OPTION,
        flow="steps_named",
        with_="`with`",
        inputs={"with": "retry:times=2\ntimeout:minutes=5"},
        options=("--with", "retry:times=2", "--with", "timeout:minutes=5"),
    ),
    Case(
        kind=OPTION,
        flow="package_beside",
        with_="`deployer-options: {package_suffixes: …}`",
        inputs={"deployer-options": "package_suffixes: .csv"},
        options=("--package-suffixes", ".csv"),
    ),
    Case(
        kind=OPTION,
        flow="config_default_path",
        with_="`working-directory`, below which the Config's default file is not",
        folder="flows",
    ),
    Case(
        kind=OPTION,
        flow="include_file",
        with_="`config` of a Config that the flow lacks",
        inputs={"config": "x: {}"},
        options=("--config-value", "x", "{}"),
        own_refusal="x",
    ),
    Case(
        kind=OPTION,
        flow="parameter_names",
        with_="`create-options: {user_namespace: …}`",
        inputs={"create-options": "user_namespace: team"},
        create=("--namespace", "team"),
    ),
    Case(
        kind=OPTION,
        flow="parameter_types",
        with_="`create-options: {workflow_title: …, workflow_priority: …}`",
        inputs={"create-options": "workflow_title: Types\nworkflow_priority: 3"},
        create=("--workflow-title", "Types", "--workflow-priority", "3"),
        orchestrators=("argo-workflows",),
    ),
    Case(
        kind=OPTION,
        flow="base_package",
        with_="`create-options: {notify_on_error: true}` without a webhook",
        inputs={"create-options": "notify_on_error: true"},
        create=("--notify-on-error",),
        orchestrators=("argo-workflows",),
    ),
    Case(
        kind=OPTION,
        flow="base_package",
        with_="`create-options: {log_execution_history: true}` without a log group",
        inputs={"create-options": "log_execution_history: true"},
        create=("--log-execution-history",),
        orchestrators=("step-functions",),
    ),
    Case(
        kind=OPTION,
        flow="graph_foreach",
        with_="`create-options: {use_distributed_map: true}`",
        inputs={"create-options": "use_distributed_map: true"},
        create=("--use-distributed-map",),
        orchestrators=("step-functions",),
    ),
    Case(
        kind=OPTION,
        flow="schedule_daily",
        with_="METAFLOW_SFN_STATE_MACHINE_PREFIX",
        environment={**ARGO_EVENTS, "METAFLOW_SFN_STATE_MACHINE_PREFIX": "team"},
        orchestrators=("step-functions",),
    ),
)
