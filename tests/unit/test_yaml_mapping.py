"""Mappings in inputs: what they mean to people, and what nobody should be able to do with them."""

import json
import time
from typing import Any

import pytest

from deployer.yaml_mapping import MOST_CHARACTERS, parse_json_object, parse_mapping, without_surrogates


def refused(text: str) -> str:
    started = time.process_time()
    with pytest.raises(ValueError, match=r"\n") as caught:
        parse_mapping(text)
    assert type(caught.value) is ValueError, "worded for people, and no error of Python's own"
    assert time.process_time() - started < 10
    wrong, advice = str(caught.value).split("\n")
    assert wrong
    assert advice.endswith(".")
    return wrong


def bomb(levels: int, width: int = 9) -> str:
    lines = [f"a0: &a0 [{','.join(['x'] * width)}]"]
    lines += [f"a{one}: &a{one} [{','.join([f'*a{one - 1}'] * width)}]" for one in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ('{"a":\t"\\ud83d\\ude00",\n\t"b": [1, 2.5, true, null]}', {"a": "😀", "b": [1, 2.5, True, None]}),
        ('a: "\\ud83d\\ude00"', {"a": "😀"}),
        ("{a: no, b: 010, c: 2026-01-01, d: 1:30}", {"a": "no", "b": "010", "c": "2026-01-01", "d": "1:30"}),
        ("a: !!str 010\nb: !!int 7\nc: !!float 1", {"a": "010", "b": 7, "c": 1.0}),
        ("a: !!bool true\nb: !!null ''", {"a": True, "b": None}),
        ("a: &a [1, 2]\nb: *a", {"a": [1, 2], "b": [1, 2]}),
        ("true: 1\n1.0: 2", {"true": 1, "1.0": 2}),
        ("<<: {a: 1}", {"<<": {"a": 1}}),
        ('{"a": "\\u00e9\\n"}', {"a": "é\n"}),
    ],
)
def test_what_is_written_is_what_is_read(written: str, value: dict[str, Any]) -> None:
    assert parse_mapping(written) == value
    json.dumps(parse_mapping(written), ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("written", "wrong"),
    [
        ("a: !!bool maybe", "'maybe' is no `!!bool`"),
        ("a: !!timestamp x", "the tag `!!timestamp`"),
        ('a: !!int ""', "'' is no `!!int`"),
        ("a: !!float x", "'x' is no `!!float`"),
        ("a: !!null x", "'x' is no `!!null`"),
        ("a: !!binary aGk=", "JSON does not know"),
        ("a: !!set {x}", "the tag `!!set`"),
        ("a: !!omap [x: 1]", "the tag `!!omap`"),
        ("!!merge x: {a: 1}", "the tag `!!merge`"),
        ("a: !!python/object/apply:os.abort []", "the tag `!!python/object/apply:os.abort`"),
        ("a: !own x", "the tag `!own`"),
        ("a: !!map x", "the tag `!!map`"),
        ("a: &a {b: *a}", "a part of what it names"),
        ("a: *b", "undefined alias"),
        ("? {a: b}\n: c", "a key has to be a word"),
        ("a: 1\na: 2", "written twice"),
        ('{"a": 1, "a": 2}', "written twice"),
        ("a: .inf", "has inf for 'a'"),
        ('{"a": {"b": NaN}}', "has nan for 'a.b'"),
        ('{"a": 1e999}', "has inf"),
        ('{"a": "\\ud83d"}', "half of a surrogate pair (`\\ud83d`) in 'a'"),
        ('{"\\ude00": 1}', "half of a surrogate pair"),
        ('a: ["\\ud83d x"]', "half of a surrogate pair"),
        ('a: "x\\0y"', "has a NUL character in 'a'"),
        ('"\\UFFFFFFFF": 1', "cannot be read as YAML"),
        ("a: \x07", "cannot be read as YAML"),
        ("a: 9" + "9" * 5000, "too many digits"),
        ('{"a": ' + "9" * 5000 + "}", "cannot be read as JSON"),
        ("[" * 50_000, "nested more than 100 levels"),
        ("{" * 50_000, "nested more than 100 levels"),
        ('{"a":' * 50_000, "nested more than 100 levels"),
        ("- " * 50_000, "nested more than 100 levels"),
        ("a: " + "[" * 101 + "]" * 101, "nested more than 100 levels"),
        ("x" * (MOST_CHARACTERS + 1), f"at most {MOST_CHARACTERS} are read"),
        (bomb(12), "once its aliases (`*name`) are followed"),
        ("a: 1\n---\nb: 2", "another document"),
        ("[a]", "is a list"),
        ("", "is nothing"),
    ],
    ids=lambda text: text[:30],
)
def test_what_is_no_mapping_is_refused_in_one_sentence(written: str, wrong: str) -> None:
    assert wrong in refused(written)


def test_the_bomb_is_the_one_that_spun_for_ever() -> None:
    assert len(bomb(9)) <= 441
    refused(bomb(9))


def test_json_that_has_to_be_json() -> None:
    assert parse_json_object('{"a": 1}') == {"a": 1}
    assert parse_json_object("[1]") is None
    with pytest.raises(json.JSONDecodeError):
        parse_json_object("{a: 1}")
    with pytest.raises(ValueError, match="half of a surrogate pair"):
        parse_json_object('{"a": {"b": "\\udc00"}}')


def test_text_of_an_event_has_no_half_of_a_pair() -> None:
    assert without_surrogates("a \ud83d\ude00 b") == "a 😀 b"
    assert without_surrogates("a \ud83d b").encode() == "a � b".encode()
