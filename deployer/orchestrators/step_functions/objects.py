"""What Metaflow writes into a state machine, read without asking anybody.

Where Metaflow keeps what, read from metaflow/plugins/aws/step_functions (2.19): owner and production token in the
Parameters of the start state; flow, tags and namespace in the start task's environment and command; the project in the
state machine's name alone.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from deployer.orchestrators.declared import of_provenance, of_start_task
from deployer.orchestrators.step_functions.event_bridge import cron
from deployer.outcome import DeclaredParameters, DeployError, Failure, FailureReason, Provenance

LONGEST_UNHASHED = 60
"""Characters of a project's state machine's name, over which Metaflow cuts it and puts a hash behind it."""
FIRST_REVISION = "first"

Machine = Mapping[str, Any]
"""A state machine as DescribeStateMachine gives it, or a rule as EventBridge does."""


def start_parameters(machine: Machine) -> dict[str, Any]:
    """The Parameters of the start state, where Metaflow keeps its own.

    Raises:
        DeployError: Metaflow did not make the state machine.
    """
    parameters = _start(machine).get("Parameters", {})
    if "metaflow.owner" not in parameters:
        raise DeployError(
            Failure(
                reason=FailureReason.DEPLOY,
                message=f"There is a state machine {machine['name']}, and Metaflow did not make it.",
                advice="Give another `deployment-name` or `deployment-id`, or remove that state machine.",
            )
        )
    return dict(parameters)


def start_environment(machine: Machine) -> dict[str, str]:
    """The environment of the start task."""
    entries = _start(machine).get("ContainerOverrides", {}).get("Environment", [])
    return {str(entry.get("Name")): str(entry.get("Value", "")) for entry in entries}


def run_tags(machine: Machine) -> tuple[str, ...]:
    """The Metaflow tags that the start task's command gives every run."""
    command = _start(machine).get("ContainerOverrides", {}).get("Command") or [""]
    return tuple(dict.fromkeys(re.findall(r"--tag ([^\s;&)]+)", str(command[-1]))))


def namespace(environment: Mapping[str, str], token: str | None) -> str | None:
    """Metaflow's namespace of the runs."""
    return environment.get("METAFLOW_NAMESPACE") or (f"production:{token}" if token else None)


def version(machine: Machine, rule: Machine | None) -> str:
    """What tells one version from the next: a digest of what a deployment writes."""
    parts = [machine["definition"], machine.get("roleArn"), cron(rule)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def revision(machine: Machine) -> str:
    """The revision that stands; AWS gives none to the first."""
    return str(machine.get("revisionId") or FIRST_REVISION)


def deployed_at(machine: Machine, provenance: Provenance | None, stamped: str | None) -> datetime | None:
    """When the revision that stands was deployed.

    Args:
        machine: what stands.
        provenance: as this action stamped it, with the time.
        stamped: the revision that was stamped.

    Returns:
        The stamped time, or when the machine was made if it never changed. None: something else deployed it later, and
        AWS keeps no time of that.
    """
    if provenance is not None and provenance.deployed_at and stamped == revision(machine):
        with suppress(ValueError):
            return datetime.fromisoformat(provenance.deployed_at)
    return machine.get("creationDate") if revision(machine) == FIRST_REVISION else None


def declared(machine: Machine, provenance: Provenance | None, stamped: str | None) -> DeclaredParameters | None:
    """The flow's Parameters; arguments as `deployed_at`. What was recorded counts for the revision that it is of."""
    recorded = of_provenance(provenance) if stamped == revision(machine) else None
    return recorded or of_start_task(start_environment(machine))


def project_of(name: str, flow_name: str, prefix: str | None) -> tuple[str | None, str | None]:
    """@project and Metaflow's branch by a state machine's name: `recsys.prod.TrainFlow`.

    Args:
        name: the state machine's.
        flow_name: the FlowSpec's.
        prefix: METAFLOW_SFN_STATE_MACHINE_PREFIX, which stands before it.
    """
    bare = name.removeprefix(f"{prefix}_") if prefix else name
    found = re.fullmatch(r"([a-z0-9_]+)\.((?:prod|test|user)(?:\..+)?)\.(\w+)(?:-[a-z0-9]{16})?", bare)
    if found is None:
        return None, None
    is_cut = len(name) > LONGEST_UNHASHED and flow_name.startswith(found[3])
    return (found[1], found[2]) if found[3] == flow_name or is_cut else (None, None)


def _start(machine: Machine) -> dict[str, Any]:
    definition = json.loads(machine["definition"])
    state = definition.get("States", {}).get(definition.get("StartAt", "start"), {})
    return dict(state.get("Parameters", {}))
