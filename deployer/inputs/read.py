"""The environment of the job -> `Inputs`, or every mistake at once."""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from deployer.inputs import airflow, shell
from deployer.inputs.mistake import Mistake
from deployer.inputs.model import (
    WITHOUT_FLOW,
    CommentMode,
    InputErrors,
    Inputs,
    OperationName,
    input_failure,
    input_names,
)
from deployer.inputs.paths import wrong_paths
from deployer.inputs.values import CLEANERS
from deployer.outcome import Failure

LONGEST_INPUT = 1 << 17
"""Characters. Linux passes no longer variable to a process; a shell or a test may read inputs from elsewhere."""
SAME_OPTION = {
    "create-options": {
        "authorize": "authorize",
        "tags": "tags",
        "max_workers": "max-workers",
        "workflow_timeout": "workflow-timeout",
    },
    "deployer-options": {
        "environment": "metaflow-environment",
        "decospecs": "with",
    },
}
"""The options of Deployer that have an input of their own: to give both leaves open which one holds."""
REPLACED = {"config-value": ("config", "Write its values into `config`, which takes paths and values by Config name.")}
"""Inputs that earlier versions had: the input in their place, and what to write there."""


def read_inputs(environ: Mapping[str, str], workspace: Path | None = None) -> Inputs:
    """Read the inputs.

    Args:
        environ: the job's environment. GitHub writes `INPUT_DEPLOY-BRANCHES`; `INPUT_DEPLOY_BRANCHES`, which a shell
            can set, is taken too.
        workspace: the checkout. Where an input is wrong, the mistakes in the paths are told with the others; without
            one, or where none other is wrong, `check_paths` is for the caller to call, once it knows that the paths
            are needed.

    Raises:
        InputErrors: with every mistake.
    """
    values: dict[str, Any] = {}
    failures: list[Failure] = []
    given: set[str] = set()
    for one in fields(Inputs):
        if "input" not in one.metadata:
            continue
        name, default = one.metadata["input"], one.metadata["default"]
        expression = "${{" in default  # what GitHub makes of it is not known here
        # an expression may hand over a block with all its lines indented
        text = textwrap.dedent(raw_input(environ, name).replace("\r\n", "\n")).strip()
        if text and text != default and not expression:
            given.add(name)
        try:
            values[one.name] = CLEANERS[one.name](_checked(text) or ("" if expression else default))
        except Mistake as mistake:
            failures.append(input_failure(name, str(mistake), mistake.advice))
    failures += [
        input_failure(now, f"has taken the place of `{before}`, which was given", advice)
        for before, (now, advice) in REPLACED.items()
        if raw_input(environ, before)
    ]
    failures += _across(values, given)
    if failures:
        raise InputErrors((*failures, *(wrong_paths(values, workspace) if workspace is not None else ())))
    return Inputs(**values, given=frozenset(given))


def raw_input(environ: Mapping[str, str], name: str) -> str:
    """An input as it was given, empty if it was not."""
    upper = name.replace(" ", "_").upper()
    return environ.get(f"INPUT_{upper}") or environ.get(f"INPUT_{upper.replace('-', '_')}") or ""


def unknown_inputs(environ: Mapping[str, str]) -> tuple[str, ...]:
    """A warning for each INPUT_* that the action does not have; GitHub itself only warns too."""
    known = {name.upper().replace("-", "_"): name for name in (*input_names(), *REPLACED)}
    warnings = []
    for variable in sorted(environ):
        upper = variable.removeprefix("INPUT_").replace("-", "_")
        if not variable.startswith("INPUT_") or upper in known or not environ[variable]:
            continue
        near = difflib.get_close_matches(upper, known, n=1)
        hint = f" Did you mean `{known[near[0]]}`?" if near else ""
        warnings.append(f"The action has no input `{variable.removeprefix('INPUT_').lower()}`.{hint}")
    return tuple(warnings)


def _checked(text: str) -> str:
    if len(text) > LONGEST_INPUT:
        wrong = f"has {len(text)} characters, and an input has at most {LONGEST_INPUT}"
        raise Mistake(wrong, "Give less; what is large belongs in a file of the checkout.")
    try:
        text.encode()
    except UnicodeEncodeError:  # bytes that are no UTF-8 come as lone surrogates (os.fsdecode)
        raise Mistake("holds bytes that are no UTF-8", "Write it as UTF-8 text.") from None
    return text


def _across(values: Mapping[str, Any], given: set[str]) -> list[Failure]:
    """Mistakes between inputs, as far as those concerned could be read."""
    return [
        *_without_run(values),
        *_without_flow(values),
        *_without_deployment(values),
        *_without_token(values),
        *_two_clusters(values),
        *airflow.across(values),
        *shell.across(values),
        *_given_twice(values, given),
    ]


def _without_run(values: Mapping[str, Any]) -> list[Failure]:
    if values.get("trigger") is not False or values.get("operation") in (
        OperationName.TRIGGER,
        OperationName.DOCTOR,
        None,
    ):
        return []
    advice = "Set `trigger: true`, or leave it out."
    return [
        input_failure(name, "was given, but no run is triggered", advice)
        for name in ("wait", "parameters")
        if values.get(name)
    ]


NEEDED = {
    OperationName.STATUS: ("deployment-id",),
    OperationName.TERMINATE: ("deployment-id", "run-id"),
    OperationName.SUSPEND: ("deployment-id", "run-id"),
    OperationName.UNSUSPEND: ("deployment-id", "run-id"),
    OperationName.DELETE: ("deployment-id",),
    OperationName.PRODUCTION_TOKEN: ("deployment-id",),
}
"""What operations without a flow file cannot do without."""
WHICH = {
    "deployment-id": "Write the identifier of a deployment; `operation: list` shows them.",
    "run-id": "Write the id of a run; `operation: status` shows the latest ones.",
}


def _without_deployment(values: Mapping[str, Any]) -> list[Failure]:
    operation = values.get("operation")
    needed = NEEDED.get(operation, ()) if operation is not None else ()
    missing = [name for name in needed if values.get(name.replace("-", "_"), "unread") is None]
    wrong = f"was not given, which `operation: {operation}` needs"
    return [input_failure(name, wrong, WHICH[name]) for name in missing]


def _without_flow(values: Mapping[str, Any]) -> list[Failure]:
    flows, operation, name = (values.get(key) for key in ("flows", "operation", "deployment_name"))
    if flows is None or operation in (None, OperationName.DOCTOR, *WITHOUT_FLOW):
        return []
    # one that could not be read was given all the same
    identifier = values.get("deployment_id", "unread") if operation is OperationName.TRIGGER else None
    if flows and identifier:
        advice = "Leave one of the two out: the flow's file tells its deployment by itself."
        return [input_failure("deployment-id", "names a deployment, and a flow was given too", advice)]
    if not flows and not identifier:
        advice = "Write the path of a flow file, or several, one a line."
        if operation is OperationName.TRIGGER:
            advice = "Write the path of a flow file, or the identifier of a deployment as `deployment-id`."
        return [input_failure("flow", "was not given", advice)]
    if name and len(flows) > 1:
        advice = "Give one flow, or leave `deployment-name` out so that each flow has a name of its own."
        return [input_failure("deployment-name", "names one deployment, but several flows were given", advice)]
    return []


def _without_token(values: Mapping[str, Any]) -> list[Failure]:
    """`update` is the default, which GitHub hands over like a given value: only the others tell that it was asked."""
    asked = values.get("comment") in (CommentMode.NEW, CommentMode.FAILURES)
    if not asked or values.get("github_token", "unread"):
        return []
    advice = "Give `${{ github.token }}`, or set `comment: off`."
    return [input_failure("github-token", "is empty, but a comment was asked for", advice)]


def _two_clusters(values: Mapping[str, Any]) -> list[Failure]:
    if not values.get("eks_cluster") or not values.get("kubeconfig"):
        return []
    advice = "Leave `kubeconfig` out: the action makes one of what EKS says of the cluster."
    return [input_failure("eks-cluster", "was given, and `kubeconfig` too", advice)]


def _given_twice(values: Mapping[str, Any], given: set[str]) -> list[Failure]:
    failures = []
    for options, inputs in SAME_OPTION.items():
        for option in values.get(options.replace("-", "_")) or {}:
            name = inputs.get(option.replace("-", "_"))
            if name in given:
                wrong = f"has `{option}`, and the input `{name}` was given too"
                failures.append(input_failure(options, wrong, "Leave one of the two out."))
    return failures
