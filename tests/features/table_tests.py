"""The tests of the table, for one orchestrator each: a class to derive from."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from feature_cases import Case
from feature_document import RESULTS, result_of
from feature_table import Row, Table

WRITE = "METAFLOW_FEATURES_WRITE"
"""Where this is set, the results are written instead of compared: `make features`."""


class TableTests:
    """What holds for every case on an orchestrator."""

    orchestrator: ClassVar[str]

    @pytest.fixture(scope="class")
    def table(self, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Table]:
        """Every case, deployed both ways."""
        table = Table(self.orchestrator, tmp_path_factory.mktemp(self.orchestrator))
        yield table
        table.close()

    def test_the_action_does_what_plain_metaflow_does(self, table: Table, case: Case) -> None:
        (row,) = [row for row in table.rows if row.case is case]
        if row.refused:
            _check_refusal(row)
        else:
            _check_deployment(row)

    @pytest.mark.parametrize("flow", ["mutator_empty", "config_expression", "sets_environment"])
    def test_what_it_is_compared_with_is_what_python_makes(self, table: Table, flow: str) -> None:
        """The reference is forked from a Python that has imported things: it comes to the same."""
        row = next(row for row in table.rows if row.case.flow == flow)
        assert row.plain.deployed is not None
        assert table.by_python_itself(row.case) == row.plain.deployed

    def test_the_document_holds_these_results(self, table: Table) -> None:
        found = {row.case.id: result_of(row) for row in table.rows}
        recorded: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
        if os.environ.get(WRITE):
            recorded[self.orchestrator] = found
            RESULTS.write_text(json.dumps(recorded, indent=2, ensure_ascii=False) + "\n")
        assert recorded.get(self.orchestrator) == found, "`make features` writes docs/metaflow-features.json"


def _check_deployment(row: Row) -> None:
    """Identifier, Parameters, schedule, triggers and tags; then the rest of all objects. What the action says of it is
    what is deployed."""
    plain, deployed, said = row.plain.deployed, row.action.deployed, row.action.flow
    assert plain is not None
    assert deployed is not None, row.action.words or row.action.job.log
    assert deployed.identifier == plain.identifier
    assert deployed.facts == plain.facts
    assert deployed.objects == plain.objects
    assert (said["project_branch"], said["schedule"]) == (row.plain.branch, plain.facts["schedule"])
    assert [re.sub(r"^on event |^when | finishes$", "", one) for one in said["triggers"]] == [
        re.sub(r"^metaflow\.(.+)\.end$", r"\1", one) for one in plain.facts["triggers"]
    ]


def _check_refusal(row: Row) -> None:
    """Metaflow's reason, or the action's own, and nothing written."""
    action = row.action
    assert action.job.exit_code == 1, action.job.log
    assert action.job.outputs["status"] == "failure", action.job.log
    assert action.deployed is None
    reason = (row.case.own_refusal or row.plain.done.reason).removeprefix("Error: ")  # which click puts before its own
    without_links = re.split(r"\S+://", " ".join(reason.split()))[0].strip()  # a link of foreign text is no link
    assert without_links in action.words
    assert action.written == 0, "nothing is written in a job whose flows are all refused"
