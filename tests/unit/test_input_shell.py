"""What Metaflow writes into shell commands: what is let through arrives whole, the rest is refused by its character."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from deployer.inputs import InputErrors, Inputs, read_inputs
from deployer.inputs.shell import special_character
from deployer.orchestrators.provenance import run_tags
from deployer.outcome import Provenance

HOSTILE = [
    "pr:$(id)",
    "it's",
    "a b",
    'a"b',
    "a\\b",
    "`id`",
    "a;b",
    "a|b",
    "a&b",
    "a>b",
    "*",
    "{a,b}",
    "[a]",
    "!a",
    "a\tb",
]
HOSTILE += ["~", "#1", "^a", "a\u00a0b", "a\u2028b", "a\x1bb", "{{workflow.name}}", "(a)", "a?"]


def read(**inputs: str) -> Inputs:
    given = {"flow": "flows/train.py", **inputs}
    return read_inputs({f"INPUT_{name.rstrip('_').replace('_', '-').upper()}": text for name, text in given.items()})


def refused(**inputs: str) -> str:
    with pytest.raises(InputErrors) as caught:
        read(**inputs)
    (failure,) = caught.value.failures
    return f"{failure.input}: {failure.message} {failure.advice}"


def through_the_shell(words: list[str], folder: Path) -> list[str]:
    """The words as Metaflow's steps get them: through shlex, then bash."""
    command = "printf '%s\\\\n' " + " ".join(f"--tag {word}" for word in words)
    arguments = shlex.split(f'bash -c "{command}"')
    done = subprocess.run(arguments, cwd=folder, capture_output=True, text=True, check=True)
    return [line for line in done.stdout.splitlines() if line != "--tag"]


def test_whatever_is_let_through_arrives_whole(tmp_path: Path) -> None:
    (tmp_path / "xax").touch()
    characters = [chr(code) for code in range(1, 127)] + [*"éß日本😀\u0301"]
    words = [word for one in characters for word in (one, f"x{one}", f"x{one}x", f"{one}x")]
    let_through = [word for word in words if special_character(word) is None]
    assert len(let_through) > 250
    assert through_the_shell(let_through, tmp_path) == let_through


@pytest.mark.parametrize("tag", HOSTILE)
def test_a_tag_that_a_shell_would_read_is_refused_by_its_character(tag: str) -> None:
    said = refused(tags=f"plain\n{tag}x")
    assert said.startswith("tags: ")
    assert "which Metaflow's command line cannot carry" in said
    assert "The input `tags` has the tag " in said
    assert read(tags=tag, operation="list").tags == (tag,), "a filter is compared, and nothing else"


@pytest.mark.parametrize(
    ("tag", "told"),
    [
        ("pr:$(id)", "`$`, which Metaflow's command line cannot carry. Write it of letters, digits and"),
        ("pr:$(id)", "such as `pr:-id`"),
        ("it's", "`'`"),
        ("team growth", "a space"),
        ("a\tb", "a tab"),
        ("`id`", "a backtick"),
        ("x" * 501, "501 characters, and Metaflow takes 500"),
        ("\n".join(f"tag-{one}" for one in range(60)), "60 tags"),
    ],
)
def test_the_character_and_a_way_out_are_named(tag: str, told: str) -> None:
    assert told in refused(tags=tag)


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        ({"flow": "flows/my flow.py"}, "flow: The input `flow` names 'flows/my flow.py' with a space"),
        ({"flow": "a$(id).py"}, "Rename the file, to `a-id-.py`"),
        ({"with_": "kubernetes:image=it's"}, "with: "),
        ({"with_": "kubernetes:image=a\\b"}, "`\\`"),
        ({"create_options": '{"tags": ["ok", "$x"]}'}, "create-options: "),
        ({"create_options": '{"user-namespace": "a b"}'}, "the namespace 'a b' with a space"),
        ({"deployer_options": '{"decospecs": ["retry:times=\'2\'"]}'}, "deployer-options: "),
        ({"deployer_options": '{"datastore_root": "s3://b/$x"}'}, "deployer-options: "),
        ({"metaflow_config": '{"METAFLOW_DATASTORE_SYSROOT_S3": "s3://bucket/a b"}'}, "with a space"),
    ],
)
def test_what_else_metaflow_writes_unquoted_is_refused(inputs: dict[str, str], told: str) -> None:
    assert told in refused(**inputs)


def test_what_metaflow_quotes_is_taken() -> None:
    inputs = read(
        flow="my flows/train.py",
        tags="pr:7\nteam=growth\na~b#c^d\nüber😀\n50%",
        with_='kubernetes:image=r/i:1,cpu=2\nenvironment:vars={"A": "$(id)"}',
    )
    assert inputs.tags == ("pr:7", "team=growth", "a~b#c^d", "über😀", "50%")
    assert len(inputs.with_decorators) == 2


def test_what_the_action_adds_is_encoded_or_left_out() -> None:
    odd = Provenance(repository="octo-org/it's $(id)", flow="a.py", commit="c" * 40, pull_request=7)
    tags = run_tags(odd)
    assert tags == ("repository:octo-org/it%27s%20%24%28id%29", f"commit:{'c' * 40}", "pull_request:7")
    assert [special_character(tag) for tag in tags] == [None] * 3
    assert run_tags(Provenance(repository="o/" + "r" * 300, flow="a.py", commit="c")) == ("commit:c",)
