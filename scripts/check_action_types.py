"""Hold action-types.yml (github-actions-typing) against action.yml, without the action that GitHub would run for it.

Every input and output has a type, each type is of the specification, and each default is a value of its type.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
PLAIN = {"string", "boolean", "integer", "float"}
KEYS = {
    **dict.fromkeys(PLAIN, ({"type"}, set[str]())),
    "integer": ({"type"}, {"named-values"}),
    "list": ({"type", "separator", "list-item"}, set[str]()),
    "enum": ({"type", "allowed-values"}, {"name"}),
}


def check_type(name: str, declared: Any, *, in_list: bool = False) -> list[str]:
    """What is wrong with one type declaration, by the specification of github-actions-typing."""
    kind = declared.get("type") if isinstance(declared, dict) else None
    if kind not in KEYS or (in_list and kind == "list"):
        return [f"{name}: {kind!r} is no type; write one of {', '.join(sorted(KEYS))}"]
    required, optional = KEYS[kind]
    keys = set(declared)
    wrong = [f"{name}: `{key}` is missing" for key in sorted(required - keys)]
    wrong += [f"{name}: {kind} takes no `{key}`" for key in sorted(keys - required - optional)]
    if kind == "enum" and not declared.get("allowed-values"):
        wrong.append(f"{name}: an enum has `allowed-values`")
    if kind == "list" and "list-item" in declared:
        wrong += check_type(f"{name}, its items", declared["list-item"], in_list=True)
    return wrong


def check_default(name: str, declared: Any, default: str) -> list[str]:
    """Whether a default is a value of its type."""
    kind = declared.get("type")
    fits = {
        "boolean": default in ("true", "false"),
        "integer": default.isdecimal(),
        "enum": default in [str(value) for value in declared.get("allowed-values", [])],
    }
    return [] if fits.get(kind, True) else [f"{name}: the default {default!r} is no {kind}"]


def check(action: Any, types: Any) -> list[str]:
    """Everything that is wrong, a line each."""
    wrong = []
    for group in ("inputs", "outputs"):
        named, typed = action.get(group) or {}, types.get(group) or {}
        wrong += [f"{group}.{name}: action-types.yml has no type for it" for name in named if name not in typed]
        wrong += [f"{group}.{name}: action.yml does not have it" for name in typed if name not in named]
        for name, declared in typed.items():
            mistakes = check_type(f"{group}.{name}", declared)
            default = (named.get(name) or {}).get("default")
            if not mistakes and default is not None and "${{" not in str(default):
                mistakes = check_default(f"{group}.{name}", declared, str(default))
            wrong += mistakes
    return wrong


def main() -> int:
    """Print what is wrong; the exit status is 1 if anything is."""
    action, types = (yaml.safe_load((ROOT / name).read_text()) for name in ("action.yml", "action-types.yml"))
    wrong = check(action, types)
    sys.stderr.write("".join(f"{line}\n" for line in wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
