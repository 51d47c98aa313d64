"""What is secret stays secret, through the whole action: no credential in the log, outputs, summary or comment."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from urllib.parse import quote

import pytest

from sandbox.runner import JobEvent, JobResult, Runner, merged_pull_request, push
from sandbox.world import World

SHA = "5e" * 20
PUSH = JobEvent(name="push", payload=push(before="1" * 40, after=SHA), sha=SHA)
PIECE = 8
"""Characters of a secret that no channel may show."""
RAISING = """
import base64, json, os, urllib.parse

from metaflow import FlowSpec, step

secret = os.environ["VAULT_PASSPHRASE"]
{statement}


class RaisingFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    RaisingFlow()
"""


def run(runner: Runner, workspace: Path, event: JobEvent = PUSH, **inputs: str) -> JobResult:
    given = {"flow": "flows/raising.py", "orchestrator": "step-functions", "comment": "off", **inputs}
    named = {name.replace("_", "-"): value for name, value in given.items()}
    return runner.run(event, {name: value for name, value in named.items() if value}, workspace=workspace)


def flow(workspace: Path, statement: str) -> None:
    (workspace / "flows" / "raising.py").write_text(RAISING.format(statement=statement))


def shown(result: JobResult, *more: str) -> dict[str, str]:
    """All that the job wrote, as it was written; of the log what is no order to mask."""
    log = [line for line in result.log.splitlines() if not line.startswith("::add-mask::")]
    return {
        "log": "\n".join(log),
        "outputs": json.dumps(result.outputs, ensure_ascii=False),
        "summary": result.summary,
        **{f"comment {number}": text for number, text in enumerate(more)},
    }


def seen(written: str) -> str:
    """What a reader sees of it: escapes taken back, of Markdown, HTML, JSON and workflow commands."""
    import html

    text = html.unescape(written.replace("\u200b", ""))
    for escaped, plain in (("%0A", "\n"), ("%0D", "\r"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(escaped, plain)
    return re.sub(r"\\(.)", r"\1", text)


def assert_nowhere(secret: str, channels: dict[str, str], piece: int = PIECE) -> None:
    pieces = {secret[at : at + piece] for at in range(max(1, len(secret) - piece + 1))}
    for channel, written in channels.items():
        for text in (written, seen(written)):
            found = sorted(one for one in pieces if one in text)
            assert not found, f"{found[:3]} of {secret!r} in the {channel}: {text}"


@pytest.mark.parametrize("secret", ["p_4*s|x<9&k@7~z!", '$w0rd\\of"it`s#', "50%25-percent%0A", "a_b_c_d_e_f_1_2_3"])
def test_a_secret_with_special_characters_in_an_exception_of_a_flow(
    secret: str, runner: Runner, workspace: Path, world: World
) -> None:
    runner.environment["VAULT_PASSPHRASE"] = secret
    flow(workspace, "raise ValueError('cannot open the vault with ' + secret)")
    world.github.add_pull_request(number=7301, title="A change", merged=True, merge_commit_sha=SHA)
    payload = merged_pull_request(7301, "A change", sha=SHA)
    event = JobEvent(name="pull_request", payload=payload, sha=SHA, ref="refs/pull/7301/merge")
    result = run(runner, workspace, event, comment="new")
    assert result.outputs["failure-reason"] == "flow-import", result.log
    assert "cannot open the vault with" in result.summary
    comments = [str(one["body"]) for one in world.github.comments(7301)]
    assert comments
    assert_nowhere(secret, shown(result, *comments))


def test_the_encoded_forms_of_a_secret_are_masked(runner: Runner, workspace: Path) -> None:
    secret = 'pa55/wörd+"x&y=z"'
    runner.environment["VAULT_PASSPHRASE"] = secret
    flow(
        workspace,
        "for head in ('', 'a', 'ab'):\n"
        "    print('b64', base64.b64encode((head + secret + ':tail').encode()).decode())\n"
        "    print('url64', base64.urlsafe_b64encode((head + secret).encode()).decode())\n"
        "print(urllib.parse.quote(secret, safe=''), urllib.parse.quote_plus(secret), json.dumps(secret))\n"
        "print(json.dumps({'inner': json.dumps(secret)}))\n"
        "raise ValueError('x')",
    )
    result = run(runner, workspace)
    for head in ("", "a", "ab"):
        text = base64.b64encode((head + secret).encode()).decode()
        assert_nowhere(text[4:-4], shown(result), 12)
        assert_nowhere(text[4:-4].replace("+", "-").replace("/", "_"), shown(result), 12)
    for form in (quote(secret, safe=""), json.dumps(secret)[1:-1], secret):
        assert_nowhere(form, shown(result))


@pytest.mark.parametrize("length", range(3985, 4003, 3))
def test_a_token_that_a_cut_divides(length: int, runner: Runner, workspace: Path) -> None:
    """A line of the log is cut at 4000 characters, an annotation at 4096 bytes, an excerpt's line at 500."""
    runner.token = "ghs_0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0uV1wX"
    runner.environment["VAULT_PASSPHRASE"] = runner.token
    flow(
        workspace,
        f"print('x' * {length} + secret + 'y' * 50)\n"
        f"raise ValueError('y' * {length - 3500} + ' ' + secret + ' ' + 'z' * {length})",
    )
    assert_nowhere(runner.token, shown(run(runner, workspace)))


def test_a_key_of_several_lines_is_masked_line_by_line(runner: Runner, workspace: Path) -> None:
    body = [base64.b64encode(bytes((7 * line + at) % 251 for at in range(48))).decode() for line in range(6)]
    key = "\n".join(["-----BEGIN PRIVATE KEY-----", *body, "-----END PRIVATE KEY-----", ""])
    runner.environment["VAULT_PASSPHRASE"] = key
    flow(workspace, "print(secret)\nprint(json.dumps({'key': secret}))\nraise ValueError(secret)")
    result = run(runner, workspace)
    assert result.outputs["failure-reason"] == "flow-import", result.log
    for line in body:
        assert_nowhere(line, shown(result))


@pytest.mark.parametrize(
    "name",
    [
        "SLACK_WEBHOOK_URL",
        "GH_PAT",
        "PGPASSWORD",
        "SENTRY_DSN",
        "SIGNING_PASSPHRASE",
        "AWS_ACCESS_KEY_ID",
        "CONNECTION_STRING",
        "STRIPE_API_KEY",
        "MY_SECRET_2",
        "DB_PASS",
        "DEPLOY_TOKEN",
    ],
)
def test_a_variable_whose_name_says_that_it_is_secret(name: str, runner: Runner, workspace: Path) -> None:
    secret = "zq81-kfu7-vn3t-wp52"
    runner.environment["VAULT_PASSPHRASE"] = "of-another-vault-1"
    runner.environment[name] = secret
    flow(workspace, f"print(os.environ[{name!r}])\nraise ValueError(os.environ[{name!r}])")
    assert_nowhere(secret, shown(run(runner, workspace, orchestrator="argo-workflows")))


@pytest.mark.parametrize(
    ("name", "url", "parts", "open_parts"),
    [
        ("DATABASE_URL", "postgres://deploy:hunter2x@db.example.com:5432/flows", ["hunter2x"], ["db.example.com"]),
        ("PLACE_OF_DATA", "https://svc-user:k3ym4ster@data.example.com/x", ["k3ym4ster"], ["data.example.com/x"]),
        (
            "NOTIFY",
            "https://hooks.slack.com/services/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",
            ["T0AB12CD3", "B0EF45GH6", "iJ7kL8mN9oP0qR1sT2uV3wX4"],
            ["hooks.slack.com"],
        ),
        ("PLAIN_ADDRESS", "https://api.example.com/v1?page=2&token=q9w8e7r6", ["q9w8e7r6"], ["page=2"]),
    ],
)
def test_the_secret_parts_of_a_url(
    name: str, url: str, parts: list[str], open_parts: list[str], runner: Runner, workspace: Path
) -> None:
    runner.environment["VAULT_PASSPHRASE"] = "of-another-vault-1"
    runner.environment[name] = url
    flow(workspace, f"print('it is at', os.environ[{name!r}])\nraise ValueError(os.environ[{name!r}])")
    result = run(runner, workspace)
    for part in parts:
        assert_nowhere(part, shown(result))
    for part in open_parts:
        assert part in result.log, "what is no secret is shown"


PARAMETRIZED = """
from metaflow import FlowSpec, Parameter, step


class ParametrizedFlow(FlowSpec):
    api_key = Parameter("api_key", default="a-default-key")
    country = Parameter("country", default="Norway")

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ParametrizedFlow()
"""


@pytest.mark.parametrize("hidden", ["false", "true"])
def test_the_values_of_parameters(hidden: str, runner: Runner, workspace: Path) -> None:
    (workspace / "flows" / "raising.py").write_text(PARAMETRIZED)
    given = {"api_key": "k3y", "country": "Liechtenstein"}
    result = run(runner, workspace, parameters=json.dumps(given), trigger="true", wait="none", mask_parameters=hidden)
    assert result.exit_code == 0, result.log
    shown_country = "Liechtenstein" if hidden == "false" else "***"
    assert result.deployments[0]["run_parameters"] == {"api_key": "***", "country": shown_country}
    written = "".join(shown(result).values())
    assert "k3y" not in written
    assert "a-default-key" not in written
    assert ("Liechtenstein" in written) == (hidden == "false")
    assert ("Norway" in written) == (hidden == "false")


JSON_PARAMETER = """
from metaflow import FlowSpec, JSONType, Parameter, step


class JsonFlow(FlowSpec):
    settings = Parameter("settings", type=JSONType, default="{}")

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    JsonFlow()
"""


@pytest.mark.parametrize("as_text", [False, True])
def test_a_secret_within_the_value_of_a_parameter(as_text: bool, runner: Runner, workspace: Path) -> None:
    (workspace / "flows" / "raising.py").write_text(JSON_PARAMETER)
    secret = "Zx9Kq2Lm8Pw4Rt7Y"
    value = {"db": {"password": secret}, "country": "Liechtenstein"}
    given = {"settings": json.dumps(value) if as_text else value}
    result = run(runner, workspace, parameters=json.dumps(given), trigger="true", wait="none")
    assert result.exit_code == 0, result.log
    assert "Liechtenstein" in result.summary
    assert_nowhere(secret, shown(result))


def test_what_the_workflows_secret_env_holds(runner: Runner, workspace: Path) -> None:
    secret = "line of 50% and\nmore of it"
    runner.environment |= {
        "METAFLOW_DEPLOY_SECRET_VARIABLES": "VAULT_PASSPHRASE LICENCE WORD PLACE",
        "VAULT_PASSPHRASE": "of-another-vault-1",
        "LICENCE": secret,
        "WORD": "1",
        "PLACE": "eu-west-1",
    }
    flow(workspace, "print(os.environ['LICENCE'], '1 and eu-west-1')\nraise ValueError(os.environ['LICENCE'])")
    result = run(runner, workspace)
    for line in secret.splitlines():
        assert_nowhere(line, shown(result))
    assert "1 and eu-west-1" in result.log
    assert "::add-mask::line of 50%25 and" in result.log
