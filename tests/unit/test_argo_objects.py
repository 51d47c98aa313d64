"""What Metaflow writes into Argo's objects, and what is missing where it says so."""

from __future__ import annotations

import json
from typing import Any

import pytest

from deployer.orchestrators.argo_workflows.objects import (
    problems,
    runs_template,
    schedule,
    sensor_place,
    takes_schedules,
    triggers,
    workflow_name_of_key,
)

CRON = {"spec": {"schedule": "0 6 * * *", "workflowSpec": {"workflowTemplateRef": {"name": "train"}}}}
SENSOR = {"spec": {"triggers": [{"template": {"name": "train"}}]}}


def template(**annotations: Any) -> dict[str, Any]:
    found = {
        f"metaflow/{key}": value if isinstance(value, str) else json.dumps(value) for key, value in annotations.items()
    }
    return {"metadata": {"annotations": found}}


def test_triggers_in_words() -> None:
    names = [{"name": "metaflow.TrainFlow.end", "type": "run"}, {"name": "data", "type": "event"}]
    assert triggers(template(triggers=names)) == ("when TrainFlow finishes", "on event data")
    assert triggers(template(triggers="no JSON")) == ()
    assert triggers({"metadata": {}}) == ()


def test_either_spelling_of_a_schedule_and_none_while_it_is_suspended() -> None:
    assert schedule(CRON) == ("0 6 * * *", None)
    assert schedule({"spec": {"schedules": ["0 6 * * *", "0 9 * * *"], "timezone": "UTC"}}) == (
        "0 6 * * *; 0 9 * * *",
        "UTC",
    )
    assert schedule({"spec": {**CRON["spec"], "suspend": True}}) == (None, None)
    assert schedule(None) == (None, None)


def test_a_sensors_place_is_what_the_template_says() -> None:
    moved = template(sensor_name="a-train", sensor_namespace="events")
    assert sensor_place(moved, "a.train", "ml") == ("a-train", "events")
    assert sensor_place(None, "a.train", "ml") == ("a-train", "ml")


def test_a_deployment_without_triggers_would_have_its_sensor_where_metaflow_puts_one_now() -> None:
    assert sensor_place(template(sensor_name="train", sensor_namespace="events"), "train", "ml", "later") == (
        "train",
        "events",
    )
    assert sensor_place(None, "train", "ml", "later") == ("train", "later")
    assert sensor_place(template(), "train", "ml", "later") == ("train", "later")
    before = template(triggers=[{"name": "data"}])
    assert sensor_place(before, "train", "ml", "later") == ("train", "ml"), "of a Metaflow that knew no other place"


PROMISED = template(cron={"schedule": "0 6 * * *", "tz": ""}, triggers=[{"name": "data"}])
REFUSED = {
    **CRON,
    "status": {
        "conditions": [
            {"type": "SpecError", "status": "True", "message": "cron workflow must have at least one schedule"}
        ]
    },
}


@pytest.mark.parametrize(
    ("cron", "sensor", "missing"),
    [
        (CRON, SENSOR, []),
        (None, SENSOR, ["no CronWorkflow"]),
        ({"spec": {"workflowSpec": {}}}, SENSOR, ["the CronWorkflow has none"]),
        (CRON, None, ["no Sensor train in events"]),
        (REFUSED, SENSOR, ["METAFLOW_ARGO_WORKFLOWS_USE_SCHEDULES=true"]),
        (None, None, ["no CronWorkflow", "no Sensor"]),
    ],
)
def test_what_was_promised_and_does_not_stand_is_told(
    cron: dict[str, Any] | None, sensor: dict[str, Any] | None, missing: list[str]
) -> None:
    told = problems(PROMISED, cron, sensor, "train in events")
    assert len(told) == len(missing)
    assert all(part in sentence for part, sentence in zip(missing, told, strict=True))
    assert problems(template(), cron, sensor, "train in events") == (), "nothing was promised"


def test_what_starts_another_template_is_anothers() -> None:
    assert runs_template(CRON, "train")
    assert runs_template(SENSOR, "train")
    assert not runs_template(CRON, "other")
    assert not runs_template(SENSOR, "other")
    assert not runs_template({"spec": {}}, "train")
    assert not runs_template(None, "train")


@pytest.mark.parametrize(
    ("kept", "takes"),
    [
        ({"schedule": "x"}, False),
        ({"schedule": "x", "schedules": ["x"]}, True),
        ({"schedules": ["x"]}, True),
        ({"schedule": "x", "schedules": ["x"], "metaflowDeploy": True}, None),
    ],
)
def test_what_the_server_keeps_of_both_spellings_tells_which_it_has(kept: dict[str, Any], takes: bool | None) -> None:
    assert takes_schedules({"spec": kept}) is takes


def test_the_name_of_a_key_fits_a_label_and_is_the_keys_own() -> None:
    name = workflow_name_of_key("a" * 60, "job-1")
    assert len(name) <= 63
    assert name == workflow_name_of_key("a" * 60, "job-1")
    assert name != workflow_name_of_key("a" * 60, "job-2")
