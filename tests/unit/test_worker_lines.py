"""What a flow prints, as lines: whole ones, endless ones, and those that overwrite themselves."""

import time

import pytest

from deployer.worker.lines import LONGEST_LINE, LONGEST_WORD, Lines


def fed(*pieces: bytes) -> list[str]:
    lines = Lines()
    return [line for piece in (*pieces, b"") for line in lines.feed(piece)]


def test_lines_come_whole_however_they_are_cut_on_the_way() -> None:
    assert fed(b"a\nb", b"", b"") == ["a", "b"]
    assert fed("grün".encode()[:3], "grün".encode()[3:] + b"\n\nend\n") == ["grün", "", "end"]


def test_an_endless_line_is_cut_once_and_what_follows_is_read() -> None:
    lines = Lines()
    shown = lines.feed(b"word " * (LONGEST_LINE // 4))
    assert len(shown) == 1, "as soon as it is too long, so that the log goes on"
    assert shown[0].endswith(f" … cut: the line has more than {LONGEST_LINE} bytes")
    assert lines.feed(b"word " * LONGEST_LINE) == []
    assert lines.feed(b"the rest\nnext\n") == ["next"]


def test_fifty_megabytes_take_no_longer_than_to_read_them() -> None:
    lines, piece, started = Lines(), b"x" * (1 << 16), time.process_time()
    shown = [line for _ in range(800) for line in lines.feed(piece)]
    assert time.process_time() - started < 2, "it was quadratic: 47 s"
    assert len(shown) == 1
    assert len(shown[0]) < LONGEST_LINE


@pytest.mark.parametrize("before", range(LONGEST_LINE - 300, LONGEST_LINE + 20, 7))
@pytest.mark.parametrize("ending", [b"", b"\n"])
def test_no_word_is_cut_in_its_middle(before: int, ending: bytes) -> None:
    secret = "s" * 40
    (line, *_) = fed(b"w" * (before - 1) + b" " + secret.encode() + b" " + b"x" * 300 + ending)
    assert secret in line or "s" not in line.split(" … cut")[0]


def test_a_word_without_end_is_cut_well_before_the_limit() -> None:
    (line,) = fed(b"x" * LONGEST_LINE * 2)
    assert len(line.split(" … cut")[0]) == LONGEST_LINE - LONGEST_WORD


def test_of_a_progress_bar_the_last_state_is_kept() -> None:
    bar = b"".join(b"\r%3d%% %s" % (percent, b"#" * 2000) for percent in range(101))
    assert len(bar) > LONGEST_LINE
    (line,) = fed(bar[:90_000], bar[90_000:], b"\n")
    assert line.lstrip("\r").startswith("100%")
