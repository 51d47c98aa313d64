"""What ended a command of Metaflow: the exception, or the last error of its output, and never what the flow printed.

What Metaflow itself refuses is in tests/integration/test_metaflow_refusals.py, where Metaflow says it.
"""

from __future__ import annotations

import pytest

from deployer.orchestrators.diagnosis import ReportedError, classify_output, diagnose_exception, last_error
from deployer.outcome import FailureReason

# As Metaflow 2.19.39 prints it before the error of a first deployment.
FIRST = (
    "It seems this is the first time you are deploying HelloFlow to AWS Step Functions.\n\n"
    "A new production token generated.\n\n    step-functions create --authorize helloflow-0-apnt\n"
)
PRINTED = "Max retries exceeded: Connection refused\nbotocore.exceptions.NoRegionError: You must specify a region.\n"
INTERNAL = (
    "    Internal error\nTraceback (most recent call last):\n"
    '  File "/x/lib/python3.11/site-packages/metaflow/cli.py", line 738, in main\n    start()\n'
)
OWN = '  File "/repo/flows/train.py", line 3, in <module>\n    connect()\n'
CALLED = '  File "/x/lib/python3.11/site-packages/urllib3/connectionpool.py", line 7, in urlopen\n    send()\n'


def raised(line: str, frame: str = "") -> str:
    return f"{INTERNAL}{frame}{line}\n\n"


@pytest.mark.parametrize(
    ("output", "reason", "told"),
    [
        (
            (
                "There is an existing version of HelloFlow on AWS Step Functions which was deployed by the user me.\n"
                "To deploy a new version of this flow, you need to use the same production token that they used. \n"
                "    step-functions create --authorize MY_TOKEN\n"
                "    Incorrect production token:\n    Try again with the correct production token.\n\n"
            ),
            FailureReason.TOKEN,
            "`me`",
        ),
        (
            raised(
                "AttributeError: 'NoneType' object has no attribute 'split'",
                '  File "/x/lib/python3.11/site-packages/metaflow/plugins/aws/step_functions/step_functions.py", '
                'line 1110, in _partition\n    return SFN_IAM_ROLE.split(":")[1]\n           ^^^^^^^^^^^^^^^^^^\n',
            ),
            FailureReason.INPUT,
            "METAFLOW_SFN_IAM_ROLE",
        ),
        (
            raised(
                "botocore.exceptions.ParamValidationError: Parameter validation failed:\n"
                "Invalid type for parameter jobQueues[0], value: None, type: <class 'NoneType'>, valid types: str"
            ),
            FailureReason.DEPLOY,
            "METAFLOW_BATCH_JOB_QUEUE",
        ),
        (
            FIRST + "    AWS Step Functions scheduling error:\n    No IAM role found for AWS Events Bridge. You can\n",
            FailureReason.INPUT,
            "METAFLOW_EVENTS_SFN_ACCESS_IAM_ROLE",
        ),
        (
            FIRST + "    S3 object not found:\n    s3://nosuch/x/HelloFlow/data/ca/ca14\n\n",
            FailureReason.DATASTORE,
            "METAFLOW_DATASTORE_SYSROOT_S3",
        ),
        (
            FIRST + raised("botocore.exceptions.NoCredentialsError: Unable to locate credentials"),
            FailureReason.CREDENTIALS,
            "OIDC",
        ),
        (
            raised("botocore.exceptions.NoRegionError: You must specify a region."),
            FailureReason.CREDENTIALS,
            "AWS_DEFAULT_REGION",
        ),
        (
            raised('botocore.exceptions.EndpointConnectionError: Could not connect to the endpoint URL: "http://x:9/"'),
            FailureReason.ORCHESTRATOR_UNREACHABLE,
            "AWS_ENDPOINT_URL",
        ),
        (
            raised(
                "requests.exceptions.ConnectionError: HTTPConnectionPool(host='127.0.0.1', port=9): Max retries "
                "exceeded with url: /ping (Caused by NewConnectionError('Connection refused'))"
            ),
            FailureReason.ORCHESTRATOR_UNREACHABLE,
            "METAFLOW_SERVICE_URL",
        ),
        (
            (
                '    Argo Client error:\n    workflowtemplates.argoproj.io is forbidden: User "system:serviceaccount:'
                'flows:deployer" cannot create resource "workflowtemplates" in API group "argoproj.io" in the '
                'namespace "ml"\n\n'
            ),
            FailureReason.PERMISSION,
            "the verb `create` on `workflowtemplates`",
        ),
        (
            "    Validity checker found an issue in file /x/train.py on line 7:\n    Step start refers to nothing.\n\n",
            FailureReason.FLOW_INVALID,
            "Step start refers to nothing.",
        ),
    ],
)
@pytest.mark.parametrize("printed", ["", PRINTED, raised("OSError: Connection refused", OWN)])
def test_the_last_error_decides(printed: str, output: str, reason: FailureReason, told: str) -> None:
    failure = classify_output(printed + output)
    assert failure is not None
    assert failure.reason is reason
    assert told in f"{failure.message} {failure.advice}"


@pytest.mark.parametrize("output", ["", FIRST, PRINTED, FIRST + PRINTED, "Traceback (most recent call last):\n"])
def test_what_has_no_errors_form_is_no_error(output: str) -> None:
    assert last_error(output) is None
    assert classify_output(output) is None


def test_a_clients_error_is_the_flows_where_the_flow_called_it() -> None:
    line = "urllib3.exceptions.MaxRetryError: Max retries exceeded with url: /"
    assert classify_output(raised(line, OWN + CALLED)) is None
    assert classify_output(raised(line, CALLED)) is not None


def test_an_error_that_nobody_knows_is_none_whatever_the_flow_printed() -> None:
    output = PRINTED + "    Argo Workflows error:\n    Something that no release of today says.\n\n"
    error = last_error(output)
    assert error is not None
    assert error.sentence == "Argo Workflows error: Something that no release of today says."
    assert classify_output(output) is None


@pytest.mark.parametrize(
    ("module", "kind", "message", "traceback", "reason"),
    [
        ("builtins", "ConnectionRefusedError", "[Errno 111] Connection refused", "/repo/flows/train.py", None),
        ("urllib3.exceptions", "MaxRetryError", "Max retries exceeded", "/repo/flows/train.py", None),
        ("my.client", "NotReady", "Max retries exceeded", "/repo/flows/train.py", None),
        ("builtins", "OSError", "Connection refused", "/x/site-packages/metaflow/plugins/x.py", "unreachable"),
        ("urllib3.exceptions", "MaxRetryError", "Max retries exceeded", "/x/site-packages/urllib3/y.py", "unreachable"),
        # the Kubernetes client checks its arguments with pydantic, which so is between Metaflow and urllib3
        (
            "urllib3.exceptions",
            "MaxRetryError",
            "Max retries exceeded",
            "/x/site-packages/pydantic/y.py",
            "unreachable",
        ),
        ("urllib3.exceptions", "ProtocolError", "('Connection aborted.', RemoteDisconnected())", "", "unreachable"),
        ("metaflow.plugins.argo.argo_client", "ArgoClientException", "Unauthorized", "", "credentials"),
    ],
)
def test_a_flows_own_exception_is_not_the_orchestrators(
    module: str, kind: str, message: str, traceback: str, reason: str | None
) -> None:
    headline = "Argo Client error" if module.startswith("metaflow") else None
    frames = f'Traceback (most recent call last):\n  File "{traceback}", line 3, in x\n    y()\n{kind}: {message}\n'
    error = ReportedError(module=module, type=kind, message=message, headline=headline, traceback=frames)
    failure = diagnose_exception(error)
    assert (failure is not None) == (reason is not None)
    if failure is not None:
        assert str(reason) in failure.reason
        assert failure.evidence == (f"{kind}: {message}" if module == "builtins" else message)


def test_who_owns_a_deployment_is_read_from_the_output() -> None:
    error = ReportedError(
        module="metaflow.plugins.argo.argo_workflows_cli",
        type="IncorrectProductionToken",
        message="Try again with the correct production token.",
        headline="Incorrect production token",
    )
    said = "There is an existing version of *train* on Argo Workflows which was deployed by the user *mona*.\n"
    failure = diagnose_exception(error, said)
    assert failure is not None
    assert failure.reason is FailureReason.TOKEN
    assert failure.input == "authorize"
    assert "`mona`" in failure.message
    failure = diagnose_exception(error)
    assert failure is not None
    assert "Somebody else" in failure.message
