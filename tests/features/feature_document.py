"""What the document says of a row."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from feature_table import Row

RESULTS = Path(__file__).parent.parent.parent / "docs" / "metaflow-features.json"


def result_of(row: Row) -> dict[str, Any]:
    """A row, as it is kept for the document."""
    words = {"kind": row.case.kind, "flow": row.case.path, "words": row.case.words}
    if row.action.deployed is None:
        return {**words, "refused": _reason(row)}
    return {**words, "deployed": row.action.deployed.identifier}


def _reason(row: Row) -> str:
    """What the action says, less what is another with every run of the test."""
    said = row.action.flow.get("failure_message") or row.action.words
    found = re.search(r"(The input [^.]*\.)", str(said)) if not row.action.flow else None
    return re.sub(r"`[0-9a-f]{7}`", "the commit", found[1] if found else str(said))
