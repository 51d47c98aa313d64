"""A flow's exceptions as failures that say where in the user's own code they arose."""

from __future__ import annotations

import ast
import os
import re
import traceback
from dataclasses import replace
from pathlib import Path

from deployer.outcome import Failure, FailureReason
from deployer.worker import internals
from deployer.worker.missing_modules import missing_module
from deployer.worker.protocol import CommandError, Open, Phase

EVIDENCE_LINES = 30
OWN_CODE = Path(__file__).resolve().parents[1]
WITH_INPUT = ("authorize", "tags", "max_workers", "workflow_timeout")
"""Options of `create` that have an input of their own, which an extension's orchestrator may not take."""
_CONFIG_EXPRESSION = re.compile(
    r'config_parameters\.py", line \d+, in __call__\n(?:(?!  File ).*\n)*  File "<string>", line \d+, in <module>'
)
"""In a traceback: Metaflow evaluates an expression on a Config from its text (`DelayEvaluator.__call__`)."""


class CommandFailed(Exception):
    """A command of Metaflow failed; the cause is the exception that ended it, or in what it printed."""

    def __init__(
        self,
        reason: FailureReason,
        message: str,
        error: CommandError | None = None,
        failure: Failure | None = None,
    ) -> None:
        """Args:
        reason: what failed, where nothing more is known.
        message: what failed in words, without a full stop.
        error: the exception that ended the command.
        failure: what the exception means where neither Metaflow nor a client is known to say it.
        """
        super().__init__(message)
        self.reason = reason
        self.error = error
        self.failure = failure


class DeployErrors(Exception):
    """All that was wrong with one request."""

    def __init__(self, failures: tuple[Failure, ...]) -> None:
        super().__init__(failures[0].message)
        self.failures = failures


def command_error(
    error: BaseException, phase: Phase, *, flow_file: str = "", root: str = "/", flow_name: str | None = None
) -> CommandError:
    """An exception as data.

    Args:
        error: the exception.
        phase: how far the command came.
        flow_file: the absolute path of the flow's file; empty where no flow is concerned.
        root: the repository's root.
        flow_name: the name of the flow's class, as far as it is known.
    """
    path, line = location(error, flow_file, root) if flow_file else (None, None)
    source = getattr(error, "source_file", None)
    if isinstance(source, str) and flow_file:  # where Metaflow's own checks found the fault
        path, line = relative_path(source, root), getattr(error, "line_no", None)
    return CommandError(
        phase=phase,
        flow_name=flow_name,
        module=type(error).__module__,
        type=type(error).__name__,
        bases=tuple(f"{one.__module__}.{one.__name__}" for one in type(error).__mro__),
        message=_message(error),
        headline=getattr(error, "headline", None),
        path=path,
        line=line,
        expression=internals.config_expression(error),
        traceback="".join(traceback.format_exception(error)),
    )


def _message(error: BaseException) -> str:
    """What an exception says; click's name their option only in the form in which click prints them."""
    formatted = getattr(error, "format_message", None)
    return str(formatted()) if callable(formatted) else str(getattr(error, "message", None) or error)


def command_failure(error: CommandError, command: str, request: Open) -> Failure | None:
    """What is wrong with a flow, or with an option, that its own exception tells; None for what Metaflow or an
    orchestrator refused, whose message tells the cause.

    Args:
        error: the exception.
        command: `create` or `trigger`.
        request: how the flow was opened.
    """
    if any(base.endswith("click.exceptions.UsageError") for base in error.bases):
        of_phase = "deployer-options" if error.phase == "open" else "create-options"
        name = "parameters" if command == "trigger" else of_phase
        if "--branch" in error.message or "--production" in error.message:
            name = option_of(request) or name
        return Failure(
            reason=FailureReason.INPUT,
            input=name,
            message=f"Metaflow refused an option: {_sentence(error.message)}",
            advice=f"Correct it in `{name}`.",
            evidence=error.message,
        )
    if _CONFIG_EXPRESSION.search(error.traceback):
        return _config_failure(error, request)
    by_flow = error.path is not None and error.line is not None and not _is_of_a_library(error)
    if not by_flow:
        return None
    return Failure(
        reason=FailureReason.FLOW_INVALID,
        message=f"{error.path} raised {error.type} while Metaflow opened the flow: {_sentence(error.message)}",
        advice=f"Correct the flow; `python {error.path} check` fails on your machine likewise.",
        evidence="\n".join(error.traceback.splitlines()[-EVIDENCE_LINES:]),
        path=error.path,
        line=error.line,
    )


def _config_failure(error: CommandError, request: Open) -> Failure:
    """An expression on a Config, such as a Parameter's default, that Metaflow could not evaluate: the input is at fault
    where it gave that Config, else the file or the default that the flow names."""
    given = sorted(_names(error.expression or "") & _given_configs(request))
    valueless = _valueless(error)
    if valueless is not None:
        why = f"`{valueless}` has no value."
    elif error.type == "KeyError" or (error.type == "AttributeError" and " object " not in error.message):
        why = f"the Config has no `{error.message.strip(chr(39))}`."
    else:
        why = f"{error.type}: {_sentence(error.message)}"
    last = error.traceback.rstrip().rpartition("\n")[2]
    return Failure(
        reason=FailureReason.INPUT if given else FailureReason.FLOW_INVALID,
        input="config" if given else None,
        message=f"A value that {error.path or 'the flow'} takes from a Config could not be computed: {why}",
        advice=f"Correct `{given[0]}` in the input `config`, or the flow."
        if given
        else "Correct the file or the default that the flow gives to the Config, or the flow; the input `config` takes "
        "its place.",
        evidence=f"{error.expression}\n{last}" if error.expression else last,
        path=error.path,
    )


def _valueless(error: CommandError) -> str | None:
    """The name in the expression that is None where the expression looks into it, as a Config without a value is."""
    lacks = re.fullmatch(r"'NoneType' object (?:has no attribute '(\w+)'|is not subscriptable)", error.message)
    if lacks is None:
        return None
    for node in _nodes(error.expression or ""):
        if isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.value, ast.Name):
            attribute = node.attr if isinstance(node, ast.Attribute) else None
            if attribute == lacks[1]:
                return node.value.id
    return None


def _names(expression: str) -> set[str]:
    """The names that an expression reads."""
    return {node.id for node in _nodes(expression) if isinstance(node, ast.Name)}


def _nodes(expression: str) -> list[ast.AST]:
    """What an expression consists of; of one that Python cannot parse, nothing."""
    try:
        return list(ast.walk(ast.parse(expression, mode="eval")))
    except SyntaxError:
        return []


def _given_configs(request: Open) -> set[str]:
    """The Configs that the input `config` gives, as an expression names them."""
    pairs = [pair for option in ("config", "config_value") for pair in request.deployer_options.get(option) or ()]
    return {str(name).replace("-", "_") for name, _ in pairs}


def _is_of_a_library(error: CommandError) -> bool:
    """Whether the exception is Metaflow's or a client's own, which tells its cause whoever has called it."""
    return error.module.split(".")[0] in ("metaflow", "kubernetes", "botocore", "boto3", "urllib3", "requests")


def option_of(request: Open) -> str | None:
    """The input for @project that a request was made with."""
    return "project-branch" if request.project_branch is not None else "production" if request.production else None


def relative_path(path: str, root: str) -> str | None:
    """The path relative to the repository's root; None where it lies outside."""
    real, base = os.path.realpath(path), os.path.realpath(root)
    return os.path.relpath(real, base) if real.startswith(base.rstrip("/") + "/") else None


def import_failure(error: BaseException, flow_file: str, root: str) -> Failure:
    """Why a flow file could not be imported."""
    name = relative_path(flow_file, root) or flow_file
    path, line = location(error, flow_file, root)
    evidence = _traceback(error, flow_file)
    if isinstance(error, SyntaxError):
        path = relative_path(error.filename, root) if error.filename else path
        return Failure(
            reason=FailureReason.FLOW_INVALID,
            message=f"{path or name} has a syntax error in line {error.lineno}: {error.msg}.",
            advice="Correct the line.",
            evidence=evidence,
            path=path,
            line=error.lineno,
        )
    if isinstance(error, SystemExit):
        code = "" if error.code is None else repr(error.code)
        return Failure(
            reason=FailureReason.FLOW_IMPORT,
            message=f"{name} ended its own process with sys.exit({code}) before it started a flow.",
            advice="Start the flow before that line, or leave out what ends the process; it is run as `python "
            f"{name}` runs it, with the options of Metaflow's `create`.",
            evidence=evidence,
            path=path,
            line=line,
        )
    if isinstance(error, ImportError):
        missing = missing_module(error, name, path or name, Path(root))
        if missing is not None:
            return replace(missing, evidence=evidence, path=path, line=line)
    metaflow = type(error).__module__.startswith("metaflow")
    return Failure(
        reason=FailureReason.FLOW_INVALID if metaflow else FailureReason.FLOW_IMPORT,
        message=f"{name} could not be imported: {_summary(error)}",
        advice="Correct the flow; `python " + name + " show` gives the same error on your machine.",
        evidence=evidence,
        path=path,
        line=line,
    )


def option_failure(error: Exception, name: str) -> Failure:
    """An option that Metaflow's API refuses, from its ValueError or TypeError."""
    text = str(error)
    unknown = re.search(r"Unknown argument: '([^']*)', possible args are: (.*)", text, re.DOTALL)
    if unknown:
        message = f"Metaflow knows no option `{unknown[1]}` here."
        by_input = f" (or leave the input `{unknown[1].replace('_', '-')}` out)" if unknown[1] in WITH_INPUT else ""
        advice = f"Take it out of `{name}`{by_input}, or write one of: {unknown[2]}."
    else:
        message = f"Metaflow refused an option: {_sentence(text)}"
        advice = f"Correct it in `{name}`."
    return Failure(reason=FailureReason.INPUT, input=name, message=message, advice=advice, evidence=text)


def location(error: BaseException, flow_file: str, root: str) -> tuple[str | None, int | None]:
    """The innermost frame that lies in the repository and in no installed package, and is of a file: what is evaluated
    from a string (`<string>`) has none."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = None if frame.filename.startswith("<") else relative_path(frame.filename, root)
        if path is not None and "site-packages" not in path:
            return path, frame.lineno
    return relative_path(flow_file, root), None


def _summary(error: BaseException) -> str:
    said = getattr(error, "message", None) or str(error)
    headline = getattr(error, "headline", None)
    text = f"{headline}: {said}" if headline else f"{type(error).__name__}: {said}" if said else type(error).__name__
    return _sentence(str(text))


def _sentence(text: str) -> str:
    folded = re.sub(r"\s+", " ", text).strip()
    return folded if folded.endswith((".", "!", "?")) else folded + "."


def _traceback(error: BaseException, flow_file: str) -> str:
    """The traceback from the flow file on: the frames before it are Metaflow's and this action's, and so are some after
    it, since `configuration.watch` looks at what the flow imports."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not _is_own(frame.filename)]
    real = os.path.realpath(flow_file)
    first = next((i for i, frame in enumerate(frames) if os.path.realpath(frame.filename) == real), None)
    lines = traceback.format_list(frames[first:]) if first is not None else []
    lines += traceback.format_exception_only(error)
    return "\n".join("".join(lines).splitlines()[-EVIDENCE_LINES:])


def _is_own(path: str) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(OWN_CODE)
