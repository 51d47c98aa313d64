"""One cleaner an input: from the text that GitHub hands over to the value that `Inputs` holds."""

from __future__ import annotations

import difflib
import json
import os.path
import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, TypeVar

from deployer.branches import wrong_pattern
from deployer.durations import parse_duration
from deployer.inputs.airflow import clean_dags_folder, clean_url
from deployer.inputs.config import clean_config
from deployer.inputs.mistake import LONGEST_SHOWN, Mistake, shown
from deployer.inputs.model import CommentMode, OnTimeout, OperationName, Wait
from deployer.kubeconfig import decoded
from deployer.yaml_mapping import parse_json_object, parse_mapping

E = TypeVar("E", bound=StrEnum)

TRUE = ("true", "True", "TRUE")
FALSE = ("false", "False", "FALSE")
MOST_LISTED = 10
REGION = r"[a-z]{2,4}(?:-[a-z]+){1,3}-[0-9]{1,2}"
OWN_INPUTS = {
    "branch": "project-branch",
    "production": "production",
    "name": "deployment-name",
    # the input looks at the paths, these would not
    "config": "config",
    "config_value": "config",
    "local_config_file": "config",
}
"""The top-level options of Deployer that only an input gives."""
MEANS_TRUE = ("yes", "y", "on", "1", "t", "enabled", "ja")


def _optional(text: str) -> str | None:
    return text or None


def _optional_line(text: str) -> str | None:
    if "\n" in text:
        raise Mistake(f"is {shown(text)}, which has several lines", "Write one value on one line.")
    return text or None


def _lines(text: str) -> tuple[str, ...]:
    """A list, one a line. What other notations of a list would become is refused, since it is never meant."""
    found = tuple(stripped for line in text.split("\n") if (stripped := line.strip()))
    if len(found) == 1 and re.fullmatch(r"\[.*\]", found[0]) and _is_json_list(found[0]):
        raise Mistake(f"is {shown(text)}, a JSON list", "Write one value a line, without brackets and quotes.")
    dashed = next((line for line in found if line.startswith("- ")), None)
    if dashed is not None:
        raise Mistake(
            f"has the line {shown(dashed)}", f"Write one value a line, without a dash: `{dashed[2:].strip()}`."
        )
    return found


def _is_json_list(text: str) -> bool:
    try:
        return isinstance(json.loads(text), list)
    except (ValueError, RecursionError):
        return False


def _without_comments(text: str) -> tuple[str, ...]:
    return tuple(line for line in _lines(text) if not line.startswith("#"))


def _flows(text: str) -> tuple[str, ...]:
    found = _without_comments(text)
    seen: set[str] = set()
    for flow in found:
        path = os.path.normpath(flow)
        if path in seen:
            raise Mistake(f"names {shown(flow)} twice", "Name each flow once.")
        seen.add(path)
    return found


def _deploy_branches(text: str) -> tuple[str, ...]:
    patterns = _without_comments(text)
    for pattern in patterns:
        wrong = wrong_pattern(pattern)
        if wrong is not None:
            what, advice = wrong
            raise Mistake(f"has the pattern {shown(pattern)}, {what}", advice)
    if patterns and all(pattern.startswith("!") for pattern in patterns):
        raise Mistake("only takes branches out", "Write first which branches deploy, for example `**`.")
    return patterns


def _boolean(text: str) -> bool:
    if text not in TRUE + FALSE:
        near = difflib.get_close_matches(text.lower(), ["true", "false"], n=1, cutoff=0.6)
        meant = near[0] if near else "true" if text.lower() in MEANS_TRUE else "false"
        raise Mistake(f"is {shown(text)}, which is neither true nor false", f"Write `{meant}`.")
    return text in TRUE


def _production(text: str) -> bool | None:
    try:
        return None if text == "auto" else _boolean(text)
    except Mistake:
        raise Mistake(f"is {shown(text)}", "Write `auto`, `true` or `false`.") from None


def _choice(kind: type[E]) -> Callable[[str], E]:
    def clean(text: str) -> E:
        try:
            return kind(text)
        except ValueError:
            choices = [str(choice) for choice in kind]
            near = difflib.get_close_matches(text.lower(), choices, n=1, cutoff=0.5)
            hint = f" `{near[0]}` is the nearest." if near else ""
            raise Mistake(f"is {shown(text)}", f"Write one of {', '.join(choices)}.{hint}") from None

    return clean


def _wait(text: str) -> Wait | None:
    return _choice(Wait)(text) if text else None


def _duration(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        wrong, _, advice = str(error).partition("\n")
        raise Mistake(f"is {shown(text)}, which {wrong}", advice) from None


def _workflow_timeout(text: str) -> float | None:
    if not text:
        return None
    seconds = _duration(text)
    if seconds < 1:
        raise Mistake(f"is {shown(text)}, and orchestrators count whole seconds", "Write `1s` or more.")
    return seconds


def _patterns(text: str) -> tuple[str, ...]:
    """Patterns of identifiers (fnmatch). One of wildcards alone says nothing, and is never what was meant."""
    patterns = _without_comments(text)
    wrong = next((pattern for pattern in patterns if not pattern.strip("*?")), None)
    if wrong is not None:
        raise Mistake(f"has the pattern {shown(wrong)}, which takes every deployment", "Leave that line out.")
    return patterns


def _run_id(text: str) -> str | None:
    """A run's id, or its pathspec, which reports and notebooks show."""
    if text and not re.fullmatch(r"(?:\w+/)?[A-Za-z0-9][\w.:+-]*", text):
        advice = "Write the run's id (`argo-…`, `sfn-…`) or its pathspec, FlowName/run-id."
        raise Mistake(f"is {shown(text)}, which is no run's id", advice)
    return text or None


def _deployment_id(text: str) -> str | None:
    """An identifier; who has an ARN has the name at its end."""
    if text.startswith("arn:"):
        raise Mistake(f"is {shown(text)}, an ARN", f"Write the name at its end, `{text.rsplit(':', 1)[-1]}`.")
    return _optional_line(text)


def _count(text: str) -> int | None:
    if not text:
        return None
    if not re.fullmatch(r"0*[1-9][0-9]{0,8}", text):
        raise Mistake(f"is {shown(text)}, which is no whole number above zero", "Write a number such as `100`.")
    return int(text)


def _mapping(text: str) -> Mapping[str, Any]:
    try:
        return parse_mapping(text) if text else {}
    except ValueError as error:
        wrong, _, advice = str(error).partition("\n")
        raise Mistake(wrong, advice) from None


def _create_options(text: str) -> Mapping[str, Any]:
    options = _mapping(text)
    if _option(options, "only_json") not in (None, False):
        raise Mistake("has `only_json`, with which Metaflow deploys nothing", "Leave `only_json` out.")
    return options


def _deployer_options(text: str) -> Mapping[str, Any]:
    options = _mapping(text)
    for option, name in OWN_INPUTS.items():
        if _option(options, option) is not None:
            raise Mistake(f"has `{option}`, which is an input of its own", f"Write the input `{name}` instead.")
    return options


def _option(options: Mapping[str, Any], name: str) -> Any:
    return next((value for key, value in options.items() if key.replace("-", "_") == name), None)


def _metaflow_config(text: str) -> Mapping[str, Any] | None:
    """The messages repeat nothing of the value, which is most often a secret."""
    if not text:
        return None
    advice = 'Give the content of a Metaflow configuration file, `{"METAFLOW_…": "…"}`.'
    try:
        config = parse_json_object(text)
    except json.JSONDecodeError as error:
        if decoded(text) is not None:
            raise Mistake("is base64, not JSON", "Decode it: the input takes the file itself.") from None
        raise Mistake(f"is no JSON in line {error.lineno}, column {error.colno}", advice) from None
    except ValueError as error:
        raise Mistake(*str(error).split("\n", 1)) from None
    if config is None:
        raise Mistake("is JSON, but no object", advice)
    return config


def _kubeconfig(text: str) -> str | None:
    """The file's content, decoded where it was given as base64.

    The messages repeat nothing of the value but names, since it holds credentials.
    """
    if not text:
        return None
    advice = "Give the content of a kubeconfig file, as `kubectl config view --raw --minify --flatten` writes it."
    plain = decoded(text)
    if plain is None and "\n" not in text and re.fullmatch(r"[~./\w-]+", text):
        raise Mistake("is a path or a word, not the content of a file", advice)
    try:
        config = parse_mapping(plain or text)
    except ValueError as error:
        wrong = str(error).partition("\n")[0]
        raise Mistake(f"is base64 of a text that {wrong}" if plain else wrong, advice) from None
    for key in ("clusters", "contexts"):
        if not isinstance(config.get(key), list):
            raise Mistake(f"has no `{key}`", advice)
    contexts = [str(one["name"]) for one in config["contexts"] if isinstance(one, dict) and "name" in one]
    current = config.get("current-context")
    if current not in contexts:
        listed = f"one of {', '.join(contexts[:MOST_LISTED])}" if contexts else "a context of the file"
        wrong = f"names the context {shown(str(current))}, which it lacks" if current else "has no `current-context`"
        raise Mistake(wrong, f"Let `current-context` name {listed}; `kubectl config use-context` sets it.")
    return plain or text


def _aws_region(text: str) -> str | None:
    if text and not re.fullmatch(REGION, text):
        zone = re.fullmatch(rf"({REGION})[a-z]", text)
        advice = f"Write the region, `{zone[1]}`." if zone else "Write a region's code, such as `eu-west-1`."
        what = "an availability zone" if zone else "no AWS region"
        raise Mistake(f"is {shown(text)}, which is {what}", advice)
    return text or None


def _aws_role(text: str) -> str | None:
    if text and not re.fullmatch(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/-]{1,512}", text):
        name = re.fullmatch(r"(?:role/)?([\w+=,.@-]{1,64})", text)
        arn = f"arn:aws:iam::123456789012:role/{name[1] if name else 'metaflow-deploy'}"
        raise Mistake(f"is {shown(text)}, which is no role's ARN", f"Write it as `{arn}`, with your account's number.")
    return text or None


def _eks_cluster(text: str) -> str | None:
    """An EKS cluster's name as AWS takes it (CreateCluster: `^[0-9A-Za-z][A-Za-z0-9-_]*`, 100 characters)."""
    if text and not re.fullmatch(r"[0-9A-Za-z][A-Za-z0-9_-]{0,99}", text):
        arn = re.fullmatch(r"arn:.*:cluster/([A-Za-z0-9_-]+)", text)
        advice = f"Write `{arn[1]}`." if arn else "Write the name that `aws eks list-clusters` shows."
        raise Mistake(f"is {shown(text)}, which is no EKS cluster's name", advice)
    return text or None


def _orchestrator(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", text):
        proposal = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:LONGEST_SHOWN]
        advice = f"Write it as Metaflow's command line does: `{proposal}`." if proposal else "Write `argo-workflows`."
        raise Mistake(f"is {shown(text)}", advice)
    return text


def _project_branch(text: str) -> str | None:
    """What Metaflow's @project takes for a branch (`metaflow.plugins.project_decorator`)."""
    if not text:
        return None
    if not re.fullmatch(r"[a-z0-9_]+", text):
        proposal = re.sub(r"[^a-z0-9_]+", "_", text.lower()).strip("_")[:LONGEST_SHOWN]
        raise Mistake(
            f"is {shown(text)}; Metaflow takes lower-case letters, digits and underscores only",
            f"Write `{proposal}`, for example." if proposal else "Write a name such as `test_1`.",
        )
    return text


def _metaflow_user(text: str) -> str | None:
    if text == "root":
        raise Mistake("is 'root', which Metaflow takes for no user", "Write a name such as `ci`.")
    if re.search(r"\s", text):
        proposal = re.sub(r"\s+", "-", text)
        raise Mistake(f"is {shown(text)}", f"Write a name without spaces, such as {shown(proposal)}.")
    return text or None


def _metaflow_profile(text: str) -> str | None:
    """Metaflow reads the profile's configuration from `config_<profile>.json`, so it is a part of a file's name."""
    if text and not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}", text):
        advice = "Write the profile's name alone: `prod` for `~/.metaflowconfig/config_prod.json`."
        raise Mistake(f"is {shown(text)}, which is no profile's name", advice)
    return text or None


def _working_directory(text: str) -> str:
    if "\n" in text:
        raise Mistake(f"is {shown(text)}, which has several lines", "Write one folder.")
    return text.rstrip("/") or "/"


CLEANERS: dict[str, Callable[[str], Any]] = {
    "flows": _flows,
    "orchestrator": _orchestrator,
    "operation": _choice(OperationName),
    "deploy_branches": _deploy_branches,
    "working_directory": _working_directory,
    "fail_fast": _boolean,
    "trigger": _boolean,
    "parameters": _mapping,
    "mask_parameters": _boolean,
    "wait": _wait,
    "on_timeout": _choice(OnTimeout),
    "wait_timeout": _duration,
    "poll_interval": _duration,
    "deploy_timeout": _duration,
    "deployment_name": _optional_line,
    "deployment_id": _deployment_id,
    "run_id": _run_id,
    "flow_name": _optional_line,
    "project": _optional_line,
    "older_than": _duration,
    "include": _patterns,
    "exclude": _patterns,
    "removed": _boolean,
    "dry_run": _boolean,
    "max_deletions": _count,
    "project_branch": _project_branch,
    "production": _production,
    "authorize": _optional_line,
    "tags": _lines,
    "with_decorators": _without_comments,
    "config": clean_config,
    "metaflow_environment": _optional_line,
    "metaflow_profile": _metaflow_profile,
    "metaflow_config": _metaflow_config,
    "metaflow_user": _metaflow_user,
    "max_workers": _count,
    "workflow_timeout": _workflow_timeout,
    "create_options": _create_options,
    "deployer_options": _deployer_options,
    "requirements": _optional,
    "kubeconfig": _kubeconfig,
    "eks_cluster": _eks_cluster,
    "aws_region": _aws_region,
    "aws_role_to_assume": _aws_role,
    "airflow_dags_folder": clean_dags_folder,
    "airflow_url": clean_url,
    "airflow_token": _optional_line,
    "airflow_username": _optional_line,
    "airflow_password": _optional_line,
    "airflow_compatibility": _boolean,
    "allow_insecure": _boolean,
    "github_token": _optional_line,
    "comment": _choice(CommentMode),
    "comment_key": _optional_line,
}
"""By the name of the field; each takes text without space around it, and raises Mistake."""
