"""What needs no server: links, names, tags."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from deployer.orchestrators.argo_workflows.driver import ArgoWorkflows
from deployer.orchestrators.driver import MetaflowSettings
from deployer.orchestrators.extension.driver import Plugin
from deployer.orchestrators.provenance import TAG_LENGTH, from_tags, run_tags, to_tags
from deployer.orchestrators.step_functions.driver import StepFunctions, execution_name, rule_name
from deployer.outcome import DeployError, Deployment, Provenance

NO_CLIENTS = lambda: (None, None)  # noqa: E731  # what needs no server makes no request
ARN = "arn:aws:states:eu-west-1:123456789012:stateMachine:Train"
MACHINE = Deployment(id="Train", orchestrator="step-functions", flow_name="Train", arn=ARN)
TEMPLATE = Deployment(id="train", orchestrator="argo-workflows", flow_name="Train", namespace="ml")


def step_functions(endpoint: str, **settings: str) -> StepFunctions:
    client = SimpleNamespace(meta=SimpleNamespace(endpoint_url=endpoint))
    return StepFunctions(client, None, MetaflowSettings(**settings))  # type: ignore[arg-type]


def test_a_run_links_to_the_console_of_its_region_and_partition() -> None:
    aws = step_functions("https://states.eu-west-1.amazonaws.com")
    assert aws.run_url(MACHINE, "sfn-abc") == (
        "https://eu-west-1.console.aws.amazon.com/states/home?region=eu-west-1"
        "#/v2/executions/details/arn:aws:states:eu-west-1:123456789012:execution:Train:abc"
    )
    china = Deployment(
        id="Train", orchestrator="step-functions", flow_name="Train", arn=ARN.replace("arn:aws:", "arn:aws-cn:")
    )
    url = step_functions("https://states.cn-north-1.amazonaws.com.cn").run_url(china, "sfn-abc")
    assert url is not None
    assert ".console.amazonaws.cn/" in url


@pytest.mark.parametrize(
    "endpoint", ["http://127.0.0.1:5000", "https://amazonaws.com.evil.example", "http://localstack:4566"]
)
def test_an_endpoint_that_is_not_awss_has_no_console(endpoint: str) -> None:
    assert step_functions(endpoint).run_url(MACHINE, "sfn-abc") is None


def test_the_metaflow_ui_comes_before_the_orchestrators_page() -> None:
    ui = {"ui_url": "https://ui.example.com/", "argo_ui_url": "https://argo.example.com"}
    aws = step_functions("https://states.eu-west-1.amazonaws.com", **ui)
    argo = ArgoWorkflows(NO_CLIENTS, MetaflowSettings(**ui))  # type: ignore[arg-type]
    assert aws.run_url(MACHINE, "sfn-abc") == "https://ui.example.com/Train/sfn-abc"
    assert argo.run_url(TEMPLATE, "argo-train-x") == "https://ui.example.com/Train/argo-train-x"
    assert Plugin("dagster", MetaflowSettings(**ui)).run_url(TEMPLATE, "d-1") == "https://ui.example.com/Train/d-1"  # type: ignore[arg-type]


def test_argos_own_page_or_none() -> None:
    argo = ArgoWorkflows(NO_CLIENTS, MetaflowSettings(argo_ui_url="https://argo.example.com/"))
    assert argo.run_url(TEMPLATE, "argo-train-x") == "https://argo.example.com/workflows/ml/train-x"
    assert ArgoWorkflows(NO_CLIENTS, MetaflowSettings()).run_url(TEMPLATE, "argo-train-x") is None


def test_what_a_plug_in_lacks_is_told_by_name() -> None:
    with pytest.raises(DeployError, match="dagster offers no way"):
        Plugin("dagster", MetaflowSettings()).terminate(TEMPLATE, "d-1")


def test_an_executions_name_is_one_that_aws_takes_and_the_same_for_the_same_key() -> None:
    name = execution_name("octo-org/flows-1001-1-deploy job-" + "x" * 200)
    assert len(name) <= 80
    assert name.replace("-", "").replace("_", "").isalnum()
    assert name == execution_name("octo-org/flows-1001-1-deploy job-" + "x" * 200)
    assert name != execution_name("octo-org/flows-1001-2-deploy job-" + "x" * 200)


def test_a_rules_name_is_metaflows() -> None:
    from metaflow.plugins.aws.step_functions.event_bridge_client import format as metaflows

    for name in ("Short", "x" * 64, "recsys.prod." + "VeryLongFlowName" * 6):
        assert rule_name(name) == metaflows(name)


def test_provenance_survives_what_aws_takes_in_a_tag() -> None:
    provenance = Provenance(
        repository="octo-org/flows",
        flow="flows/~straße 100%.py",
        commit="a" * 40,
        commit_time="2026-11-23T08:00:00Z",
        pull_request=7,
        workflow_run="42",
        run_attempt=2,
        environment="prod @ «eu», #1",
    )
    tags = to_tags(provenance)
    assert from_tags(tags) == provenance
    assert all(len(value) <= TAG_LENGTH for value in tags.values())
    assert all(char.isalnum() or char in " _.:/=+-@" for value in tags.values() for char in value)
    assert from_tags({"owner": "somebody"}) is None


def test_a_flow_file_that_does_not_fit_a_tag_is_not_told_by_half_its_name() -> None:
    long = Provenance(repository="octo-org/flows", flow="フロー/" * 10 + "train.py", commit="a" * 40)
    assert "flow" not in to_tags(long)
    assert from_tags(to_tags(long)) is None


def test_runs_bear_what_finds_them() -> None:
    tags = run_tags(Provenance(repository="o/r", flow="a.py", commit="abc", pull_request=7))
    assert tags == ("repository:o/r", "commit:abc", "pull_request:7")
