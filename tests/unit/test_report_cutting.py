"""Reports that are longer than GitHub takes: what is left out first, and that what is left is whole."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from report_samples import CONTEXT, FAILED, RUN_FAILED, flow, outcome, run, wrong

from deployer.outcome import Outcome, Status
from deployer.report.comment import COMMENT_LIMIT, HEADER_ROOM, comment_body
from deployer.report.markdown import cut, units
from deployer.report.summary import SUMMARY_LIMIT, summary

LIMIT = COMMENT_LIMIT - HEADER_ROOM


def comment(result: Outcome, limit: int = LIMIT) -> str:
    return comment_body(result, summary_url=CONTEXT.run_url, limit=limit)


def assert_whole(text: str) -> None:
    """Every block and every folded part that is opened is closed, in the order of opening."""
    opened: list[str] = []
    for line in text.splitlines():
        ticks = re.match(r"`{3,}", line)
        if opened and opened[-1].startswith("`"):
            if line == opened[-1]:
                opened.pop()
        elif ticks:
            opened.append(ticks[0])
        elif line == "<details>":
            opened.append(line)
        elif line == "</details>":
            assert opened.pop() == "<details>"
    assert not opened


def broken(name: str, evidence: str) -> object:
    return replace(FAILED, failure=replace(RUN_FAILED, evidence=evidence, message=name))


def test_a_comment_is_within_githubs_limit_and_keeps_what_failed() -> None:
    flows = tuple(flow(f"Flow{number}", run=run()) for number in range(400))
    bad = flow("Broken", status=Status.FAILURE, failure=replace(RUN_FAILED, evidence="x\n" * 90_000))
    text = comment(outcome(*flows, bad))
    assert units(text) <= LIMIT
    assert "`Broken` was" in text.splitlines()[0]
    assert "`failure-reason: run-failed`" in text
    assert "more flows are in the job's summary" in text
    assert CONTEXT.run_url in text
    assert_whole(text)


def test_forty_flows_fit_whole() -> None:
    text = comment(outcome(*(flow(f"Flow{number}", run=run()) for number in range(40))))
    assert text.count("| ✅") == 40
    assert "Shortened" not in text


def test_what_is_of_least_value_goes_first() -> None:
    result = outcome(*(flow(f"Flow{number}", run=run()) for number in range(4)), FAILED)
    whole = units(comment(result))
    seen: list[tuple[bool, ...]] = []
    for limit in range(whole, 1500, -100):
        text = comment(result, limit)
        assert units(text) <= limit
        assert_whole(text)
        if "**What to do:**" not in text:
            break
        told = (
            "<summary>Log of" in text,
            "<code>Flow1</code>" in text,
            "```mermaid" in text,
            "<b><code>TrainFlow" in text,
        )
        if not seen or seen[-1] != told:
            seen.append(told)
        assert "| ❌ |" in text
        assert ("Shortened" in text) == (told != (True, True, True, True))
    assert seen == [
        (True, True, True, True),
        (False, True, True, True),
        (False, False, True, True),
        (False, False, False, True),
        (False, False, False, False),
    ]


@pytest.mark.parametrize("limit", [300, 1_000, 2_000, 5_000, 20_000])
def test_a_shortened_comment_is_whole_markdown(limit: int) -> None:
    flows = [replace(FAILED, failure=replace(RUN_FAILED, message=f"m{n}", evidence="`````\n" * 50)) for n in range(30)]
    text = comment(outcome(*flows), limit)
    assert units(text) <= limit
    assert text.startswith("### ❌ ")
    assert_whole(text)


def test_thousands_of_mistakes_are_cut_too() -> None:
    text = comment(outcome(failures=tuple(wrong(f"mistake {n} 🌈", "flow") for n in range(5_000))))
    assert units(text) <= LIMIT
    assert "mistake 0 " in text


def test_characters_are_counted_as_the_strictest_reader_does() -> None:
    assert units("a") == 1
    assert units("🌈") == 2
    assert units("\udcff") == 1


def test_the_summary_is_within_githubs_limit() -> None:
    log = "é" * 400
    flows = [replace(FAILED, failure=replace(RUN_FAILED, message=str(n), evidence=f"{log}\n" * 100)) for n in range(60)]
    text = summary(outcome(*flows))
    assert len(text.encode()) < SUMMARY_LIMIT
    assert "Shortened" in text
    assert_whole(text)
    least = summary(outcome(*flows), limit=20_000)
    assert len(least.encode()) <= 20_000
    assert_whole(least)


def test_a_cut_closes_what_it_leaves_open() -> None:
    text = "a\n\n<details>\n<summary>s</summary>\n\n```text\none\ntwo\nthree\n```\n\n</details>\n\nend\n"
    assert cut(text, 1000) == text
    for most in range(2, len(text)):
        made = cut(text, most)
        assert units(made) <= most
        assert_whole(made)
    assert "one" in cut(text, len(text) - 10)
