"""Outcomes as the operations make them, for the tests of the report and for looking at it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from deployer.outcome import (
    Deployment,
    Failure,
    FailureReason,
    FlowDescription,
    FlowOutcome,
    FlowParameter,
    JobContext,
    Outcome,
    Provenance,
    Run,
    RunStatus,
    Runtime,
    Status,
    Step,
    TaskFailure,
)

SHA = "3f2a91c0d5b8e7f6a1c2d3e4f5a6b7c8d9e0f1a2"
BEFORE = "b81d0e4a" + "1" * 32
AT = datetime(2026, 11, 23, 8, 37, 48, tzinfo=UTC)
CONTEXT = JobContext(
    repository="octo-org/flows",
    server_url="https://github.com",
    commit=SHA,
    actor="octocat",
    workflow="Deploy",
    job="deploy",
    run_id="19612345678",
    branch="main",
    environment="production",
)
STEPS = (
    Step(name="start", type="foreach", next=("train",), line=24),
    Step(name="train", type="linear", next=("join",), line=30),
    Step(name="join", type="join", next=("end",), line=48),
    Step(name="end", type="end", line=56),
)
TRAIN = FlowDescription(
    name="TrainFlow",
    steps=STEPS,
    project="recsys",
    parameters=(
        FlowParameter(name="alpha", type="float", default="0.5", help="Regularisation."),
        FlowParameter(name="epochs", type="int", default="20"),
        FlowParameter(name="label", type="str", required=True, help="How the run is called."),
    ),
)
SCORE = FlowDescription(
    name="ScoreFlow",
    project="recsys",
    steps=(
        Step(name="start", type="split", next=("fetch", "load")),
        Step(name="fetch", type="linear", next=("score",)),
        Step(name="load", type="linear", next=("score",)),
        Step(name="score", type="join", next=("end",)),
        Step(name="end", type="end"),
    ),
)
RUNTIME = Runtime(python="3.12.8", metaflow="2.19.39", task_image="ghcr.io/octo-org/train:2026-11")


def flow(name: str = "TrainFlow", **changes: Any) -> FlowOutcome:
    """A flow that was deployed to Argo Workflows."""
    description = {"TrainFlow": TRAIN, "ScoreFlow": SCORE}.get(name, replace(TRAIN, name=name))
    path = f"flows/{name.removesuffix('Flow').lower()}.py"
    well = FlowOutcome(
        flow=path,
        operation="deploy",
        orchestrator="argo-workflows",
        status=Status.SUCCESS,
        description=description,
        runtime=RUNTIME,
        production=True,
        deployment=Deployment(
            id=f"recsys.prod.{name.lower()}",
            orchestrator="argo-workflows",
            flow_name=name,
            namespace="ml",
            url=f"https://argo.example.com/workflow-templates/ml/recsys.prod.{name.lower()}",
            schedule="0 6 * * *",
            timezone="Etc/UTC",
            metaflow_namespace="production:recsys-0-apnt",
            owner="github-octo-org-flows",
            project="recsys",
            project_branch="prod",
            provenance=Provenance(
                repository=CONTEXT.repository,
                flow=path,
                commit=SHA,
                commit_time="2026-11-23T08:36:20Z",
                pull_request=412,
                workflow_run=CONTEXT.run_id,
                run_attempt=1,
                environment="production",
            ),
        ),
        seconds=2.2,
    )
    return replace(well, **changes)


def step_functions(name: str = "TrainFlow", **changes: Any) -> FlowOutcome:
    """A flow that was deployed to Step Functions."""
    made = flow(name, orchestrator="step-functions")
    assert made.deployment is not None
    identifier = f"recsys_prod_{name}"
    deployment = replace(
        made.deployment,
        id=identifier,
        orchestrator="step-functions",
        namespace=None,
        arn=f"arn:aws:states:eu-central-1:123456789012:stateMachine:{identifier}",
        region="eu-central-1",
        url="https://eu-central-1.console.aws.amazon.com/states/home?region=eu-central-1#/statemachines/view/"
        f"arn:aws:states:eu-central-1:123456789012:stateMachine:{identifier}",
        schedule="0 6 * * ? *",
        timezone="UTC",
    )
    return replace(made, deployment=deployment, **changes)


def run(status: RunStatus = RunStatus.SUCCEEDED, name: str = "TrainFlow", **changes: Any) -> Run:
    """A run of four training tasks."""
    identifier = f"argo-recsys.prod.{name.lower()}-x7k2p"
    made = Run(
        id=identifier,
        pathspec=f"{name}/{identifier}",
        status=status,
        url=f"https://metaflow.example.com/{name}/{identifier}",
        parameters={"alpha": "0.5", "epochs": "20"} if name == "TrainFlow" else {},
        started_at=AT,
        finished_at=AT + timedelta(minutes=3, seconds=12) if status.is_terminal else None,
        begun=status is not RunStatus.PENDING,
        step_tasks={"start": (1, 1), "train": (4, 4), "join": (1, 1), "end": (1, 1)},
    )
    return replace(made, **changes)


def outcome(*flows: FlowOutcome, **changes: Any) -> Outcome:
    """A job of these flows."""
    made = Outcome(operation="deploy", flows=flows, context=CONTEXT, finished_at=AT + timedelta(minutes=3, seconds=31))
    return replace(made, **changes)


def wrong(message: str, input_: str | None = None, **changes: Any) -> Failure:
    """A mistake in an input."""
    made = Failure(reason=FailureReason.INPUT, message=message, advice="Correct it.", input=input_)
    return replace(made, **changes)


TRACEBACK = """Traceback (most recent call last):
  File "/metaflow/metaflow/cli.py", line 723, in main
    start(auto_envvar_prefix="METAFLOW", obj=state)
  File "/metaflow/train.py", line 42, in train
    self.model = LogisticRegression().fit(X, y)
  File "/usr/lib/python3.12/site-packages/sklearn/utils/validation.py", line 169, in _assert_all_finite
    raise ValueError(msg_err)
ValueError: Input X contains NaN."""
FAILED_TASK = TaskFailure(
    step="train",
    task_id="3",
    exception="ValueError: Input X contains NaN.",
    path="flows/train.py",
    line=42,
    log=f"2026-11-23 08:40:11 loading 1,204,311 rows\n2026-11-23 08:40:52 fitting\n{TRACEBACK}",
)
FAILED_RUN = run(
    RunStatus.FAILED,
    finished_at=AT + timedelta(minutes=1, seconds=5),
    step_tasks={"start": (1, 1), "train": (3, 4)},
    failed_task=FAILED_TASK,
)
RUN_FAILED = Failure(
    reason=FailureReason.RUN_FAILED,
    message=f"The run {FAILED_RUN.pathspec} failed in step train: ValueError: Input X contains NaN.",
    advice="Correct the flow and merge again. What was deployed stays deployed meanwhile.",
    evidence=FAILED_TASK.log,
    path="flows/train.py",
    line=42,
)
FAILED = flow(status=Status.FAILURE, run=FAILED_RUN, failure=RUN_FAILED, seconds=71.4)
IMAGE_WARNING = (
    "No task image is configured: steps that name none run on `python:3.12`, the Python that deployed. "
    "Set METAFLOW_KUBERNETES_CONTAINER_IMAGE, or `image` in the steps' decorators, to choose it yourself."
)
SCORED = replace(
    flow("ScoreFlow"),
    deployment=replace(flow("ScoreFlow").deployment, schedule=None, triggers=("when TrainFlow finishes",)),  # type: ignore[type-var]
    seconds=1.9,
)
REPLACED = replace(
    flow().deployment,  # type: ignore[type-var]
    provenance=replace(
        flow().deployment.provenance, commit=BEFORE, pull_request=398, commit_time="2026-11-17T10:02:00Z"
    ),  # type: ignore[type-var, union-attr]
)

SAMPLES: dict[str, Outcome] = {
    "deployed": outcome(flow(run=run(), replaced=REPLACED, seconds=194.0), SCORED),
    "failed": outcome(FAILED, SCORED),
    "one": outcome(step_functions(run=run(), warnings=(IMAGE_WARNING,), runtime=replace(RUNTIME, task_image=None))),
    "one-deployed": outcome(flow()),
    "inputs": outcome(
        failures=(
            wrong("`flow` names flows/trian.py, which does not exist.", "flow", advice="Did you mean flows/train.py?"),
            wrong("`wait-timeout` is `60`, a number without a unit.", "wait-timeout", advice="Write `60s` or `60m`."),
            wrong("`parameters` is no mapping but a list.", "parameters", advice="Write one `name: value` a line."),
            wrong(
                "The flow has no Parameter `epoch`.",
                "parameters",
                advice="Its Parameters are `alpha` (float), `epochs` (int), `label` (str, required).",
                path="flows/train.py",
            ),
        ),
    ),
    "syntax": outcome(
        flow(
            deployment=None,
            description=None,
            runtime=None,
            production=None,
            status=Status.FAILURE,
            seconds=0.1,
            failure=Failure(
                reason=FailureReason.FLOW_INVALID,
                message="flows/train.py is no valid Python: '(' was never closed.",
                advice="Correct line 31.",
                evidence="    self.next(self.train, foreach='folds'\n             ^",
                path="flows/train.py",
                line=31,
            ),
        ),
        replace(
            SCORED,
            deployment=None,
            status=Status.SKIPPED,
            warnings=("Skipped, since flows/train.py cannot be deployed and `fail-fast` is true.",),
        ),
    ),
    "half": outcome(
        flow(
            status=Status.FAILURE,
            failure=Failure(
                reason=FailureReason.HALF_DEPLOYED,
                message="EventBridge refused the schedule: events:PutRule is missing. "
                "`recsys.prod.trainflow` was written before the failure and stands at the orchestrator now; "
                "it may lack its schedule or trigger.",
                advice="Allow `events:PutRule` and deploy again.",
                evidence="botocore.errorfactory.AccessDeniedException: not authorized to perform: events:PutRule",
            ),
        )
    ),
    "refused": outcome(
        *(
            flow(
                name,
                deployment=replace(REPLACED, id=f"recsys.prod.{name.lower()}", flow_name=name),
                status=Status.FAILURE,
                failure=Failure(
                    reason=FailureReason.PERMISSION,
                    message="The service account may not `patch` `workflowtemplates` in the namespace `ml`.",
                    advice="Add the verb to its Role.",
                    evidence='User "system:serviceaccount:ml:deploy" cannot patch resource "workflowtemplates"',
                ),
            )
            for name in ("TrainFlow", "ScoreFlow", "EvalFlow", "FeatureFlow")
        )
    ),
    "timeout": outcome(
        flow(
            status=Status.FAILURE,
            run=run(
                RunStatus.RUNNING,
                finished_at=None,
                step_tasks={"start": (0, 0), "train": (0, 0)},
                note="left running after 60m",
            ),
            failure=Failure(
                reason=FailureReason.RUN_TIMEOUT,
                input="wait-timeout",
                message="The run TrainFlow/argo-recsys.prod.trainflow-x7k2p did not end within 60m: "
                "it was left running after 60m.",
                advice="Raise `wait-timeout`, or look at the run for what it waits for.",
            ),
        )
    ),
    "cancelled": outcome(
        flow(
            status=Status.CANCELLED,
            run=run(RunStatus.RUNNING, note="left running when the job was cancelled"),
            failure=Failure(
                reason=FailureReason.CANCELLED,
                message="The job was cancelled while it waited for the run.",
                advice="The run goes on; terminate it at the orchestrator if it should not.",
            ),
        ),
        flow(
            "ScoreFlow",
            deployment=None,
            status=Status.CANCELLED,
            failure=Failure(
                reason=FailureReason.CANCELLED, message="The job was cancelled before.", advice="Run it again."
            ),
        ),
    ),
    "skipped": outcome(operation="skip", skipped="The pull request was closed without being merged."),
    "trigger": outcome(
        flow(operation="trigger", run=run(RunStatus.RUNNING, step_tasks={"start": (0, 0)}), production=None),
        operation="trigger",
    ),
    "many": outcome(
        replace(FAILED, flow="flows/train.py"),
        *(
            replace(flow(f"Segment{number:02}Flow"), warnings=(IMAGE_WARNING,))
            if number % 7
            else flow(f"Segment{number:02}Flow", run=run(name=f"Segment{number:02}Flow"))
            for number in range(1, 40)
        ),
    ),
}
