"""docs/security.md: each attack in it names a test, and the test exists."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
DOCUMENT = (ROOT / "docs" / "security.md").read_text()
HEADER = ["attack", "what holds", "where it is tested"]


def rows() -> Iterator[list[str]]:
    """The cells of each attack."""
    for line in DOCUMENT.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if line.startswith("|") and cells != HEADER and set("".join(cells)) != {"-"}:
            yield cells


ROWS = list(rows())


def functions(file: Path) -> set[str]:
    """The tests that a file defines."""
    return {node.name for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.FunctionDef)}


def test_the_document_has_attacks_of_each_kind() -> None:
    for section in DOCUMENT.split("\n### ")[1:]:
        assert section.count("\n|") > 2, f"no attack under {section.splitlines()[0]}"


@pytest.mark.parametrize("cells", ROWS, ids=[row[0][:60] for row in ROWS])
def test_each_attack_names_tests_that_exist(cells: list[str]) -> None:
    assert len(cells) == len(HEADER), "a pipe inside a cell has to be escaped"
    assert all(cells)
    tests = re.findall(r"`([^`]+)`", cells[2])
    assert tests, "no test"
    for test in tests:
        file, _, function = test.partition("::")
        path = ROOT / "tests" / file
        assert path.is_file(), file
        assert not function or function in functions(path), test
