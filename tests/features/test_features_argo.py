"""Every kind of Metaflow feature on argo-workflows: what plain Metaflow makes of it, the action makes of it."""

from __future__ import annotations

from table_tests import TableTests


class TestArgoWorkflows(TableTests):
    """All cases."""

    orchestrator = "argo-workflows"
