"""INPUT_* as one frozen dataclass. Every mistake is told at once, each naming its input and what to write instead."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from deployer.durations import parse_duration
from deployer.outcome import Failure, FailureReason
from deployer.yaml_mapping import parse_mapping

E = TypeVar("E", bound=StrEnum)


class OperationName(StrEnum):
    """The input `operation`."""

    AUTO = "auto"
    DEPLOY = "deploy"
    TRIGGER = "trigger"


class Wait(StrEnum):
    """The input `wait`: how far a triggered run is followed."""

    NONE = "none"
    STARTED = "started"
    COMPLETED = "completed"


class OnTimeout(StrEnum):
    """The input `on-timeout`: what becomes of a run at `wait-timeout`."""

    LEAVE = "leave"
    TERMINATE = "terminate"


class CommentMode(StrEnum):
    """The input `comment`."""

    UPDATE = "update"
    NEW = "new"
    FAILURES = "failures"
    OFF = "off"


def _input(name: str, default: str = "", *, secret: bool = False) -> Any:
    return field(repr=not secret, metadata={"input": name, "default": default})


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """The inputs of the action, read. Durations are seconds; what is unset and has no default is None or empty."""

    flows: tuple[str, ...] = _input("flow")
    orchestrator: str = _input("orchestrator", "argo-workflows")
    operation: OperationName = _input("operation", "auto")
    deploy_branches: tuple[str, ...] = _input("deploy-branches")
    working_directory: str = _input("working-directory", ".")
    trigger: bool = _input("trigger", "false")
    parameters: Mapping[str, Any] = _input("parameters")
    wait: Wait | None = _input("wait")
    on_timeout: OnTimeout = _input("on-timeout", "leave")
    wait_timeout: float = _input("wait-timeout", "60m")
    poll_interval: float = _input("poll-interval", "10s")
    deploy_timeout: float = _input("deploy-timeout", "10m")
    deployment_name: str | None = _input("deployment-name")
    project_branch: str | None = _input("project-branch")
    production: bool | None = _input("production", "auto")
    authorize: str | None = _input("authorize", secret=True)
    tags: tuple[str, ...] = _input("tags")
    with_decorators: tuple[str, ...] = _input("with")
    config: Mapping[str, str] = _input("config")
    config_value: Mapping[str, Any] = _input("config-value")
    metaflow_environment: str | None = _input("metaflow-environment")
    metaflow_profile: str | None = _input("metaflow-profile")
    metaflow_config: Mapping[str, Any] | None = _input("metaflow-config", secret=True)
    metaflow_user: str | None = _input("metaflow-user")
    max_workers: int | None = _input("max-workers")
    workflow_timeout: float | None = _input("workflow-timeout")
    create_options: Mapping[str, Any] = _input("create-options")
    deployer_options: Mapping[str, Any] = _input("deployer-options")
    requirements: str | None = _input("requirements")
    kubeconfig: str | None = _input("kubeconfig", secret=True)
    github_token: str | None = _input("github-token", "${{ github.token }}", secret=True)
    comment: CommentMode = _input("comment", "update")
    comment_key: str | None = _input("comment-key")
    given: frozenset[str] = field(default=frozenset())
    """The inputs that were given and differ from their default, in kebab-case."""


class InputErrors(Exception):  # several at once
    """All mistakes in the inputs."""

    def __init__(self, failures: tuple[Failure, ...]) -> None:
        super().__init__("; ".join(failure.message for failure in failures))
        self.failures = failures


class Mistake(ValueError):
    """One mistake: what is wrong with the value, and what to write instead."""

    def __init__(self, wrong: str, advice: str) -> None:
        super().__init__(wrong)
        self.advice = advice


def input_names() -> dict[str, str]:
    """The inputs in kebab-case with their defaults, in the order of action.yml."""
    return {one.metadata["input"]: one.metadata["default"] for one in fields(Inputs) if "input" in one.metadata}


def read_inputs(environ: Mapping[str, str]) -> Inputs:
    """Read the inputs.

    Args:
        environ: the job's environment. GitHub writes `INPUT_DEPLOY-BRANCHES`; `INPUT_DEPLOY_BRANCHES`, which a shell
            can set, is taken too.

    Raises:
        InputErrors: with every mistake.
    """
    values: dict[str, Any] = {}
    failures: list[Failure] = []
    given = []
    for one in fields(Inputs):
        if "input" not in one.metadata:
            continue
        name, default = one.metadata["input"], one.metadata["default"]
        text = raw_input(environ, name)
        if text.strip() and text.strip() != default:
            given.append(name)
        try:
            values[one.name] = CLEANERS[one.name](text.strip() or ("" if "${{" in default else default))
        except Mistake as mistake:
            failures.append(_failure(name, str(mistake), mistake.advice))
    if failures:
        raise InputErrors(tuple(failures) + _across(values))
    inputs = Inputs(**values, given=frozenset(given))
    across = _across(values)
    if across:
        raise InputErrors(across)
    return inputs


def raw_input(environ: Mapping[str, str], name: str) -> str:
    """An input as it was given, empty if it was not."""
    upper = name.replace(" ", "_").upper()
    return environ.get(f"INPUT_{upper}") or environ.get(f"INPUT_{upper.replace('-', '_')}") or ""


def unknown_inputs(environ: Mapping[str, str]) -> tuple[str, ...]:
    """A warning for each INPUT_* that the action does not have; GitHub itself only warns too."""
    known = {name.upper().replace("-", "_"): name for name in input_names()}
    warnings = []
    for variable in sorted(environ):
        upper = variable.removeprefix("INPUT_").replace("-", "_")
        if not variable.startswith("INPUT_") or upper in known or not environ[variable]:
            continue
        near = difflib.get_close_matches(upper, known, n=1)
        hint = f" Did you mean `{known[near[0]]}`?" if near else ""
        warnings.append(f"The action has no input `{variable.removeprefix('INPUT_').lower()}`.{hint}")
    return tuple(warnings)


def check_paths(inputs: Inputs, workspace: Path) -> tuple[Failure, ...]:
    """What is wrong with the paths in the inputs, seen from the checkout.

    Args:
        inputs: the inputs.
        workspace: the absolute, resolved folder of the checkout.
    """
    folder = workspace / inputs.working_directory
    if not _inside(folder, workspace):
        return (_outside("working-directory", inputs.working_directory),)
    if not folder.is_dir():
        wrong = f"is {inputs.working_directory!r}, and there is no such folder in the checkout"
        return (
            _failure(
                "working-directory",
                wrong,
                "Give a folder relative to the repository's root; has the job a checkout step?",
            ),
        )
    return tuple(failure for flow in inputs.flows if (failure := _check_flow(flow, folder, workspace)) is not None)


def secrets(inputs: Inputs) -> tuple[str, ...]:
    """What must never be printed: the token, and what is secret in a kubeconfig or a Metaflow configuration.

    `authorize` is not: a production token is derived from the deployment's name, guards against accidents, and stands
    in the namespace that the report tells (Metaflow: `production:<token>`). A masked value in an output would make the
    runner drop that output (actions/runner#1498).
    """
    found = [inputs.github_token or ""]
    if inputs.kubeconfig is not None:
        found += re.findall(
            r"(?:token|password|client-key-data|id-token|refresh-token)[\"']?\s*:\s*[\"']?([^\s\"',}]+)",
            inputs.kubeconfig,
        )
    if inputs.metaflow_config is not None:
        found += [
            str(value)
            for key, value in inputs.metaflow_config.items()
            if re.search(r"KEY|SECRET|PASSWORD|TOKEN|AUTH", key) and isinstance(value, str)
        ]
    return tuple(dict.fromkeys(value for value in found if len(value) >= SHORTEST_SECRET))


SHORTEST_SECRET = 8
"""Characters; to mask something shorter would blank ordinary words."""


def _text(text: str) -> str:
    return text


def _optional(text: str) -> str | None:
    return text or None


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line for raw in text.splitlines() if (line := raw.strip()) and not line.startswith("#"))


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        near = "true" if text.lower() in ("yes", "on", "1", "y", "t", "ture") else "false"
        raise Mistake(f"is {text!r}, which is neither true nor false", f"Write `{near}`.")
    return text.lower() == "true"


def _production(text: str) -> bool | None:
    try:
        return None if text.lower() == "auto" else _boolean(text)
    except Mistake:
        raise Mistake(f"is {text!r}", "Write `auto`, `true` or `false`.") from None


def _choice(kind: type[E]) -> Callable[[str], E]:
    def clean(text: str) -> E:
        try:
            return kind(text)
        except ValueError:
            choices = [str(choice) for choice in kind]
            near = difflib.get_close_matches(text.lower(), choices, n=1, cutoff=0.5)
            hint = f" `{near[0]}` is the nearest." if near else ""
            raise Mistake(f"is {text!r}", f"Write one of {', '.join(choices)}.{hint}") from None

    return clean


def _wait(text: str) -> Wait | None:
    return _choice(Wait)(text) if text else None


def _duration(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise Mistake(
            f"is {text!r}, which {str(error).split(':')[0]}", str(error).split(": ")[1].capitalize() + "."
        ) from None


def _optional_duration(text: str) -> float | None:
    return _duration(text) if text else None


def _count(text: str) -> int | None:
    if not text:
        return None
    if not re.fullmatch(r"[0-9]+", text) or int(text) == 0:
        raise Mistake(f"is {text!r}, which is no whole number above zero", "Write a number such as `100`.")
    return int(text)


def _mapping(text: str) -> Mapping[str, Any]:
    try:
        return parse_mapping(text) if text else {}
    except ValueError as error:
        wrong, _, advice = str(error).partition("\n")
        raise Mistake(wrong, advice) from None


def _config(text: str) -> Mapping[str, str]:
    mapping = _mapping(text)
    wrong = [name for name, value in mapping.items() if not isinstance(value, str)]
    if wrong:
        raise Mistake(
            f"gives no path for {wrong[0]!r}", "Write `name: path/to/file`; values themselves go into `config-value`."
        )
    return {name: str(value) for name, value in mapping.items()}


def _config_value(text: str) -> Mapping[str, Any]:
    mapping = _mapping(text)
    wrong = [name for name, value in mapping.items() if not isinstance(value, dict)]
    if wrong:
        raise Mistake(
            f"gives no mapping for {wrong[0]!r}", "Write `name: {key: value}`, since a Config holds a mapping."
        )
    return mapping


def _metaflow_config(text: str) -> Mapping[str, Any] | None:
    if not text:
        return None
    try:
        config = json.loads(text)
    except ValueError as error:
        raise Mistake(f"is no JSON: {error}", "Give the content of a Metaflow config file, `{…}`.") from None
    if not isinstance(config, dict):
        raise Mistake("is JSON, but no object", 'Give the content of a Metaflow config file, `{"METAFLOW_…": "…"}`.')
    return config


def _orchestrator(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", text):
        proposal = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
        raise Mistake(f"is {text!r}", f"Write it as Metaflow's command line does: `{proposal}`.")
    return text


def _project_branch(text: str) -> str | None:
    if not text:
        return None
    if not re.fullmatch(r"[a-z0-9_]+", text):
        proposal = re.sub(r"[^a-z0-9_]+", "_", text.lower()).strip("_")
        raise Mistake(
            f"is {text!r}; Metaflow takes lower-case letters, digits and underscores only",
            f"Write `{proposal}`, for example." if proposal else "Write such a name.",
        )
    return text


def _working_directory(text: str) -> str:
    return text.rstrip("/") or "."


CLEANERS: dict[str, Callable[[str], Any]] = {
    "flows": _lines,
    "orchestrator": _orchestrator,
    "operation": _choice(OperationName),
    "deploy_branches": _lines,
    "working_directory": _working_directory,
    "trigger": _boolean,
    "parameters": _mapping,
    "wait": _wait,
    "on_timeout": _choice(OnTimeout),
    "wait_timeout": _duration,
    "poll_interval": _duration,
    "deploy_timeout": _duration,
    "deployment_name": _optional,
    "project_branch": _project_branch,
    "production": _production,
    "authorize": _optional,
    "tags": _lines,
    "with_decorators": _lines,
    "config": _config,
    "config_value": _config_value,
    "metaflow_environment": _optional,
    "metaflow_profile": _optional,
    "metaflow_config": _metaflow_config,
    "metaflow_user": _optional,
    "max_workers": _count,
    "workflow_timeout": _optional_duration,
    "create_options": _mapping,
    "deployer_options": _mapping,
    "requirements": _optional,
    "kubeconfig": _optional,
    "github_token": _optional,
    "comment": _choice(CommentMode),
    "comment_key": _optional,
}


def _across(values: Mapping[str, Any]) -> tuple[Failure, ...]:
    """Mistakes between inputs, as far as those concerned could be read."""
    failures = []
    operation = values.get("operation")
    triggers = values.get("trigger") is not False or (operation is not OperationName.AUTO and operation == "trigger")
    if not triggers:
        failures += [
            _failure(name, "was given, but no run is triggered", "Set `trigger: true`, or leave it out.")
            for name, key in (("wait", "wait"), ("parameters", "parameters"))
            if values.get(key)
        ]
    if (
        not values.get("flows")
        and operation is not None
        and not (operation == "trigger" and values.get("deployment_name"))
    ):
        advice = "Write the path of a flow file, or several, one a line."
        failures.append(_failure("flow", "was not given", advice))
    if values.get("deployment_name") and len(values.get("flows") or ()) > 1:
        advice = "Give one flow, or leave `deployment-name` out so that each flow has a name of its own."
        failures.append(_failure("deployment-name", "names one deployment, but several flows were given", advice))
    asked_to_comment = values.get("comment") in (CommentMode.NEW, CommentMode.FAILURES)
    if asked_to_comment and "github_token" in values and not values["github_token"]:
        advice = "Give `${{ github.token }}`, or set `comment: off`."
        failures.append(_failure("github-token", "is empty, but a comment was asked for", advice))
    return tuple(failures)


def _check_flow(flow: str, folder: Path, workspace: Path) -> Failure | None:
    path = folder / flow
    if not _inside(path, workspace):
        return _outside("flow", flow)
    if path.is_dir():
        return _failure("flow", f"names {flow!r}, which is a folder", "Write the path of a flow file, one a line.")
    if not path.exists():
        return _failure("flow", f"names {flow!r}, and there is no such file in the checkout", _nearest(flow, folder))
    if path.suffix != ".py":
        return _failure("flow", f"names {flow!r}, which is no Python file", "Write the path of a flow file, `….py`.")
    return None


def _nearest(flow: str, folder: Path) -> str:
    files = [str(path.relative_to(folder)) for path in sorted(folder.rglob("*.py"))[:2000]]
    near = difflib.get_close_matches(flow, files, n=1, cutoff=0.5) or [
        f for f in files if f.endswith("/" + Path(flow).name)
    ]
    if near:
        return f"Write `{near[0]}`, which is the nearest."
    return "Write a path relative to `working-directory`." + (
        "" if files else " The folder has no Python file: is there a checkout step?"
    )


def _inside(path: Path, workspace: Path) -> bool:
    return path.resolve().is_relative_to(workspace.resolve())


def _outside(name: str, path: str) -> Failure:
    return _failure(
        name,
        f"is {path!r}, which leads out of the checkout",
        "Give a path that stays inside it, symbolic links followed.",
    )


def _failure(name: str, wrong: str, advice: str) -> Failure:
    return Failure(reason=FailureReason.INPUT, input=name, message=f"The input `{name}` {wrong}.", advice=advice)
