"""The closed list of `failure-reason`: what each means, and what to do."""

from __future__ import annotations

from deployer.outcome import Failure, FailureReason

ADVICE: dict[FailureReason, tuple[str, str]] = {
    FailureReason.INPUT: (
        "An input is missing, misspelt or contradicts another; nothing was deployed.",
        "Correct the inputs that the annotations name; all mistakes are listed at once.",
    ),
    FailureReason.SOURCE: (
        "The code that is checked out may not be deployed so: no deploy branch contains it, or GitHub cannot be asked.",
        "Merge it, name its branch in `deploy-branches`, or deploy a flow with @project to a `project-branch`.",
    ),
    FailureReason.FLOW_INVALID: (
        "The flow file is no valid flow: a syntax error, no FlowSpec or two, no `__main__` guard, a broken graph.",
        "Correct the line of the annotation; `python flow.py check` reports the same on your machine.",
    ),
    FailureReason.FLOW_IMPORT: (
        "The flow file cannot be imported where it is deployed, most often for a package that is missing.",
        "Name the packages in `requirements`, or import them inside the steps that use them.",
    ),
    FailureReason.CREDENTIALS: (
        "AWS, Kubernetes or GitHub got no credentials, or expired or wrong ones.",
        "Check the authentication step and the secrets; forks and Dependabot have none.",
    ),
    FailureReason.PERMISSION: (
        "The credentials are good, but lack a right; the message names it.",
        "Add the verb to the Role, or the action to the IAM policy.",
    ),
    FailureReason.TOKEN: (
        "Metaflow's production token guards a deployment of another user.",
        "Give `authorize` or the same `metaflow-user` if it is yours; else another name or `project-branch`.",
    ),
    FailureReason.DATASTORE: (
        "Metaflow's datastore cannot be read or written.",
        "Check the bucket, the region, and the rights of the job's identity.",
    ),
    FailureReason.ORCHESTRATOR_UNREACHABLE: (
        "The orchestrator or the metadata service did not answer.",
        "Check addresses and network; a private cluster needs a runner that reaches it (`runs-on`).",
    ),
    FailureReason.DEPLOY: (
        "Metaflow or the orchestrator refused the deployment for another reason.",
        "Read the last lines of the log in the report.",
    ),
    FailureReason.HALF_DEPLOYED: (
        "A part of the deployment was written before the failure; the report says what is deployed now.",
        "Correct the cause and deploy again: deploying is repeatable.",
    ),
    FailureReason.TRIGGER: (
        "The flow is deployed, but no run could be triggered; or there was nothing to trigger.",
        "Read the message; deploy first where nothing is deployed.",
    ),
    FailureReason.START_TIMEOUT: (
        "The run did not start within `wait-timeout`.",
        "Look for capacity, quota or an image that cannot be pulled; raise `wait-timeout`.",
    ),
    FailureReason.RUN_FAILED: (
        "The run ended badly; the report names step, exception and line.",
        "Correct the flow and merge again. What was deployed stays deployed.",
    ),
    FailureReason.RUN_TIMEOUT: (
        "The run started, but did not end within `wait-timeout`.",
        "Raise `wait-timeout`, or `wait: started`; `on-timeout` says what becomes of the run.",
    ),
    FailureReason.CANCELLED: (
        "The job was cancelled; the report says how far it came.",
        "Run it again when you are ready.",
    ),
    FailureReason.INTERNAL: (
        "The action met something that it does not know.",
        "Please report it with the traceback of the report.",
    ),
}


def advice_table() -> list[tuple[str, str, str]]:
    """The reasons, in the order of the list: (reason, what it means, what to do)."""
    return [(str(reason), *ADVICE[reason]) for reason in FailureReason]


def advice_for(failure: Failure) -> str:
    """What to do: the failure's own advice, else that of its reason."""
    return failure.advice or ADVICE[failure.reason][1]
