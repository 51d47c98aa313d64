"""The console: what the runner takes for a command, what is blanked, and what reaches the files."""

from __future__ import annotations

import io
import re
import threading
import time
from pathlib import Path

import pytest

from deployer.console import LONGEST_LINE, LONGEST_READ, MOST_FOREIGN_LINES, Annotation, Console

ON_GITHUB = {"GITHUB_ACTIONS": "true"}


def console(environ: dict[str, str] | None = None) -> tuple[Console, io.StringIO]:
    stream = io.StringIO()
    return Console(ON_GITHUB if environ is None else environ, stream), stream


def commands(log: str) -> list[str]:
    """What the runner would obey: lines that start with `::` (or hold `##[`), outside stop-commands."""
    obeyed, token = [], None
    for line in log.splitlines():
        stripped = line.lstrip()
        if token is not None:
            if stripped == f"::{token}::":
                token = None
            continue
        if stripped.startswith("::stop-commands::"):
            token = stripped.removeprefix("::stop-commands::")
        elif stripped.startswith("::") or "##[" in line:
            obeyed.append(stripped)
    return obeyed


def test_foreign_commands_are_not_obeyed_and_our_own_are() -> None:
    made, stream = console()
    made.foreign("::set-output name=status::hacked\n##[add-path]/evil")
    made.foreign("  ::stop-commands::mine")
    made.foreign("::mine::")
    made.error("it failed")
    made.foreign("::error::not ours")
    made.info("done")
    assert commands(stream.getvalue()) == ["::error::it failed"]
    assert "hacked" in stream.getvalue(), "what a flow prints is shown"


def test_the_word_that_ends_the_fence_cannot_be_foreseen() -> None:
    words = set()
    for _ in range(5):
        made, stream = console()
        made.foreign("x")
        words.add(re.findall(r"::stop-commands::(\S+)", stream.getvalue())[0])
    assert len(words) == 5
    assert all(len(word) >= 32 for word in words)


def test_a_line_of_our_own_is_no_command_whatever_it_quotes() -> None:
    made, stream = console()
    made.info("::error::x")
    made.info("  ::add-mask::x")
    made.info("a ##[error]x")
    made.info("flow\n::error::x")
    with made.group("::error::x\n::warning::y"):
        pass
    assert [command.split("::")[1] for command in commands(stream.getvalue())] == ["group", "endgroup"]


def test_a_group_ends_when_its_body_raises() -> None:
    made, stream = console()
    with pytest.raises(KeyError), made.group("deploy"):
        raise KeyError
    assert stream.getvalue().splitlines() == ["::group::deploy", "::endgroup::"]


def test_a_masked_value_appears_nowhere() -> None:
    made, stream = console()
    made.mask(["s3cr3t-value"])
    made.foreign("password=s3cr3t-value!")
    made.info("with s3cr3t-value")
    made.annotate(
        Annotation(level="error", message="s3cr3t-value", title="s3cr3t-value", path="s3cr3t-value.py", line=1)
    )
    with made.group("s3cr3t-value"):
        pass
    lines = [line for line in stream.getvalue().splitlines() if not line.startswith("::add-mask::")]
    assert "s3cr3t-value" not in "\n".join(lines)
    assert "password=***!" in lines


def test_a_secret_of_several_lines_is_masked_line_by_line() -> None:
    made, stream = console()
    made.mask(["-----BEGIN KEY-----\nabcdefgh\n  ijklmnop\n}\n"])
    assert [line for line in stream.getvalue().splitlines() if line.startswith("::add-mask::")] == [
        "::add-mask::abcdefgh",
        "::add-mask::ijklmnop",
    ]
    assert made.masked("abcdefgh and ijklmnop {}") == "*** and *** {}"


def test_the_longer_of_two_secrets_is_blanked_whole() -> None:
    made, _ = console()
    made.mask(["token", "token-and-more"])
    assert made.masked("token-and-more") == "***"


@pytest.mark.parametrize(
    "word",
    [
        "",
        "abc",
        "true",
        "main",
        "None",
        "  x ",
        "--------",
        "123456789012",
        "eu-west-1",
        "europe-west1-b",
        "arn:aws:iam::123456789012:role/metaflow-deploy",
        "-----BEGIN RSA PRIVATE KEY-----",
    ],
)
def test_ordinary_words_are_never_masked(word: str) -> None:
    made, stream = console()
    made.mask([word])
    assert stream.getvalue() == ""
    assert made.masked(f"a {word} b") == f"a {word} b"


def test_a_percent_sign_in_a_secret_reaches_the_runner_as_it_takes_it() -> None:
    made, stream = console()
    made.mask(["50%off!"])
    assert stream.getvalue() == "::add-mask::50%25off!\n"


def test_an_annotation_without_a_line_says_none() -> None:
    made, stream = console()
    made.error("a,b: 100%\nsecond", title="run-failed: x", path="flows/a,b.py")
    assert stream.getvalue() == "::error title=run-failed%3A x,file=flows/a%2Cb.py::a,b: 100%25%0Asecond\n"
    made.warning("careful")
    assert stream.getvalue().splitlines()[-1] == "::warning::careful"


def test_the_same_annotation_is_printed_once() -> None:
    made, stream = console()
    made.warning("careful")
    made.info("between")
    made.annotate(Annotation(level="warning", message="careful"))
    made.warning("careful", title="other")
    assert stream.getvalue().splitlines() == ["::warning::careful", "between", "::warning title=other::careful"]


def test_where_no_runner_listens_people_read() -> None:
    made, stream = console({})
    made.mask(["s3cr3t-value"])
    made.error("it failed", title="deploy", path="flows/a.py", line=3)
    with made.group("deploy a"):
        made.foreign("::warning::from the flow")
    made.set_output("status", "failure")
    text = stream.getvalue()
    assert "s3cr3t-value" not in text
    assert "error: deploy: it failed (flows/a.py:3)" in text
    assert "stop-commands" not in text
    assert "status: failure" in text


def test_outputs_of_several_lines_reach_the_file_whole(tmp_path: Path) -> None:
    file = tmp_path / "output"  # not made yet: a runner makes it, another caller may not
    made, stream = console({**ON_GITHUB, "GITHUB_OUTPUT": str(file)})
    made.set_output("deployments", '[\n{"a": "ghadelimiter_x"}\n]')
    made.set_output("status", "success")
    read = dict(
        re.findall(r"^(\S+)<<(?:\S+)\n(.*?)\nghadelimiter_[0-9a-f-]{36}$", file.read_text(), re.MULTILINE | re.DOTALL)
    )
    assert read == {"deployments": '[\n{"a": "ghadelimiter_x"}\n]', "status": "success"}
    assert stream.getvalue() == ""


def test_an_output_that_holds_a_secret_arrives_without_it(tmp_path: Path) -> None:
    file = tmp_path / "output"
    made, stream = console({**ON_GITHUB, "GITHUB_OUTPUT": str(file)})
    made.mask(["1234-5678-9012"])
    made.set_output("run-url", "https://example.com/1234-5678-9012/x")
    assert "https://example.com/***/x" in file.read_text()
    assert "1234-5678-9012" not in file.read_text()
    assert "run-url" in stream.getvalue().splitlines()[-1]


def test_the_summary_is_added_to_and_masked(tmp_path: Path) -> None:
    file = tmp_path / "summary"
    file.write_text("of a step before\n")
    made, _ = console({**ON_GITHUB, "GITHUB_STEP_SUMMARY": str(file)})
    made.mask(["s3cr3t-value"])
    made.append_summary("# Dépl s3cr3t-value ✅")
    assert file.read_text(encoding="utf-8") == "of a step before\n# Dépl *** ✅\n"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("plain", "plain"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("10%\r50%\r100%\r", "100%"),
        ("a\x00b\x07c\u2028d", "abcd"),
        ("tab\tstays", "tab\tstays"),
        ("\x1b]0;title\x07x", "x"),
    ],
)
def test_control_characters_of_a_flow_do_nothing(line: str, shown: str) -> None:
    made, stream = console({})
    made.foreign(line)
    assert stream.getvalue() == f"{shown}\n"


@pytest.mark.parametrize("length", [LONGEST_LINE + 50, 50_000_000])
def test_a_line_without_end_is_cut(length: int) -> None:
    made, stream = console({})
    made.mask(["a-secret-of-the-job"])
    started = time.process_time()
    made.foreign("x" * length)
    assert stream.getvalue() == "x" * LONGEST_LINE + f" … ({length} characters)\n"
    assert time.process_time() - started < 1, "what is not shown is not looked through"


def test_a_secret_at_the_end_of_what_is_looked_at_is_no_piece() -> None:
    secret = "ghs_0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0uV1wX"
    for before in range(LONGEST_READ - len(secret) - 2, LONGEST_READ + 1):
        made, stream = console({})
        made.mask([secret, "a-word-of-a-password"])
        for one in (secret, "a-word-of-a-password"):
            # control characters shrink what is looked at to what is shown
            made.foreign("\x07" * (before - 100) + "x" * 100 + one + "y" * 100)
            assert not re.search(f"{one[:6]}", stream.getvalue())


def test_a_flow_that_prints_without_end_is_cut() -> None:
    made, stream = console()
    made.foreign("\n".join(["x"] * (MOST_FOREIGN_LINES + 500)))
    lines = stream.getvalue().splitlines()
    assert lines.count("x") == MOST_FOREIGN_LINES
    assert len([line for line in lines if line.startswith("::warning::")]) == 1


def test_what_the_log_cannot_spell_does_not_end_the_job() -> None:
    raw = io.BytesIO()
    made = Console(ON_GITHUB, io.TextIOWrapper(raw, encoding="ascii"))
    made.foreign("größe \udcff")
    assert rb"gr\xf6\xdfe" in raw.getvalue()


def test_what_is_masked_meanwhile_is_never_shown() -> None:
    """A token is masked in a thread while another prints: no line comes between a fence and its text, none leaks."""

    class Yielding(io.StringIO):
        """Lets the other thread go on within each line, as a pipe that is full does."""

        def write(self, text: str) -> int:
            turn.wait(0.0001)
            return super().write(text)

    turn, stream = threading.Event(), Yielding()
    shared = Console(ON_GITHUB, stream)
    shared.mask(["first-secret"])

    def mask() -> None:
        for number in range(100):
            shared.mask([f"secret-number-{number:03}"])
            shared.warning(f"warning {number}")

    masking = threading.Thread(target=mask)
    masking.start()
    for number in range(300):
        shared.foreign(f"a flow prints first-secret {number}")
    masking.join()
    fence = None
    for line in stream.getvalue().splitlines():
        assert "first-secret" not in line or line.startswith("::add-mask::")
        if line.startswith("::stop-commands::"):
            assert fence is None
            fence = line.removeprefix("::stop-commands::")
        elif fence is not None and line == f"::{fence}::":
            fence = None
        else:
            assert (fence is not None) == line.startswith("a flow prints"), line


HOSTILE = "flows/\x1b[2Ka\x1b]0;title\x07b\x08\x08c\rd\x9b31me\u2028f\x00.py"


@pytest.mark.parametrize("environ", [ON_GITHUB, {}])
@pytest.mark.parametrize("channel", ["info", "group", "notice", "warning", "error", "annotate", "output"])
def test_control_characters_in_lines_of_our_own_do_nothing(channel: str, environ: dict[str, str]) -> None:
    """The name of a flow, a branch or an error can be part of them, and a terminal would obey it."""
    made, stream = console(environ)
    if channel == "group":
        with made.group(HOSTILE):
            pass
    elif channel == "annotate":
        made.annotate(Annotation(level="error", message=HOSTILE, title=HOSTILE, path=HOSTILE, line=3))
    elif channel == "output":
        made.set_output("deployment-id", HOSTILE)
    else:
        getattr(made, channel)(HOSTILE)
    log = stream.getvalue()
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]", log), repr(log)
    assert "%0D" not in log
    assert "flows/ab" in log


@pytest.mark.parametrize("between", ["\x00", "\x08", "\x1b[0m", "\x7f"])
def test_control_characters_hide_no_secret(between: str) -> None:
    made, stream = console({})
    made.mask(["q7Rk2mZ9vX4tB8nL1pW6"])
    divided = f"q7Rk2mZ{between}9vX4tB8nL1{between}pW6"
    made.info(divided)
    made.error(divided)
    with made.group(divided):
        pass
    assert "vX4t" not in stream.getvalue()
    assert stream.getvalue().count("***") == 3


def test_what_command_neutralization_leaves_is_no_command_either() -> None:
    made, stream = console()
    for text in ("\x1b[0m::set-env name=A::b", "\x00::error::x", "#\x00#[error]x", "##\x08[add-mask]x"):
        made.info(text)
    assert commands(stream.getvalue()) == []
