"""The comment as a document: what its hidden header keeps, whatever the values, and whatever anybody wrote there."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from deployer.github.comment import LIMIT, Comment, CommentHeader, folded, parse, render, text_of

HEADER = CommentHeader(key="deploy.yml/deploy", workflow="deploy.yml", status="success", commit="3f2a91c0" * 5)
URL = "https://github.com/octo-org/flows/pull/7#issuecomment-2"
HOSTILE = [
    "-->",
    "--",
    "---->",
    "--!>",
    "<!-- -->",
    "a\nb\r\nc",
    '"} -->\n# pwned',
    "\\u002d\\u002d>",
    "\u2028\u2029\x00\x1b",
    "ключ 🚀",
    "\ud83d",
    "]]>",
    "{}",
    "",
]


def comment(body: str) -> Comment:
    header = parse(body)
    assert header is not None
    return Comment(id=1, url="https://github.com/octo-org/flows/pull/7#issuecomment-1", body=body, header=header)


@pytest.mark.parametrize("value", HOSTILE)
def test_every_value_comes_back_and_none_ends_the_hidden_comment(value: str):
    header = replace(HEADER, key=value, workflow=value, status=value, commit=value, writing=value)
    header = replace(header, rest={value or "x": [value, {"deep": value}]})
    body = render(header, "the text")
    assert parse(body) == header
    first, text = body.split("\n", 1)
    assert text == "the text"
    hidden = first.removeprefix("<!--").removesuffix("-->")
    assert not any(mark in hidden for mark in ("--", "<", ">")), hidden


def test_further_fields_are_kept_numbers_too():
    rest = {"rows": {"train": {"state": "ok", "delta": -1, "small": -1e-07}}, "later": [None, True]}
    assert parse(render(replace(HEADER, rest=rest), "")) == replace(HEADER, rest=rest)


def test_a_further_field_cannot_pass_for_one_of_ours():
    header = replace(HEADER, rest={"key": "another", "v": 9, "superseded": True})
    assert parse(render(replace(header, superseded=True), "")) == replace(HEADER, superseded=True)
    assert json.loads(render(header, "").split(": ", 1)[1].split(" -->")[0])["key"] == HEADER.key


@pytest.mark.parametrize(
    "body",
    [
        "",
        "# a comment of somebody's",
        "see <!-- metaflow-deploy: {} -->",
        "<!-- metaflow-deploy: {} -->",
        "<!-- metaflow-deploy: {nonsense} -->",
        "<!-- metaflow-deploy: [] -->",
        '<!-- metaflow-deploy: {"key": 1} -->',
        '<!-- metaflow-deploy: {"key": null} -->',
        '<!-- metaflow-deploy: {"key": "a"',
        '> <!-- metaflow-deploy: {"key": "a"} -->',
        "<!-- metaflow-deploy: {" + '"a":[' * 20_000 + "} -->",
        '<!-- metaflow-deploy: {"key": ' + "9" * 10_000 + "} -->",
    ],
)
def test_what_is_no_header_of_ours_is_none_and_no_error(body: str):
    assert parse(body) is None


def test_fields_of_odd_types_are_left_out():
    header = parse('<!-- metaflow-deploy: {"key": "a", "status": 1, "commit": [], "superseded": "yes"} -->\n')
    assert header == CommentHeader(key="a")


def test_a_body_edited_on_the_site_is_read_with_its_line_ends():
    body = render(HEADER, "one\ntwo").replace("\n", "\r\n")
    assert parse(body) == HEADER
    assert text_of(body) == "one\r\ntwo"


def test_what_is_too_long_for_github_is_refused_counted_as_the_site_counts():
    room = LIMIT - len(render(HEADER, ""))
    assert render(HEADER, "x" * room)
    with pytest.raises(ValueError, match="65536"):
        render(HEADER, "x" * (room + 1))
    with pytest.raises(ValueError, match="65536"):
        render(HEADER, "🚀" * (room // 2 + 1))


def test_half_a_character_is_replaced_since_it_cannot_be_sent():
    body = render(HEADER, "cut \ud83d here 🚀")
    assert body.encode()
    assert "🚀" in body


def test_a_superseded_comment_is_folded_under_one_line_that_leads_to_the_newer():
    body = folded(comment(render(replace(HEADER, rest={"rows": {"a": 1}}), "## Deployed\n\n- one\n")), URL)
    header = parse(body)
    assert header == replace(HEADER, superseded=True, rest={"rows": {"a": 1}})
    lines = text_of(body).splitlines()
    assert lines[0] == "<details>"
    assert lines[1] == (
        f'<summary>Superseded by <a href="{URL}">a newer report</a> (this one: success, commit 3f2a91c)</summary>'
    )
    assert lines[2:] == ["", "## Deployed", "", "- one", "", "</details>"]


def test_a_header_that_somebody_edited_brings_no_markup_into_the_fold():
    edited = replace(HEADER, status="<img>\n\n# loud", commit='"><b>')
    summary = text_of(folded(comment(render(edited, "text")), 'https://x/"><script>')).splitlines()[1]
    assert "<img>" not in summary
    assert "<b>" not in summary
    assert "<script>" not in summary
    assert summary.endswith("</summary>")


@pytest.mark.parametrize(
    "body",
    [
        render(HEADER, "x" * (LIMIT - len(render(HEADER, "")))),
        '<!-- metaflow-deploy: {"key": "a", "rows": "' + "<" * 60_000 + '"} -->\ntext',
    ],
    ids=["long text", "long header"],
)
def test_a_comment_with_no_room_for_the_fold_loses_its_text_and_is_folded(body: str):
    old = comment(body)
    text = folded(old, URL)
    assert len(text) <= LIMIT
    assert URL in text
    header = parse(text)
    assert header is not None
    assert (header.key, header.superseded) == (old.header.key, True)
