"""Flow files read without importing them: what would hang or be told badly is found in the text."""

import warnings
from pathlib import Path

import pytest

from deployer.flows import FlowSource, read_flow
from deployer.outcome import DeployError, Failure, FailureReason

ROOT = Path(__file__).resolve().parent.parent.parent
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
        "from ours import BaseFlow\nclass MyFlow(BaseFlow):\n    pass\n" + GUARD,
        "from ours import Mixin\nfrom metaflow import FlowSpec\nclass MyFlow(Mixin, FlowSpec):\n    pass\n" + GUARD,
        "from ours import bases\nclass MyFlow(bases.pick()):\n    pass\n" + GUARD,
        "import metaflow\nFlow = metaflow.FlowSpec\nclass MyFlow(Flow):\n    pass\n" + GUARD,
        "from metaflow import FlowSpec\nclass Helper:\n    pass\nclass MyFlow(FlowSpec):\n    pass\n" + GUARD,
        "from metaflow import FlowSpec\nclass MyFlow(FlowSpec):\n    pass\n" + FLOW + GUARD,
        "try:\n    import x\nfinally:\n    from metaflow import FlowSpec\n    class MyFlow(FlowSpec): pass\n" + GUARD,
        "from metaflow import FlowSpec\nMyFlow = type('MyFlow', (FlowSpec,), {})\n" + GUARD,
        "\ufeff" + FLOW + GUARD,
        FLOW + 'x = "\\d"\n' + GUARD,
        FLOW + 'def main():\n    MyFlow()\nif "__main__" == __name__:\n    main()\n',
        FLOW + 'def inner():\n    MyFlow()\ndef main():\n    inner()\nif __name__ == "__main__":\n    main()\n',
        FLOW + 'if __name__ == "__main__":\n    flow = MyFlow\n    flow()\n',
        FLOW + 'if __name__ == "__main__":\n    from ours import run\n    run()\n',
        FLOW + 'if __name__ == "__main__":\n    globals()["MyFlow"]()\n',
        FLOW + 'if __name__ != "__main__":\n    pass\nelse:\n    MyFlow()\n',
        FLOW + 'try:\n    if __name__ == "__main__":\n        MyFlow()\nfinally:\n    pass\n',
    ],
)
def test_valid_flows_pass(text: str, tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text(text)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        source = read_flow(tmp_path / "flow.py", tmp_path)
    assert source.path == "flow.py"
    assert source.class_name in ("MyFlow", None)


def test_the_class_is_told_where_it_is_known(tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text(FLOW + GUARD)
    assert read_flow(tmp_path / "flow.py", tmp_path) == FlowSource(path="flow.py", class_name="MyFlow", line=2)


def test_a_text_in_another_encoding_that_says_so_is_python(tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_bytes(("# coding: latin-1\n# Größe\n" + FLOW + GUARD).encode("latin-1"))
    assert read_flow(tmp_path / "flow.py", tmp_path).class_name == "MyFlow"


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("flows/*.py")), ids=lambda path: path.name)
def test_the_examples_pass(path: Path) -> None:
    assert read_flow(path, ROOT).class_name is not None


def test_a_base_in_the_same_file_is_refused_as_deployer_does(tmp_path: Path) -> None:
    """Metaflow: `Multiple FlowSpec classes found`, though `python flow.py run` takes it."""
    base = "from metaflow import FlowSpec\nclass Base(FlowSpec):\n    pass\nclass MyFlow(Base):\n    pass\n"
    found = failure(base + GUARD, tmp_path)
    assert "Base (line 2) and MyFlow (line 4)" in found.message
    assert "Move Base into a module of its own" in found.advice


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x = 1\n" + GUARD,
        "class MyFlow:\n    pass\n" + GUARD,
        "class MyFlow(Exception):\n    pass\n" + GUARD,
        "from ours import *\n" + GUARD,
        "from ours import MyFlow\n" + GUARD,
    ],
)
def test_no_flow_in_any_spelling(text: str, tmp_path: Path) -> None:
    assert "derived from FlowSpec" in failure(text, tmp_path).message


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


def test_a_syntax_error_is_marked_under_its_place(tmp_path: Path) -> None:
    found = failure("class A:\n    def start(self)\n        pass\n", tmp_path)
    assert found.evidence == "def start(self)\n               ^"


def test_no_guard_shows_the_two_lines_to_add(tmp_path: Path) -> None:
    found = failure(FLOW, tmp_path)
    assert '`if __name__ == "__main__":`' in found.advice
    assert "`MyFlow()`" in found.advice


@pytest.mark.parametrize("text", [FLOW + "MyFlow()\n", FLOW + "def main():\n    MyFlow()\n"])
def test_starting_at_import_is_no_guard(text: str, tmp_path: Path) -> None:
    assert "never starts its flow" in failure(text, tmp_path).message


@pytest.mark.parametrize(
    "block", ["pass", "print('hello')", "Other()", "main()", "flow = 1\n    print(flow)", "'MyFlow()'"]
)
def test_a_guard_that_does_not_start_the_flow(block: str, tmp_path: Path) -> None:
    others = "class Other:\n    pass\ndef main():\n    print(Other())\n"
    found = failure(f'{FLOW}{others}if __name__ == "__main__":\n    {block}\n', tmp_path)
    assert "does not call it" in found.message
    assert found.line == 8
    assert "`MyFlow()`" in found.advice


def test_what_python_cannot_read_at_all(tmp_path: Path) -> None:
    assert "nested too deeply" in failure(f"x = {'-' * 50_000}1\n", tmp_path).message
    assert "nested too deeply" in failure(f"x = {'1 + ' * 100_000}1\n", tmp_path).message
    assert failure("# coding: klingon\n" + FLOW, tmp_path).advice == "Save the file as UTF-8."


def test_no_text(tmp_path: Path) -> None:
    assert failure(b"\xff\xfe\x00 = 1", tmp_path).advice
    assert failure(b"x = 1\x00", tmp_path).advice
