"""Whatever a secret looks like, wherever it is and whatever cuts the text: no channel shows it, or a piece of it."""

from __future__ import annotations

import html
import io
import json
import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from report_samples import CONTEXT, FAILED_RUN, FAILED_TASK, RUN_FAILED, flow, outcome

from deployer.console import LONGEST_LINE, LONGEST_READ, Console
from deployer.deadline import Cancellation
from deployer.event import Event
from deployer.inputs import CommentMode
from deployer.masking import SecretRegistry, is_maskable, masked_outcome
from deployer.masking.rules import is_random
from deployer.outcome import Check, CheckState, FailureReason, FlowDescription, FlowParameter, Outcome, Status, Step
from deployer.publish import ReportSettings, publish
from deployer.report.annotations import LONGEST, to_annotations
from deployer.report.cells import LONGEST_LINE as LONGEST_EXCERPT_LINE
from deployer.report.comment import comment_body
from deployer.report.outputs import outputs
from deployer.report.summary import summary
from deployer.text import read_markdown, shortened

PIECE = 8
SPECIAL = "_!$*~|<&@:/\\\"'`>#%=?+-.^(){}[],;"
HEAVY = settings(
    max_examples=25,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
LIGHT = settings(HEAVY, max_examples=150)

PRINTABLE = st.characters(exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp"), max_codepoint=0x2FFF)
WORDS = st.text(st.one_of(st.sampled_from(SPECIAL), st.sampled_from("abcXYZ019"), PRINTABLE), min_size=8, max_size=70)
RANDOM = st.text(
    st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"), min_size=20, max_size=120
).filter(is_random)
TOKENS = RANDOM.map(lambda text: f"ghs_{text}").filter(is_random)
URLS = RANDOM.map(lambda text: f"https://me:{text}@example.com/x?a=b_c*d")
SECRETS = st.one_of(WORDS, RANDOM, TOKENS, URLS).filter(lambda text: is_maskable(text.strip()) and text == text.strip())
# around the lengths at which something is cut
REPORT_CUTS = st.sampled_from([0, 10, 60, LONGEST_EXCERPT_LINE, LONGEST])
LOG_CUTS = st.sampled_from([0, 10, LONGEST_LINE, LONGEST_READ])


def with_text(text: str) -> Outcome:
    """An outcome with a text in every place that is no identifier."""
    made = flow(
        status=Status.FAILURE,
        warnings=(text, f"a `{text}` b"),
        failure=replace(RUN_FAILED, message=f"It failed: {text}", advice=text, evidence=f"one\n{text}\n{text}x"),
        run=replace(
            FAILED_RUN,
            url=f"https://ui.example.com/?x={text}",
            parameters={"alpha": text, text: "1"},
            note=text,
            waiting=(text,),
            failed_task=replace(FAILED_TASK, step=text, task_id=text, exception=text, log=text),
        ),
        description=FlowDescription(
            name="TrainFlow",
            steps=(Step(name=text, type="start", next=("end",)), Step(name="end", type="end")),
            parameters=(FlowParameter(name=text, type=text, default=text, help=text),),
        ),
    )
    assert made.deployment is not None
    deployment = replace(
        made.deployment, url=f"https://x.example.com/{text}", schedule=text, triggers=(text,), problems=(text,)
    )
    well = replace(made, status=Status.SUCCESS, failure=None, deployment=deployment, replaced=deployment)
    held = replace(flow("B"), status=Status.SKIPPED, warnings=(text,), deployment=None)
    return outcome(
        replace(made, deployment=deployment),
        well,
        held,
        warnings=(text,),
        skipped=text,
        failures=(replace(RUN_FAILED, reason=FailureReason.DEPLOY, message=text, evidence=text, path=f"{text}.py"),),
        context=replace(CONTEXT, actor=text),
    )


def checked(text: str) -> Outcome:
    check = Check(name=text, state=CheckState.BAD, found=f"found {text}", advice=text, evidence=f"{text}\n{text}")
    return outcome(checks=(check, replace(check, state=CheckState.WARNING)), context=CONTEXT, operation="doctor")


def channels(made: Outcome, registry: SecretRegistry, limit: int) -> dict[str, str]:
    """What each channel shows of an outcome, as `publish` writes it."""
    event = Event(name="workflow_dispatch")
    with TemporaryDirectory() as name:
        files = {one: Path(name, one) for one in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        stream = io.StringIO()
        environ = {"GITHUB_ACTIONS": "true", **{one: str(path) for one, path in files.items()}}
        console = Console(environ, stream, registry)
        shown = masked_outcome(made, registry)
        publish(shown, event, ReportSettings(mode=CommentMode.OFF), console=console, cancellation=Cancellation())
        written = {one: path.read_text(encoding="utf-8") for one, path in files.items()}
    # without the last net: the gate alone has to hold
    return {
        **written,
        "log": stream.getvalue(),
        "comment": comment_body(shown, summary_url=CONTEXT.run_url),
        "a short comment": comment_body(shown, summary_url=None, limit=limit),
        "summary": summary(shown),
        "a short summary": summary(shown, limit=limit),
        "outputs": json.dumps(outputs(shown, None), ensure_ascii=False),
        "annotations": "\n".join(f"{one.title} {one.path} {one.message}" for one in to_annotations(shown)),
    }


def readings(written: str) -> list[str]:
    """What may be read out of a text: it as it is, and with its escapes taken back."""
    unescaped = written
    for escaped, plain in (("%0A", "\n"), ("%0D", "\r"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        unescaped = unescaped.replace(escaped, plain)
    return [written, read_markdown(written), unescaped, re.sub(r"\\(.)", r"\1", html.unescape(written))]


def pieces(secret: str) -> set[str]:
    return {secret[at : at + PIECE] for at in range(len(secret) - PIECE + 1)}


def assert_hidden(secret: str, shown: dict[str, str]) -> None:
    for channel, written in shown.items():
        for text in readings(written):
            found = [one for one in pieces(secret) if one in text]
            assert not found, f"{found[:3]} of {secret!r} in the {channel}"


@cache
def without_secrets() -> str:
    """What the reports say by themselves."""
    return "\n".join(
        text for make in (with_text, checked) for text in channels(make("neutral"), SecretRegistry(), 20_000).values()
    )


def assume_new(secret: str, shown: str) -> None:
    """Only secrets that are no part of what a report says anyway."""
    assume(not any(one in text for text in readings(shown) for one in pieces(secret)))


@HEAVY
@given(
    secret=SECRETS,
    cut=REPORT_CUTS,
    near=st.integers(-80, 10),
    limit=st.integers(400, 20_000),
    filler=st.sampled_from("xé🌈 "),
)
@example(secret="p_4*s|x<9&k@7~z!", cut=0, near=0, limit=2_000, filler="x")
@example(secret='$w0rd\\of"it`s#', cut=LONGEST, near=-10, limit=2_000, filler="x")
@example(secret="ghs_0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0uV1wX", cut=LONGEST_EXCERPT_LINE, near=-20, limit=900, filler="x")
def test_no_report_shows_a_secret(secret: str, cut: int, near: int, limit: int, filler: str) -> None:
    registry = SecretRegistry()
    before = filler * max(0, cut + near)
    assume_new(secret, without_secrets())
    registry.add([secret])
    for make in (with_text, checked):
        assert_hidden(secret, channels(make(f"{before}{secret}{filler * 40}"), registry, limit))


@HEAVY
@given(secret=SECRETS, cut=LOG_CUTS, near=st.integers(-140, 10), filler=st.sampled_from("xé🌈 \x07"))
def test_no_line_of_the_log_shows_a_secret(secret: str, cut: int, near: int, filler: str) -> None:
    assume_new(secret, "x more characters ::stop-commands:: warning group title error More than lines were printed")
    stream = io.StringIO()
    console = Console({"GITHUB_ACTIONS": "true"}, stream)
    console.secrets.add([secret])
    text = f"{filler * max(0, cut + near)}{secret}{filler * 200}"
    console.foreign(f"{text}\n10%\r{text}\n\x1b[31m{text[: len(text) // 2]}\x1b[0m{text[len(text) // 2 :]}")
    console.info(text)
    console.warning(text, title=text)
    console.error(text, path=text)
    with console.group(text):
        pass
    console.set_output("name", text)
    assert_hidden(secret, {"log": stream.getvalue()})


@HEAVY
@given(lines=st.lists(RANDOM, min_size=2, max_size=4), cut=REPORT_CUTS, near=st.integers(-80, 10))
def test_a_secret_of_several_lines(lines: list[str], cut: int, near: int) -> None:
    secret = "\n".join(lines)
    registry, stream = SecretRegistry(), io.StringIO()
    registry.add([secret])
    console = Console({}, stream, registry)
    console.foreign(f"{'x' * max(0, cut + near)}{secret}\n{json.dumps(secret)}")
    shown = {"log": stream.getvalue(), **channels(with_text(f"{'x' * max(0, cut + near)}{secret}"), registry, 3_000)}
    for line in lines:
        assert_hidden(line, shown)


@LIGHT
@given(secret=TOKENS, start=st.integers(0, 100), length=st.integers(PIECE, 100))
def test_a_piece_of_a_token_that_was_cut_before(secret: str, start: int, length: int) -> None:
    """Metaflow, an orchestrator or a flow may cut as well. What reads like words or a number is no piece of a token."""
    piece = secret[start : start + length]
    assume(len(piece) >= PIECE)
    registry = SecretRegistry()
    registry.add([secret])
    shown = registry.mask(f"it was {piece} there")
    left = [one for one in pieces(piece) if one in shown]
    assert not left or not is_random(piece), left


@LIGHT
@given(secret=SECRETS, before=st.text("ab c", max_size=20), most=st.integers(1, 80))
def test_what_we_cut_ourselves_before_the_gate(secret: str, before: str, most: int) -> None:
    registry = SecretRegistry()
    registry.add([secret])
    shown = registry.mask(f"said {shortened(before + secret + ' more', len(before) + most)}")
    assert not any(one in shown for one in pieces(secret)), shown


@LIGHT
@given(text=st.text(max_size=200), secret=SECRETS)
def test_masking_twice_is_masking_once(text: str, secret: str) -> None:
    registry = SecretRegistry()
    registry.add([secret])
    once = registry.mask(f"{text}{secret}{text}")
    assert secret not in once
    assert registry.mask(once) == once
