"""A flow file read without importing it, for what would otherwise hang or be told badly."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

from deployer.outcome import DeployError, Failure, FailureReason


@dataclass(frozen=True, kw_only=True)
class FlowSource:
    """What can be said of a flow file from its text."""

    path: str
    """Relative to the repository's root."""
    class_name: str | None
    """The FlowSpec subclass; None where it may be defined in a way that only importing shows."""
    guarded: bool
    """Whether it starts the flow under `if __name__ == "__main__":`."""


def read_flow(path: Path, root: Path) -> FlowSource:
    """Read a flow file.

    Args:
        path: the file.
        root: the repository's root.

    Raises:
        DeployError: it is no Python, holds no flow or two, or lacks the guard that starts it: Metaflow's Deployer
            then waits an hour for a command that never writes (measured: file_read_timeout is 3600 s).
    """
    name = str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
    tree = _parse(path, name)
    flows = _flow_classes(tree)
    if len(flows) > 1:
        listed = " and ".join(f"{flow.name} (line {flow.lineno})" for flow in flows)
        raise _invalid(name, flows[1].lineno, f"{name} holds two flows, {listed}.", "Give each flow a file of its own.")
    if not flows and not _may_hold_a_flow(tree):
        raise _invalid(
            name,
            None,
            f"{name} holds no flow: no class in it is derived from FlowSpec.",
            "Give the file that defines the flow, or derive a class from metaflow.FlowSpec.",
        )
    guarded = _is_guarded(tree)
    if not guarded:
        flow_name = flows[0].name if flows else "YourFlow"
        raise _invalid(
            name,
            flows[0].lineno if flows else None,
            f'{name} never starts its flow: it has no `if __name__ == "__main__":` block.',
            f'Add two lines at its end: `if __name__ == "__main__":` and, indented, `{flow_name}()`.',
        )
    return FlowSource(path=name, class_name=flows[0].name if flows else None, guarded=guarded)


def _parse(path: Path, name: str) -> ast.Module:
    try:
        return ast.parse(path.read_bytes(), filename=name)
    except SyntaxError as error:
        evidence = (error.text or "").rstrip("\n")
        if error.offset and evidence:
            evidence += "\n" + " " * (error.offset - 1) + "^"
        raise _invalid(
            name,
            error.lineno,
            f"{name} has a syntax error in line {error.lineno}: {error.msg}.",
            "Correct the line.",
            evidence,
        ) from None
    except (ValueError, UnicodeDecodeError) as error:
        raise _invalid(name, None, f"{name} is no Python text: {error}.", "Save the file as UTF-8.") from None


def _flow_classes(tree: ast.Module) -> list[ast.ClassDef]:
    """The classes derived from FlowSpec, directly or over another class of the file; only the last of a line counts."""
    bases = _names_of_flowspec(tree)
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    flows: list[ast.ClassDef] = []
    known: set[str] = set()
    for node in classes:
        names = {_dotted(base) for base in node.bases}
        if names & (bases | known):
            known.add(node.name)
            flows.append(node)
    used = {_dotted(base) for node in flows for base in node.bases}
    return [flow for flow in flows if flow.name not in used]


def _names_of_flowspec(tree: ast.Module) -> set[str]:
    names = {"metaflow.FlowSpec"}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "metaflow":
            names |= {alias.asname or alias.name for alias in node.names if alias.name == "FlowSpec"}
            names |= {"FlowSpec" for alias in node.names if alias.name == "*"}
        elif isinstance(node, ast.Import):
            names |= {f"{alias.asname or alias.name}.FlowSpec" for alias in node.names if alias.name == "metaflow"}
    return names


def _may_hold_a_flow(tree: ast.Module) -> bool:
    """Whether a class derives from one that is imported from elsewhere, which may be a FlowSpec: importing shows."""
    local = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    bases = {_dotted(base) for node in tree.body if isinstance(node, ast.ClassDef) for base in node.bases}
    return bool(bases - local - {"object", "", "Exception"}) or any(
        isinstance(node, ast.If | ast.Try) for node in tree.body if _has_class(node)
    )


def _has_class(node: ast.AST) -> bool:
    return any(isinstance(inner, ast.ClassDef) for inner in ast.walk(node))


def _is_guarded(tree: ast.Module) -> bool:
    return any(isinstance(node, ast.If) and "__name__" in ast.dump(node.test) for node in tree.body)


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return _dotted(node.value) if isinstance(node, ast.Subscript) else ""


def _invalid(path: str, line: int | None, message: str, advice: str, evidence: str = "") -> DeployError:
    return DeployError(
        Failure(
            reason=FailureReason.FLOW_INVALID, message=message, advice=advice, evidence=evidence, path=path, line=line
        )
    )
