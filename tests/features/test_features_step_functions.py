"""Every kind of Metaflow feature on step-functions: what plain Metaflow makes of it, the action makes of it."""

from __future__ import annotations

from table_tests import TableTests


class TestStepFunctions(TableTests):
    """All cases."""

    orchestrator = "step-functions"
