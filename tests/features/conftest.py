"""Every case is a test of its own, on each orchestrator that it is for."""

from __future__ import annotations

import pytest
from feature_cases import CASES


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes a `case` is run with each case of its class's orchestrator."""
    if "case" in metafunc.fixturenames and metafunc.cls is not None:
        cases = [case for case in CASES if metafunc.cls.orchestrator in case.orchestrators]
        metafunc.parametrize("case", cases, ids=lambda case: case.id)
