"""A flow file read without importing it, for what would otherwise hang or be told badly."""

from __future__ import annotations

import ast
import builtins
import tokenize
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

from deployer.outcome import DeployError, Failure, FailureReason

LARGEST_FLOW = 2_000_000
"""Bytes. Python's parser takes about a hundred times as much memory."""


def check_syntax(path: Path, root: Path) -> None:
    """Check that a file is Python, before anything is started for it.

    Args:
        path: the file.
        root: the repository's root.

    Raises:
        DeployError: it is not.
    """
    name = _relative(path, root)
    _check_size(path, name)
    _parse(path, name)


def why_nothing_starts(path: Path, root: Path, ended: Failure | None = None) -> Failure:
    """Why a file that was run as a program started no flow, as far as its text tells.

    Args:
        path: the file, which is Python.
        root: the repository's root.
        ended: where it was seen to end its own process, that; a file without a flow has it in no other place.
    """
    name = _relative(path, root)
    try:
        tree = _parse(path, name)
        flows = _flow_classes(tree)
        if not flows and not _may_hold_a_flow(tree):
            raise _invalid(
                name,
                None,
                f"{name} holds no flow: no class in it is derived from FlowSpec.",
                "Give the file that defines the flow, or derive a class from metaflow.FlowSpec.",
            )
        if ended is not None:
            return ended
        _check_start(tree, name, flows[-1] if flows else None)
    except DeployError as error:
        return error.failure
    return _invalid(
        name,
        None,
        f"{name} starts no flow when it is run as a program.",
        "Let it call the flow where `__name__` is `__main__`, before anything that ends the program.",
    ).failure


def _relative(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def _check_size(path: Path, name: str) -> None:
    size = path.stat().st_size
    if size > LARGEST_FLOW:
        raise _invalid(
            name,
            None,
            f"{name} has {size / 1e6:.0f} MB, and a flow file has at most {LARGEST_FLOW / 1e6:.0f}.",
            "Move its data to files of their own; IncludeFile hands one to a flow.",
        )


def _parse(path: Path, name: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an escape that is deprecated is for the flow's own linters
            return ast.parse(path.read_bytes(), filename=name)
    except SyntaxError as error:
        if not error.lineno:  # an encoding that the file names and Python lacks
            raise _invalid(name, 1, f"{name} is no Python text: {error.msg}.", "Save the file as UTF-8.") from None
        raise _invalid(
            name,
            error.lineno,
            f"{name} has a syntax error in line {error.lineno}: {error.msg}.",
            "Save the file as UTF-8." if _is_no_text(path) else "Correct the line.",
            _marked(error),
        ) from None
    except ValueError as error:
        raise _invalid(name, None, f"{name} is no Python text: {error}.", "Save the file as UTF-8.") from None
    except (RecursionError, MemoryError):
        advice = "Take apart what is nested so deeply."
        raise _invalid(name, None, f"{name} is nested too deeply for Python to read.", advice) from None


def _is_no_text(path: Path) -> bool:
    try:
        with tokenize.open(path) as file:
            file.read()
    except (SyntaxError, UnicodeDecodeError):
        return True
    return False


def _marked(error: SyntaxError) -> str:
    """The line at fault, its indentation left out, with a mark under the place."""
    line = (error.text or "").rstrip()
    text = line.lstrip()
    place = (error.offset or 0) - 1 - (len(line) - len(text))
    return f"{text}\n{' ' * place}^" if text and place >= 0 else text


def _flow_classes(tree: ast.Module) -> list[ast.ClassDef]:
    """The classes of the module derived from FlowSpec, directly or over another class of the file."""
    bases = _names_of_flowspec(tree)
    flows: dict[str, ast.ClassDef] = {}
    for node in tree.body:
        if not isinstance(node, ast.ClassDef):
            continue
        flows.pop(node.name, None)  # a second class of the same name takes its place
        if {_dotted(base) for base in node.bases} & (bases | set(flows)):
            flows[node.name] = node
    return list(flows.values())


def _names_of_flowspec(tree: ast.Module) -> set[str]:
    """What FlowSpec is called in this file."""
    names = {"metaflow.FlowSpec"}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "metaflow":
            names |= {alias.asname or alias.name for alias in node.names if alias.name == "FlowSpec"}
            names |= {"FlowSpec" for alias in node.names if alias.name == "*"}
        elif isinstance(node, ast.Import):
            names |= {f"{alias.asname or alias.name}.FlowSpec" for alias in node.names if alias.name == "metaflow"}
    for node in tree.body:  # Flow = metaflow.FlowSpec
        if isinstance(node, ast.Assign) and _dotted(node.value) in names:
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return names


def _may_hold_a_flow(tree: ast.Module) -> bool:
    """Whether only importing shows if there is a flow: a base class of unknown origin, a class in a condition or made
    by a call. What is imported whole does not count: Deployer takes what the file itself defines."""
    local = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    known = local | set(dir(builtins)) | {""}
    bases = [base for node in tree.body if isinstance(node, ast.ClassDef) for base in node.bases]
    return (
        any(_dotted(base) not in known or isinstance(base, ast.Call) for base in bases)
        or any(_has_class(node) for node in tree.body if isinstance(node, ast.If | ast.Try | ast.With))
        or any(isinstance(node, ast.Assign) and _makes_class(node.value) for node in tree.body)
    )


def _makes_class(value: ast.expr) -> bool:
    """`MyFlow = type("MyFlow", (FlowSpec,), …)`."""
    return isinstance(value, ast.Call) and _dotted(value.func) in ("type", "types.new_class", "new_class")


def _has_class(node: ast.AST) -> bool:
    return any(isinstance(inner, ast.ClassDef) for inner in ast.walk(node))


def _check_start(tree: ast.Module, name: str, flow: ast.ClassDef | None) -> None:
    """Whether the file starts the flow where it is run as a program."""
    called = flow.name if flow is not None else "YourFlow"
    lines = f'`if __name__ == "__main__":` and, indented, `{called}()`'
    guards = [node for node in _statements(tree.body) if isinstance(node, ast.If) and _asks_for_main(node.test)]
    if not guards:
        raise _invalid(
            name,
            flow.lineno if flow is not None else None,
            f'{name} never starts its flow: it has no `if __name__ == "__main__":` block.',
            f"Add two lines at its end: {lines}.",
        )
    if flow is not None and not _starts(
        flow.name, [one for guard in guards for one in (*guard.body, *guard.orelse)], tree
    ):
        raise _invalid(
            name,
            guards[0].lineno,
            f'{name} never starts {flow.name}: its `if __name__ == "__main__":` block does not call it.',
            f"Let the block call it: `{flow.name}()`.",
        )
    for guard in guards:
        _check_name(guard, name)
    call = _call_under_conditions(flow.name, tree.body) if flow is not None else None
    if flow is not None and call is not None:
        raise _invalid(
            name,
            call.lineno,
            f"{name} does not come to `{flow.name}()` in line {call.lineno} when it is run as a program: a condition "
            "around it was false.",
            'Let the condition be `__name__ == "__main__"` alone, or set what else it asks for in the job\'s `env`.',
        )


def _check_name(guard: ast.If, name: str) -> None:
    """Whether `__name__` is compared with what it is where the file is run as a program."""
    for node in ast.walk(guard.test):
        if not isinstance(node, ast.Compare) or not isinstance(node.ops[0], ast.Eq):
            continue
        other = next((one.value for one in (node.left, *node.comparators) if isinstance(one, ast.Constant)), "__main__")
        if other != "__main__":
            raise _invalid(
                name,
                guard.lineno,
                f'{name} never starts its flow: it compares `__name__` with {other!r}, and it is "__main__".',
                'Write `if __name__ == "__main__":`.',
            )


def _call_under_conditions(flow: str, body: Iterable[ast.stmt], *, asked: int = 0) -> ast.stmt | None:
    """The statement that calls the flow under more than one condition, as they are nested or joined by `and`; None
    where there is one condition, or where something else calls it."""
    for node in body:
        if asked > 1 and isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            if _dotted(node.value.func) == flow:
                return node
        elif isinstance(node, ast.If):
            both = isinstance(node.test, ast.BoolOp) and isinstance(node.test.op, ast.And)
            found = _call_under_conditions(flow, node.body, asked=asked + (2 if both else 1))
            if found is not None:
                return found
    return None


def _statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of the module that are run when it is, those within `if`, `try` and `with` included."""
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try | ast.With):
            yield from _statements(node.body)
            yield from _statements(getattr(node, "orelse", []))
            yield from _statements(getattr(node, "finalbody", []))


def _asks_for_main(test: ast.expr) -> bool:
    return any(isinstance(node, ast.Name) and node.id == "__name__" for node in ast.walk(test))


def _starts(flow: str, body: list[ast.stmt], tree: ast.Module) -> bool:
    """Whether these statements can reach the flow's class: by name, or through something from another module.

    Functions of the file that they name are followed; a name that is neither defined here nor built in may do anything.
    """
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    here = set(functions) | {node.name for node in tree.body if isinstance(node, ast.ClassDef)} | set(dir(builtins))
    waiting: list[ast.AST] = list(body)
    followed: set[str] = set()
    while waiting:
        names = [node for node in ast.walk(waiting.pop(0)) if isinstance(node, ast.Name)]
        here |= {name.id for name in names if isinstance(name.ctx, ast.Store)}
        read = {name.id for name in names if isinstance(name.ctx, ast.Load)}
        if flow in read or read - here or read & UNSEEN:
            return True
        waiting += [functions[name] for name in sorted((read & set(functions)) - followed)]
        followed |= read
    return False


UNSEEN = frozenset({"globals", "locals", "eval", "exec", "vars", "getattr"})
"""Built-in functions through which anything may be called."""


def _dotted(node: ast.expr) -> str:
    """`metaflow.FlowSpec` of that expression, or of `metaflow.FlowSpec[…]`; empty for another kind."""
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
