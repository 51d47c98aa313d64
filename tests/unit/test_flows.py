"""Flow files read without importing them: what would hang or be told badly is found in the text."""

from pathlib import Path

import pytest

from deployer.flows import read_flow
from deployer.outcome import DeployError, Failure, FailureReason

FLOW = "from metaflow import FlowSpec\nclass MyFlow(FlowSpec):\n    pass\n"
GUARD = 'if __name__ == "__main__":\n    MyFlow()\n'


def failure(text: str | bytes, tmp_path: Path) -> Failure:
    path = tmp_path / "flow.py"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DeployError) as caught:
        read_flow(path, tmp_path)
    assert caught.value.failure.reason is FailureReason.FLOW_INVALID
    assert caught.value.failure.path == "flow.py"
    return caught.value.failure


@pytest.mark.parametrize(
    "text",
    [
        FLOW + GUARD,
        "import metaflow\nclass MyFlow(metaflow.FlowSpec):\n    pass\n" + GUARD,
        "import metaflow as mf\nclass MyFlow(mf.FlowSpec):\n    pass\n" + GUARD,
        "from metaflow import FlowSpec as F\nclass MyFlow(F):\n    pass\n" + GUARD,
        "from metaflow import *\nclass MyFlow(FlowSpec):\n    pass\n" + GUARD,
        "from metaflow import FlowSpec\nclass Base(FlowSpec):\n    pass\nclass MyFlow(Base):\n    pass\n" + GUARD,
        "from ours import BaseFlow\nclass MyFlow(BaseFlow):\n    pass\n" + GUARD,
        FLOW + 'def main():\n    MyFlow()\nif "__main__" == __name__:\n    main()\n',
    ],
)
def test_valid_flows_pass(text: str, tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text(text)
    assert read_flow(tmp_path / "flow.py", tmp_path).guarded


def test_no_flow(tmp_path: Path) -> None:
    assert "no class in it is derived from FlowSpec" in failure("x = 1\n" + GUARD, tmp_path).message


def test_two_flows_are_named_with_their_lines(tmp_path: Path) -> None:
    found = failure(FLOW + FLOW.replace("MyFlow", "Other") + GUARD, tmp_path)
    assert "MyFlow (line 2) and Other (line 5)" in found.message
    assert found.line == 5


def test_a_syntax_error_has_its_line(tmp_path: Path) -> None:
    found = failure("x = 1\ndef broken(:\n    pass\n", tmp_path)
    assert found.line == 2
    assert "line 2" in found.message
    assert "def broken(:" in found.evidence


def test_no_guard_shows_the_two_lines_to_add(tmp_path: Path) -> None:
    found = failure(FLOW, tmp_path)
    assert '`if __name__ == "__main__":`' in found.advice
    assert "`MyFlow()`" in found.advice


@pytest.mark.parametrize("text", [FLOW + "MyFlow()\n", FLOW + "def main():\n    MyFlow()\n"])
def test_starting_at_import_is_no_guard(text: str, tmp_path: Path) -> None:
    assert "never starts its flow" in failure(text, tmp_path).message


def test_no_text(tmp_path: Path) -> None:
    assert failure(b"\xff\xfe\x00 = 1", tmp_path).advice
    assert failure(b"x = 1\x00", tmp_path).advice
