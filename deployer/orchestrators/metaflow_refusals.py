"""Why Metaflow itself refuses a flow, by what its exceptions say, and the input that answers it.

Read from metaflow/plugins (2.19.39). Patterns are searched in `headline: message`; tests/integration/
test_metaflow_refusals.py has Metaflow say each of them.
"""

from __future__ import annotations

from deployer.orchestrators.error_patterns import ErrorPattern
from deployer.outcome import FailureReason

LACKS = r"(AWS Step Functions|Airflow|Argo Workflows)"
ON_ARGO = "Take it out, or deploy the flow with `orchestrator: argo-workflows`."
IN_CONFIGURATION = "in `metaflow-config`, or in the job's `env`"

INPUTS = (
    ErrorPattern(
        r"@(conda|pypi)(\w*) decorator requires --environment=",
        FailureReason.INPUT,
        "The flow has @{0}{1}, and Metaflow installs its packages only in an environment that was asked for.",
        "Set `metaflow-environment: {0}`.",
        "metaflow-environment",
    ),
    ErrorPattern(
        r"Notifications require specifying an incoming Slack webhook",
        FailureReason.INPUT,
        "`notify_on_error` or `notify_on_success` was asked for, and nothing says whom to notify.",
        "Add `notify_slack_webhook_url`, `notify_pager_duty_integration_key` or `notify_incident_io_api_key` to "
        "`create-options`.",
        "create-options",
    ),
    ErrorPattern(
        r"(?:Incident\.io alerts require|Creating alerts for \w+ requires a) ?(?:an )?alert source config",
        FailureReason.INPUT,
        "Notifications through Incident.io need the alert source that they come from.",
        "Add `incident_io_alert_source_config_id` to `create-options`.",
        "create-options",
    ),
    ErrorPattern(
        r"No AWS CloudWatch Logs log group ARN found",
        FailureReason.INPUT,
        "`log_execution_history` was asked for, and Metaflow knows no log group.",
        f"Set METAFLOW_SFN_EXECUTION_LOG_GROUP_ARN {IN_CONFIGURATION}, or take `log_execution_history` out of "
        "`create-options`.",
        "create-options",
    ),
    ErrorPattern(
        r"--new-token is not supported for @projects",
        FailureReason.INPUT,
        "The flow has @project, whose production token nobody may choose.",
        "Write `generate_new_token: true` in `create-options` in place of `given_token`.",
        "create-options",
    ),
    ErrorPattern(
        r"--generate-new-token option is not supported after using --new-token",
        FailureReason.INPUT,
        "The deployment's production token was chosen by somebody, so that Metaflow generates no other.",
        "Write `given_token` in `create-options` in place of `generate_new_token`.",
        "create-options",
    ),
    ErrorPattern(
        r"Unknown step decorator (\S+)\. The following decorators",
        FailureReason.INPUT,
        "Metaflow knows no decorator `{0}`, which `with` or METAFLOW_DECOSPECS adds to all steps.",
        "Correct its name; the evidence lists those that it knows.",
        "with",
    ),
    ErrorPattern(
        r"Could not import user decorator (\S+)",
        FailureReason.INPUT,
        "`with` adds the decorator `{0}`, which cannot be imported.",
        "Write it as `package.module.decorator`, as the flow file would import it.",
        "with",
    ),
    ErrorPattern(
        r"Tagging error: (.+)",
        FailureReason.INPUT,
        "Metaflow refuses a tag: {0}.",
        "Correct `tags`: at most 50, each of at most 500 characters, with those that this action adds.",
        "tags",
    ),
    ErrorPattern(
        r"Unknown user: |Metaflow could not determine your user name",
        FailureReason.INPUT,
        "Metaflow has no user to deploy as.",
        "Set `metaflow-user`.",
        "metaflow-user",
    ),
    ErrorPattern(
        r"Cannot provide both a value and a file for the same configuration. Found such values for '([^']+)'",
        FailureReason.INPUT,
        "The Config `{0}` was given a file and a value.",
        "Leave one of the two out of `config` and METAFLOW_FLOW_CONFIG.",
        "config",
    ),
    ErrorPattern(
        r"Bad values passed for configuration options: (?:.*Bad values passed for configuration options: )?(.+)",
        FailureReason.INPUT,
        "The flow's Configs cannot be read: {0}.",
        "Correct `config`, the file that it names, or the Config's default.",
        "config",
    ),
    ErrorPattern(
        r"Invalid value for ['\"]?--config(?:-value)?['\"]?: invalid choice: (\S+?)\. \(choose from ([^)]*)\)",
        FailureReason.INPUT,
        "The flow has no Config `{0}`.",
        "Correct the name in `config`; the flow's Configs are: {1}.",
        "config",
    ),
    ErrorPattern(
        r"Invalid value for ['\"]?--environment['\"]?: invalid choice: (\S+?)\. \(choose from ([^)]*)\)",
        FailureReason.INPUT,
        "Metaflow has no environment `{0}`.",
        "Write one of these as `metaflow-environment`: {1}.",
        "metaflow-environment",
    ),
    ErrorPattern(
        r"no such option: --config(?:-value)?\b",
        FailureReason.INPUT,
        "`config` was given, and the flow has no Config.",
        "Leave `config` out.",
        "config",
    ),
)
"""What an input asks for, or has to."""

NAMES = (
    ErrorPattern(
        r"The branch name must contain only|Branch name is too long\. The maximum is (\d+)",
        FailureReason.INPUT,
        "The branch of @project is not one that Metaflow takes.",
        "Write at most 128 lower-case letters, digits and underscores as `project-branch`, or as `branch` of @project.",
        "project-branch",
    ),
    ErrorPattern(
        r"The @project name must (?:contain only|be shorter)|@project needs a name",
        FailureReason.FLOW_INVALID,
        "The name of @project is not one that Metaflow takes.",
        "Write `@project(name=…)` with at most 128 lower-case letters, digits and underscores.",
    ),
    ErrorPattern(
        r"You cannot pass (branch|production) as both a command-line argument and an attribute",
        FailureReason.INPUT,
        "@project sets `{0}` in the code, and the job asks for another.",
        "Take `{0}` out of @project, or leave the inputs `project-branch` and `production` out.",
        "project-branch",
    ),
    ErrorPattern(
        r"--name is not supported for @projects",
        FailureReason.INPUT,
        "The flow has @project, and Metaflow names deployments of a project by itself.",
        "Leave `deployment-name` out; use `project-branch` to deploy beside production.",
        "deployment-name",
    ),
    ErrorPattern(
        r"is longer than (\d+) characters",
        FailureReason.INPUT,
        "The deployment's name is longer than the {0} characters that the orchestrator takes.",
        "Give a shorter one as `deployment-name`.",
        "deployment-name",
    ),
    ErrorPattern(
        r"Name '([^']*)' contains invalid characters",
        FailureReason.INPUT,
        "`{0}` is no name that the orchestrator takes.",
        "Write `deployment-name` with lower-case letters, digits, `-` and `.`, beginning with a letter.",
        "deployment-name",
    ),
    ErrorPattern(
        r"existing non-metaflow workflow with the same name as (\S+)",
        FailureReason.INPUT,
        "There is a workflow `{0}` at the orchestrator, and Metaflow did not make it.",
        "Give another `deployment-name`, or delete that workflow.",
        "deployment-name",
    ),
)
"""What a deployment is called."""

CONFIGURATION = (
    ErrorPattern(
        r"An Argo Event(?: (Source))? (?:name|service account) hasn't been configured",
        FailureReason.INPUT,
        "The flow has @trigger or @trigger_on_finish, and Metaflow does not know the cluster's Argo Events.",
        "Set METAFLOW_ARGO_EVENTS_EVENT, METAFLOW_ARGO_EVENTS_EVENT_SOURCE and METAFLOW_ARGO_EVENTS_SERVICE_ACCOUNT, "
        f"which the platform's Argo Events are set up with, {IN_CONFIGURATION}.",
        "metaflow-config",
    ),
    ErrorPattern(
        r"No IAM role found for AWS Events Bridge",
        FailureReason.INPUT,
        "Metaflow has no IAM role for EventBridge.",
        f"Set METAFLOW_EVENTS_SFN_ACCESS_IAM_ROLE {IN_CONFIGURATION}; Metaflow wants it even for a flow without a "
        "schedule.",
        "metaflow-config",
    ),
    ErrorPattern(
        r"No IAM role found for AWS Step Functions|in _partition return SFN_IAM_ROLE",
        FailureReason.INPUT,
        "Metaflow has no IAM role for Step Functions.",
        f"Set METAFLOW_SFN_IAM_ROLE {IN_CONFIGURATION}.",
        "metaflow-config",
    ),
    ErrorPattern(
        r"An AWS DynamoDB table is needed to support foreach",
        FailureReason.INPUT,
        "The flow has a foreach, for which Metaflow needs a DynamoDB table on Step Functions.",
        f"Set METAFLOW_SFN_DYNAMO_DB_TABLE {IN_CONFIGURATION}.",
        "metaflow-config",
    ),
    ErrorPattern(
        r"(?:AWS Step Functions|The @batch decorator) requires --datastore=s3"
        r"|(?:Argo Workflows|The @kubernetes decorator) requires --datastore="
        r"|Datastore type `(\w+)` is not supported",
        FailureReason.DATASTORE,
        "Metaflow's datastore is a folder of this machine, which no task of the orchestrator can read.",
        "Set METAFLOW_DEFAULT_DATASTORE (`s3`, or `azure` or `gs` except on Step Functions) and its "
        f"METAFLOW_DATASTORE_SYSROOT_… {IN_CONFIGURATION}.",
        "metaflow-config",
    ),
    ErrorPattern(
        r"Could not find the location of the datastore -- did you correctly set the (\w+)",
        FailureReason.DATASTORE,
        "Metaflow does not know where its datastore is.",
        f"Set {{0}} {IN_CONFIGURATION}.",
        "metaflow-config",
    ),
    ErrorPattern(
        r"Missing Metaflow Service URL",
        FailureReason.INPUT,
        "Metaflow is set up for a metadata service, and does not know its address.",
        f"Set METAFLOW_SERVICE_URL {IN_CONFIGURATION}.",
        "metaflow-config",
    ),
    ErrorPattern(
        r"Multi-namespace Kubernetes execution .* Step (\S+) is trying to override .* namespace (\S+?)\.?$",
        FailureReason.FLOW_INVALID,
        "Step `{0}` names a Kubernetes namespace of its own, and Argo Workflows runs a flow in one, `{1}`.",
        f"Take `namespace` out of its @kubernetes, or set METAFLOW_KUBERNETES_NAMESPACE {IN_CONFIGURATION}.",
        "metaflow-config",
    ),
)
"""What Metaflow's configuration lacks."""

FLOWS = (
    ErrorPattern(
        rf"(@trigger\S* or @trigger_on_finish) decorator\(s\) to {LACKS} is not supported",
        FailureReason.FLOW_INVALID,
        "The flow has @trigger or @trigger_on_finish, which {1} does not have.",
        ON_ARGO,
    ),
    ErrorPattern(
        rf"the @exit_hook decorator to {LACKS} is not currently supported",
        FailureReason.FLOW_INVALID,
        "The flow has @exit_hook, which {0} does not have.",
        ON_ARGO,
    ),
    ErrorPattern(
        rf"@parallel decorator\(s\) to {LACKS} is not supported"
        r"|Parallel steps are not supported yet with (AWS Step Functions|Airflow)",
        FailureReason.FLOW_INVALID,
        "The flow has a @parallel step, which {0}{1} does not have.",
        ON_ARGO,
    ),
    ErrorPattern(
        rf"switch statement to {LACKS} is not supported"
        rf"|Node type split-switch for step (\S+) is not currently supported by {LACKS}",
        FailureReason.FLOW_INVALID,
        "The flow has a switch (`self.next({{…}}, condition=…)`), which {0}{2} does not have.",
        ON_ARGO,
    ),
    ErrorPattern(
        rf"Node type (\S+) for step (\S+) is not currently supported by {LACKS}",
        FailureReason.FLOW_INVALID,
        "Step `{1}` is of the kind {0}, which {2} does not have.",
        "Change the step, or deploy the flow with another `orchestrator`.",
    ),
    ErrorPattern(
        r"(Step Functions|`airflow create`) does not support scheduling with a? ?`?timezone",
        FailureReason.FLOW_INVALID,
        "The flow's @schedule has a time zone, which this orchestrator does not have.",
        "Write the schedule in UTC without `timezone`, or deploy the flow with `orchestrator: argo-workflows`.",
    ),
    ErrorPattern(
        r"The parameter (\S+) does not have a default and is required\. Scheduling such parameters",
        FailureReason.FLOW_INVALID,
        "The flow has a schedule, and its Parameter `{0}` is required and has no default: a scheduled run would have "
        "no value.",
        "Give the Parameter a default, or take @schedule out.",
    ),
    ErrorPattern(
        r"Parameter (\S+) does not have a default value\. A default value is required .* Airflow",
        FailureReason.FLOW_INVALID,
        "The Parameter `{0}` has no default, and Metaflow needs one for each on Airflow.",
        "Give the Parameter a default, or deploy the flow with another `orchestrator`.",
    ),
    ErrorPattern(
        r"Parameter name (\S+) is a reserved word when running on Argo Workflows",
        FailureReason.FLOW_INVALID,
        "Argo Workflows keeps the name of the Parameter `{0}` for itself.",
        "Rename the Parameter.",
    ),
    ErrorPattern(
        r"Parameter name '([^']+)' is a reserved word",
        FailureReason.FLOW_INVALID,
        "Metaflow keeps the name of the Parameter `{0}` for itself.",
        "Rename the Parameter.",
    ),
    ErrorPattern(
        r"Parameter (\S+) is specified twice",
        FailureReason.FLOW_INVALID,
        "The flow has two Parameters `{0}`; capitals make no difference.",
        "Rename one of them.",
    ),
    ErrorPattern(
        r"Step (\S+) is marked for execution both on AWS Batch and Kubernetes",
        FailureReason.FLOW_INVALID,
        "Step `{0}` would run on AWS Batch and on Kubernetes: its decorator asks for the one, and `orchestrator` or "
        "another decorator for the other.",
        "Take the decorator out: `orchestrator` decides where steps run, and Metaflow adds its own to each.",
    ),
    ErrorPattern(
        rf"Step (\S+) is marked for execution on (.+?) with {LACKS} which isn't currently supported",
        FailureReason.FLOW_INVALID,
        "Step `{0}` runs on {1}, which Metaflow does not start from {2}.",
        "Take the step's decorator out, or deploy the flow with another `orchestrator`.",
    ),
    ErrorPattern(
        r"The decorator attribute (\S+) is currently not supported on Airflow for the @kubernetes decorator on step "
        r"(\S+)",
        FailureReason.DEPLOY,
        "Step `{1}` has `{0}` in its @kubernetes, which Airflow does not have.",
        "Take the attribute out, and its METAFLOW_KUBERNETES_… variable where one sets it for all steps.",
    ),
    ErrorPattern(
        r"Step (\S+) is a foreach step called within a foreach step\. .* Airflow",
        FailureReason.FLOW_INVALID,
        "Step `{0}` is a foreach inside a foreach, which Metaflow does not deploy to Airflow.",
        "Make one list of both, or deploy the flow with another `orchestrator`.",
    ),
    ErrorPattern(
        r"The foreach step (\S+) created by step (\S+) needs to have an immediate join step",
        FailureReason.FLOW_INVALID,
        "Between the foreach step `{0}` and its join there is another step, which Metaflow does not deploy to Airflow.",
        "Do its work in the foreach step, or deploy the flow with another `orchestrator`.",
    ),
    ErrorPattern(
        r"Conditional steps inside a foreach that transition directly into a join .* conditional steps (.+?) that will",
        FailureReason.FLOW_INVALID,
        "The conditional steps {0} inside a foreach lead straight into a join, which Argo Workflows cannot run.",
        "Let them lead to a common step, and that step to the join.",
    ),
    ErrorPattern(
        r"both @trigger and @trigger_on_finish decorators concurrently",
        FailureReason.FLOW_INVALID,
        "The flow has both @trigger and @trigger_on_finish, of which Argo Workflows takes one.",
        "Take one of the two out.",
    ),
    ErrorPattern(
        r"Parameter (\S+) defined in the event mappings for @trigger decorator not found",
        FailureReason.FLOW_INVALID,
        "@trigger maps an event to the Parameter `{0}`, which the flow does not have.",
        "Correct the name in @trigger.",
    ),
    ErrorPattern(
        r"Duplicate entries for parameter (\S+) defined in the event mappings for @trigger decorator",
        FailureReason.FLOW_INVALID,
        "@trigger maps more than one field of its events to the Parameter `{0}`; capitals make no difference.",
        "Leave one of them.",
    ),
    ErrorPattern(
        r"Invalid event payload key (.+) for event (.+) in @trigger decorator",
        FailureReason.FLOW_INVALID,
        "@trigger takes the field `{0}` of the event `{1}`, a name that Metaflow does not take on Argo Workflows: it "
        "has letters, digits and underscores alone.",
        "Give the field another name, in @trigger and where the event is published.",
    ),
    ErrorPattern(
        r"Invalid event name (.+) in @trigger decorator",
        FailureReason.FLOW_INVALID,
        "@trigger waits for the event `{0}`, a name that Metaflow does not take on Argo Workflows: it has letters, "
        "digits, underscores, hyphens and dots alone.",
        "Give the event another name, in @trigger and where it is published.",
    ),
    ErrorPattern(
        r"Incomplete project info\. Please specify both 'project' and 'project_branch'",
        FailureReason.FLOW_INVALID,
        "@trigger_on_finish names a project without a branch, or a branch without a project, of the flow that it waits "
        "for.",
        "Name both, `project` and `project_branch`, or neither, which is right for a flow without @project.",
    ),
    ErrorPattern(
        r"The timeout for step (\S+) should be at least 60 seconds",
        FailureReason.FLOW_INVALID,
        "The @timeout of step `{0}` is less than the 60 seconds that a task needs to start in.",
        "Give it 60 seconds or more.",
    ),
    ErrorPattern(
        r"Mixing and matching PyPI packages and Conda packages",
        FailureReason.FLOW_INVALID,
        "A step has packages of both @pypi and @conda, which Metaflow does not mix.",
        "Use one of the two in each step.",
    ),
    ErrorPattern(
        r"When evaluating the field (\S+) for the Parameter (\S+), the following exception occurred:.*\b(\w*(?:Error"
        r"|Exception|BadParameter)\b[^:]*: (?:(?!Traceback \(most recent).)*)$",
        FailureReason.FLOW_INVALID,
        "The `{0}` of the Parameter `{1}` is computed when the flow is deployed, and that failed: {2}.",
        "Correct the function that the Parameter names.",
    ),
    ErrorPattern(
        r"When evaluating the field (\S+) for the Parameter (\S+),",
        FailureReason.FLOW_INVALID,
        "The `{0}` of the Parameter `{1}` is computed when the flow is deployed, and that failed.",
        "Correct the function that the Parameter names.",
    ),
    ErrorPattern(
        r"param_type = str\(param\.kwargs\.get\(.type.\)\.__name__\).*AttributeError: '(\w+)' object has no attribute",
        FailureReason.FLOW_INVALID,
        "A Parameter of the flow has click's type {0}, which Metaflow does not deploy to Argo Workflows.",
        "Give it the type str, int, float, bool or JSONType and check its value in the first step, or deploy the flow "
        "with another `orchestrator`.",
    ),
    ErrorPattern(
        r"TypeError: Object of type (\w+) is not JSON serializable",
        FailureReason.FLOW_INVALID,
        "The flow has a value of the type {0}, such as a Parameter's default, which Metaflow cannot write as JSON.",
        "Write it as text, a number, a list or a mapping.",
    ),
    ErrorPattern(
        r"Unknown decorator attribute: Decorator '([^']+)' does not support the attribute '([^']+)'",
        FailureReason.FLOW_INVALID,
        "The decorator @{0} has no attribute `{1}`.",
        "Correct it in the flow, or in `with`; the evidence lists the attributes that it has.",
    ),
    ErrorPattern(
        r"Validity checker found an issue[^:]*: (.+)",
        FailureReason.FLOW_INVALID,
        "Metaflow's own check refused the flow's graph: {0}",
        "Correct the step that it names.",
    ),
)
"""What the flow has that Metaflow does not deploy there."""

REFUSALS = (*INPUTS, *NAMES, *CONFIGURATION, *FLOWS)
"""The first that is found decides."""
