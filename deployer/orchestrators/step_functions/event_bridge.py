"""The schedule of a state machine: an EventBridge rule of its name, with the state machine as its target."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from typing import Any

from deployer.orchestrators.clients.aws_errors import failures
from deployer.outcome import Action, Change

NAME_LIMIT = 64
KEPT = ("Name", "ScheduleExpression", "Description", "State")


class EventBridge:
    """EventBridge's rules over boto3."""

    def __init__(self, client: Any) -> None:
        """Args: client: boto3's client of `events`."""
        self._client = client

    def rule(self, machine: str) -> dict[str, Any] | None:
        """The rule of a state machine, as AWS gives it."""
        with failures(f"reading the schedule of {machine}"):
            try:
                return dict(self._client.describe_rule(Name=rule_name(machine)))
            except self._client.exceptions.ResourceNotFoundException:
                return None

    def snapshot(self, machine: str) -> dict[str, Any] | None:
        """The rule with its targets, in the form that `restore` takes."""
        rule = self.rule(machine)
        if rule is None:
            return None
        kept = {key: rule[key] for key in KEPT if rule.get(key) is not None}
        return {**kept, "Targets": self._targets(rule["Name"])}

    def restore(self, machine: str, before: Mapping[str, Any] | None) -> Change | None:
        """Put the rule and its targets back; None where they stand so already."""
        now = self.snapshot(machine)
        name = rule_name(machine)
        if now == before:
            return None
        if before is None:
            self._remove(name, now or {})
            return Change(kind="rule", name=name, action=Action.REMOVED)
        with failures(f"putting the schedule {name} back"):
            self._client.put_rule(**{key: value for key, value in before.items() if key != "Targets"})
            kept = {target["Id"] for target in before["Targets"]}
            gone = [target["Id"] for target in (now or {}).get("Targets", ()) if target["Id"] not in kept]
            if gone:
                self._client.remove_targets(Rule=name, Ids=gone)
            if before["Targets"]:
                self._client.put_targets(Rule=name, Targets=before["Targets"])
        return Change(kind="rule", name=name, action=Action.CREATED if now is None else Action.CHANGED_BACK)

    def delete(self, machine: str, arn: str | None) -> Change | None:
        """Remove the rule of a state machine with its targets; None where there is none.

        A rule that has another target than `arn` is somebody's own, and stays.
        """
        now = self.snapshot(machine)
        if now is None:
            return None
        name = rule_name(machine)
        others = [target["Arn"] for target in now["Targets"] if target["Arn"] != arn]
        if others:
            note = f"it starts {others[0]} and stays"
            return Change(kind="rule", name=name, action=Action.UNCHANGED, note=note)
        self._remove(name, now)
        return Change(kind="rule", name=name, action=Action.REMOVED)

    def _targets(self, name: str) -> list[dict[str, Any]]:
        with failures(f"reading the targets of the rule {name}"):
            return list(self._client.list_targets_by_rule(Rule=name)["Targets"])

    def _remove(self, name: str, now: Mapping[str, Any]) -> None:
        with failures(f"deleting the schedule {name}"):
            ids = [target["Id"] for target in now.get("Targets", ())]
            if ids:
                self._client.remove_targets(Rule=name, Ids=ids)
            self._client.delete_rule(Name=name)


def rule_name(machine: str) -> str:
    """The EventBridge rule of a state machine, as Metaflow names it."""
    if len(machine) <= NAME_LIMIT:
        return machine
    digest = base64.b32encode(hashlib.sha1(machine.encode(), usedforsecurity=False).digest()).decode()[:16].lower()
    return f"{machine[:47]}-{digest}"


def cron(rule: Mapping[str, Any] | None) -> str | None:
    """The cron expression of an enabled rule, AWS's six fields."""
    if rule is None or rule.get("State") != "ENABLED":
        return None
    found = re.fullmatch(r"cron\((.*)\)", rule.get("ScheduleExpression", ""))
    return found[1] if found else rule.get("ScheduleExpression")
