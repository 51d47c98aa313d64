"""The outputs and the annotations: what other steps and GitHub's own pages read."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import yaml
from report_samples import FAILED, RUN_FAILED, SAMPLES, SCORED, flow, outcome, run, step_functions, wrong

from deployer.outcome import FailureReason, Outcome, RunStatus, Status, from_json, to_json
from deployer.report.advice import ADVICE, advice_table
from deployer.report.annotations import MOST, to_annotations
from deployer.report.comment import comment_body
from deployer.report.outputs import outputs
from sandbox.runner import ROOT


@pytest.mark.parametrize("name", SAMPLES)
def test_the_outputs_are_those_of_action_yml(name: str) -> None:
    declared = yaml.safe_load((ROOT / "action.yml").read_text())["outputs"]
    made = outputs(SAMPLES[name], "https://github.com/c/1")
    assert list(made) == list(declared)
    assert made["status"] in ("success", "failure", "cancelled", "skipped")
    assert made["failure-reason"] in ("", *FailureReason)
    assert made["run-status"] in ("", *RunStatus)
    assert bool(made["failure-reason"]) == (made["status"] in ("failure", "cancelled"))
    assert len(json.loads(made["deployments"])) == len(SAMPLES[name].flows)


def test_the_outputs_of_a_flow_that_ran() -> None:
    made = outputs(SAMPLES["one"], "https://github.com/c/1")
    assert made | {"deployments": ""} == {
        "status": "success",
        "failure-reason": "",
        "operation": "deploy",
        "deployment-id": "recsys_prod_TrainFlow",
        "run-id": "argo-recsys.prod.trainflow-x7k2p",
        "run-pathspec": "TrainFlow/argo-recsys.prod.trainflow-x7k2p",
        "run-status": "succeeded",
        "run-url": "https://metaflow.example.com/TrainFlow/argo-recsys.prod.trainflow-x7k2p",
        "comment-url": "https://github.com/c/1",
        "deployments": "",
        "production-token": "",
    }


def test_an_object_of_deployments_says_everything() -> None:
    (one,) = json.loads(outputs(SAMPLES["one"], None)["deployments"])
    assert (
        one.items()
        >= {
            "status": "success",
            "failure_reason": None,
            "flow": "flows/train.py",
            "flow_name": "TrainFlow",
            "orchestrator": "step-functions",
            "deployment_id": "recsys_prod_TrainFlow",
            "arn": "arn:aws:states:eu-central-1:123456789012:stateMachine:recsys_prod_TrainFlow",
            "region": "eu-central-1",
            "schedule": "0 6 * * ? *",
            "run_status": "succeeded",
            "run_seconds": 192.0,
            "python": "3.12.8",
            "metaflow": "2.19.39",
            "production": True,
            "project": "recsys",
            "project_branch": "prod",
            "commit": SAMPLES["one"].context.commit,  # type: ignore[union-attr]
            "pull_request": 412,
        }.items()
    )
    assert all(name == name.lower() and "-" not in name for name in one)


def test_every_object_has_the_same_keys() -> None:
    found = [one for result in SAMPLES.values() for one in json.loads(outputs(result, None)["deployments"])]
    assert {tuple(one) for one in found} == {tuple(found[0])}


def test_the_commit_of_a_deployment_is_the_one_that_stands() -> None:
    (one, *_) = json.loads(outputs(SAMPLES["refused"], None)["deployments"])
    assert one["commit"].startswith("b81d0e4")


def test_a_failed_job_names_the_line() -> None:
    (one, _) = json.loads(outputs(SAMPLES["failed"], None)["deployments"])
    assert (one["failure_reason"], one["failed_step"], one["failure_path"], one["failure_line"]) == (
        "run-failed",
        "train",
        "flows/train.py",
        42,
    )


@pytest.mark.parametrize(
    ("flows", "decides"),
    [
        ((SCORED, FAILED), "recsys.prod.trainflow"),
        ((flow(status=Status.SKIPPED, deployment=None), SCORED), "recsys.prod.scoreflow"),
        ((SCORED, flow()), "recsys.prod.scoreflow"),
        ((flow("A"), flow("B", run=run(name="B"))), "recsys.prod.a"),
    ],
)
def test_of_several_flows_the_worst_decides_else_the_first(flows: tuple[object, ...], decides: str) -> None:
    assert outputs(outcome(*flows), None)["deployment-id"] == decides  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("result", "status", "reason"),
    [
        (outcome(flow(status=Status.PENDING)), "success", ""),
        (outcome(skipped="x"), "skipped", ""),
        (outcome(failures=(wrong("x"),)), "failure", "input"),
        (SAMPLES["cancelled"], "cancelled", "cancelled"),
        (SAMPLES["timeout"], "failure", "run-timeout"),
        (outcome(SAMPLES["cancelled"].flows[0], FAILED), "failure", "run-failed"),
    ],
)
def test_the_status_is_one_of_githubs_four(result: Outcome, status: str, reason: str) -> None:
    made = outputs(result, None)
    assert (made["status"], made["failure-reason"]) == (status, reason)


@pytest.mark.parametrize("name", SAMPLES)
def test_an_outcome_goes_through_json_unchanged(name: str) -> None:
    assert from_json(to_json(SAMPLES[name]), Outcome) == SAMPLES[name]


def test_a_failure_is_an_annotation_on_its_line() -> None:
    (first, *_) = to_annotations(outcome(FAILED))
    assert (first.level, first.path, first.line) == ("error", "flows/train.py", 42)
    assert first.title == "run-failed"
    assert "Input X contains NaN" in first.message
    assert "Correct the flow" in first.message


def test_of_several_flows_an_annotation_says_whose_it_is() -> None:
    assert to_annotations(SAMPLES["failed"])[0].title == "TrainFlow: run-failed"


def test_a_mistake_in_an_input_is_titled_with_it() -> None:
    titles = [one.title for one in to_annotations(SAMPLES["inputs"])]
    assert titles == ["input: flow", "input: wait-timeout", "input: parameters", "input: parameters"]


def test_annotations_are_no_more_than_github_shows_and_say_how_many_are_missing() -> None:
    failures = tuple(wrong(str(number)) for number in range(50))
    made = to_annotations(outcome(failures=failures))
    assert [one.level for one in made] == ["error"] * MOST
    assert "40 more" in made[-1].message


def test_annotations_are_short_enough_to_be_shown() -> None:
    made = to_annotations(outcome(replace(FAILED, failure=replace(RUN_FAILED, evidence="ä" * 100_000))))
    assert len(made[0].message.encode()) <= 4096
    assert "Input X contains NaN" in made[0].message


def test_a_warning_of_many_flows_is_one_annotation() -> None:
    made = [one for one in to_annotations(SAMPLES["many"]) if one.level == "warning"]
    assert len(made) == 1


def test_flows_that_were_held_back_make_no_warnings() -> None:
    assert [one.level for one in to_annotations(SAMPLES["syntax"])] == ["error"]


def test_a_skipped_job_says_why() -> None:
    (only,) = to_annotations(SAMPLES["skipped"])
    assert (only.level, only.message) == ("notice", "The pull request was closed without being merged.")


def test_a_job_that_went_well_is_silent() -> None:
    assert to_annotations(outcome(flow(), step_functions(run=run()))) == ()


def test_every_reason_says_what_to_do() -> None:
    assert set(ADVICE) == set(FailureReason)
    assert [reason for reason, _, _ in advice_table()] == [str(reason) for reason in FailureReason]
    assert all(what.endswith(".") and todo.endswith(".") for _, what, todo in advice_table())


def test_a_failure_without_advice_of_its_own_has_that_of_its_reason() -> None:
    bare = replace(RUN_FAILED, advice="")
    told = ADVICE[FailureReason.RUN_FAILED][1]
    assert told in to_annotations(outcome(replace(FAILED, failure=bare)))[0].message
    assert f"**What to do:** {told}" in comment_body(outcome(replace(FAILED, failure=bare)), summary_url=None)
