"""Flow files read without importing them: a syntax error, and why a file that was run started no flow."""

import warnings
from pathlib import Path

import pytest

from deployer.flows import check_syntax, why_nothing_starts
from deployer.outcome import DeployError, Failure, FailureReason

FLOW = "from metaflow import FlowSpec\nclass MyFlow(FlowSpec):\n    pass\n"
GUARD = 'if __name__ == "__main__":\n    MyFlow()\n'


def written(text: str | bytes, tmp_path: Path) -> Path:
    path = tmp_path / "flow.py"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def failure(text: str | bytes, tmp_path: Path) -> Failure:
    """What is said of a file that was run and started no flow."""
    return checked(why_nothing_starts(written(text, tmp_path), tmp_path))


def syntax_failure(text: str | bytes, tmp_path: Path) -> Failure:
    with pytest.raises(DeployError) as caught:
        check_syntax(written(text, tmp_path), tmp_path)
    return checked(caught.value.failure)


def checked(found: Failure) -> Failure:
    assert found.reason is FailureReason.FLOW_INVALID
    assert found.path == "flow.py"
    return found


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
def test_python_passes_and_nothing_is_made_up(text: str, tmp_path: Path) -> None:
    """Whether these start a flow only running them shows: the text does not rule it out."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_syntax(written(text, tmp_path), tmp_path)
        assert "starts no flow when it is run as a program" in failure(text, tmp_path).message


def test_a_text_in_another_encoding_that_says_so_is_python(tmp_path: Path) -> None:
    check_syntax(written(("# coding: latin-1\n# Größe\n" + FLOW + GUARD).encode("latin-1"), tmp_path), tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x = 1\n" + GUARD,
        "class MyFlow:\n    pass\n" + GUARD,
        "class MyFlow(Exception):\n    pass\n" + GUARD,
        "from ours import *\n" + GUARD,
    ],
)
def test_no_flow_in_any_spelling(text: str, tmp_path: Path) -> None:
    assert "derived from FlowSpec" in failure(text, tmp_path).message


def test_no_flow(tmp_path: Path) -> None:
    assert "no class in it is derived from FlowSpec" in failure("x = 1\n" + GUARD, tmp_path).message


def test_a_syntax_error_has_its_line(tmp_path: Path) -> None:
    found = syntax_failure("x = 1\ndef broken(:\n    pass\n", tmp_path)
    assert found.line == 2
    assert "line 2" in found.message
    assert "def broken(:" in found.evidence


def test_a_syntax_error_is_marked_under_its_place(tmp_path: Path) -> None:
    found = syntax_failure("class A:\n    def start(self)\n        pass\n", tmp_path)
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


@pytest.mark.parametrize(
    "start",
    [
        'if __name__ == "__main__" and DEPLOYS:\n    MyFlow()\n',
        'if __name__ == "__main__":\n    if DEPLOYS:\n        MyFlow()\n',
    ],
)
def test_a_condition_that_was_false_is_named_with_the_line_that_it_kept_from(start: str, tmp_path: Path) -> None:
    found = failure(f"{FLOW}DEPLOYS = False\n{start}", tmp_path)
    assert f"does not come to `MyFlow()` in line {found.line} " in found.message
    assert found.line == 4 + start.count("\n")


def test_a_name_that_is_not_main_is_named(tmp_path: Path) -> None:
    found = failure(FLOW + 'if __name__ == "main":\n    MyFlow()\n', tmp_path)
    assert "compares `__name__` with 'main'" in found.message
    assert found.line == 4


def test_a_process_that_the_file_ends_comes_before_what_its_text_tells(tmp_path: Path) -> None:
    ended = Failure(reason=FailureReason.FLOW_IMPORT, message="ended", advice="")
    assert why_nothing_starts(written(FLOW + "import sys\nsys.exit(0)\n", tmp_path), tmp_path, ended) is ended
    assert (
        "no class in it" in why_nothing_starts(written("import sys\nsys.exit(0)\n", tmp_path), tmp_path, ended).message
    )


def test_what_python_cannot_read_at_all(tmp_path: Path) -> None:
    assert "nested too deeply" in syntax_failure(f"x = {'-' * 50_000}1\n", tmp_path).message
    assert "nested too deeply" in syntax_failure(f"x = {'1 + ' * 100_000}1\n", tmp_path).message
    assert syntax_failure("# coding: klingon\n" + FLOW, tmp_path).advice == "Save the file as UTF-8."


def test_no_text(tmp_path: Path) -> None:
    assert syntax_failure(b"\xff\xfe\x00 = 1", tmp_path).advice
    assert syntax_failure(b"x = 1\x00", tmp_path).advice
