"""Write the generated parts of README.md: `make docs`; `--check` fails where they are not what would be written."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

from deployer.report.advice import advice_table

ROOT = Path(__file__).resolve().parent.parent

# What deployer.operation decides under `auto`; tests/unit/test_operation.py holds each row against the code.
DECISIONS = (
    ("`push` to a branch of `deploy-branches`", "deploys; comments on the pull requests that the push brought"),
    ("`pull_request: closed`, merged into such a branch", "deploys the merge commit; comments on it"),
    ("`workflow_dispatch`, `repository_dispatch`, `schedule` on such a branch", "deploys"),
    ("any of these on another branch", "skips, and says which branches deploy"),
    ("a pull request that was closed without merging, or not closed", "skips"),
    ("a tag, a deleted branch", "skips"),
    ("any other event", "skips"),
)


def table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def sentence(text: str) -> str:
    """A description on one line, its pipes escaped."""
    return " ".join(text.split()).replace("|", "\\|")


def inputs(action: dict[str, Any]) -> str:
    """The table of inputs."""
    rows = []
    for name, about in action["inputs"].items():
        default = f"`{about['default']}`" if about.get("default") not in (None, "") else ""
        rows.append((f"`{name}`", sentence(about["description"]), default))
    return table(("input", "what it says", "default"), rows)


def outputs(action: dict[str, Any]) -> str:
    """The table of outputs."""
    rows = [(f"`{name}`", sentence(about["description"])) for name, about in action["outputs"].items()]
    return table(("output", "what it says"), rows)


def generated() -> dict[str, str]:
    """Every generated part by its marker."""
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    parts: dict[str, Callable[[], str]] = {
        "inputs": lambda: inputs(action),
        "outputs": lambda: outputs(action),
        "decisions": lambda: table(("event", "what happens"), list(DECISIONS)),
        "reasons": lambda: table(
            ("`failure-reason`", "what it means", "what to do"),
            [(f"`{reason}`", sentence(meaning), sentence(todo)) for reason, meaning, todo in advice_table()],
        ),
    }
    return {name: make() for name, make in parts.items()}


def filled(text: str, parts: dict[str, str]) -> str:
    """The text with every marked part written anew."""
    for name, part in parts.items():
        pattern = rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)"
        found = re.search(pattern, text, flags=re.DOTALL)
        if found is None:
            raise SystemExit(f"README.md has no place for {name}")
        text = f"{text[: found.start()]}{found[1]}\n{part}\n\n{found[2]}{text[found.end() :]}"
    return text


def main() -> int:
    """Write, or check; 1 where the README is not what it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    readme = ROOT / "README.md"
    before = readme.read_text()
    after = filled(before, generated())
    if before == after:
        return 0
    if parser.parse_args().check:
        print("README.md is not what action.yml and the code say: run `make docs` and commit it")
        return 1
    readme.write_text(after)
    return 0


if __name__ == "__main__":
    sys.exit(main())
