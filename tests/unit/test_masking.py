"""Which values are secret, in which forms they are found, and what is left readable."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from report_samples import flow, outcome, run

from deployer.inputs import secret_inputs
from deployer.masking import (
    SecretRegistry,
    environment_secrets,
    file_secrets,
    masked_outcome,
    parameter_secrets,
)
from deployer.masking.collect import DECLARED
from deployer.masking.documents import DEEPEST_FOLLOWED, mapping_secrets, read_mapping
from deployer.outcome import Deployment, FlowDescription, FlowParameter

TOKEN = "ghs_0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0uV1wX"


def masked(text: str, *secrets: str) -> str:
    registry = SecretRegistry()
    registry.add(secrets)
    return registry.mask(text)


@pytest.mark.parametrize("secret", ["p_4*s|x<9&k@7~z!", 'pa55/wörd+"x&y=z"', "correct horse battery staple"])
@pytest.mark.parametrize("before", ["", "a", "ab", "abc", "user:"])
def test_encoded_forms(secret: str, before: str) -> None:
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        text = encode(f"{before}{secret}:more".encode()).decode()
        shown = masked(f"x {text} y", secret)
        least = len(base64.b64encode(secret.encode()).rstrip(b"=")) - 4
        assert len(shown) <= len(f"x {text} y") - least + 3, shown
    for text in (
        quote(secret, safe=""),
        quote(secret),
        json.dumps(secret),
        json.dumps(json.dumps(secret)),
        repr(secret),
    ):
        shown = masked(f"{before} {text}", secret)
        assert shown.replace('"', "").replace("'", "").replace("\\", "").endswith(f"{before} ***"), shown


def test_base64_with_broken_lines_is_found_by_its_pieces() -> None:
    text = base64.encodebytes(f"deploy:{TOKEN * 4}".encode()).decode()
    shown = masked(text, TOKEN * 4)
    assert all(len(line.replace("***", "")) < 12 for line in shown.splitlines()), shown


@pytest.mark.parametrize("most", range(8, len(TOKEN)))
def test_a_token_that_was_cut_by_somebody_else(most: int) -> None:
    for text in (f"it was {TOKEN[:most]}", f"{TOKEN[-most:]} was it", f"x{TOKEN[3 : 3 + most]}x"):
        shown = masked(text, TOKEN)
        assert not any(TOKEN[at : at + 8] in shown for at in range(len(TOKEN) - 7)), shown


def test_words_that_were_cut_with_a_mark() -> None:
    secret = "correct-horse-battery-staple"
    for most in range(6, len(secret)):
        assert masked(f"it was '{secret[:most]}…' and", secret) == "it was '***…' and"
    assert masked("a correct answer", secret) == "a correct answer"


def test_secrets_that_overlap_are_masked_whole() -> None:
    assert masked("x abcdefghijkl y", "abcdefgh", "efghijkl") == "x *** y"
    assert masked("aaaabaaaabaaaa", "aaaabaaaa") == "***"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("psql postgres://me:pw@db/x", "psql postgres://***@db/x"),
        ("https://0123456789abcdef0123@git.example.com/x", "https://***@git.example.com/x"),
        ("git+ssh://git@github.com/o/r", "git+ssh://git@github.com/o/r"),
        ("mail to me@example.com: https://example.com", "mail to me@example.com: https://example.com"),
        ("https://s3/x?X-Amz-Signature=0f&a=b", "https://s3/x?X-Amz-Signature=***&a=b"),
        ("GET /x?page=1&access_token=q HTTP", "GET /x?page=1&access_token=*** HTTP"),
        ("https://hooks.slack.com/services/T0/B0/abc", "https://hooks.slack.com/services/***"),
        ("https://discord.com/api/webhooks/1/a-b", "https://discord.com/api/webhooks/***"),
        ("Authorization: Bearer abcdef.123", "Authorization: Bearer ***"),
        ("k8s-aws-v1.aHR0cHM6Ly9zdHMuZXUtd2VzdC0x and", "*** and"),
        ("key AKIAIOSFODNN7EXAMPLE", "key ***"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nMIIEabc\nabc=\n-----END RSA PRIVATE KEY-----",
            "-----BEGIN RSA PRIVATE KEY-----***-----END RSA PRIVATE KEY-----",
        ),
        ("eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJyZXBvIn0.c2lnbmF0dXJl", "***"),
    ],
)
def test_credentials_that_are_known_by_their_form(text: str, shown: str) -> None:
    assert masked(text) == shown
    assert masked(shown) == shown, "what is masked stays as it is"


def test_the_environment() -> None:
    found = environment_secrets(
        {
            "DATABASE_URL": "postgres://deploy:pa%2Fss-word@db.example.com:5432/flows",
            "PLAIN_DATABASE_URL": "postgres://db.example.com/flows",
            "SLACK_WEBHOOK_URL": "https://chat.example.com/hook/0123456789abcdef",
            "UV_INDEX": "https://me:index-pass@pypi.example.com/simple",
            "GCP_KEY": json.dumps(
                {"type": "service_account", "private_key": "-----BEGIN\nabcdefgh12\n", "project": "x"}
            ),
            "METAFLOW_SERVICE_HEADERS": '{"x-api-key": "h3aderkey"}',
            "SHORT_TOKEN": "abc",
            "DRY_TOKEN": "true",
            "INPUT_COMMENT-KEY": "some-long-comment-key",
            "CA_KEY": __file__,
            "PATH": "/usr/bin:/bin",
            DECLARED: "NAMESPACE REGION ANSWER LICENCE",
            "NAMESPACE": "production-ml",
            "REGION": "eu-west-1",
            "ANSWER": "1",
            "LICENCE": "50% off:\nsecond line",
        }
    )
    assert {"deploy:pa%2Fss-word@", "pa/ss-word", "0123456789abcdef", "index-pass", "h3aderkey"} <= set(found.values)
    assert "50% off:\nsecond line" in found.values
    assert found.quiet == ("production-ml",)
    assert found.too_short == ("SHORT_TOKEN",)
    shown = masked(
        "db.example.com:5432 postgres://db.example.com/flows pypi.example.com/simple service_account eu-west-1 1",
        *found.values,
        *found.quiet,
    )
    assert "***" not in shown


LOGIN = base64.b64encode(b"robot:of-the-registry-Z").decode()
ACCOUNT = json.dumps({"type": "service_account", "project_id": "my-project", "private_key": "k3y-of-google"}, indent=1)
KUBECONFIG = (
    "apiVersion: v1\nkind: Config\ncontexts: [{name: production-cluster, context: {}}]\n"
    "users: [{name: ci, user: {token: kube-token-1}}]\n"
)


@pytest.mark.parametrize(
    ("document", "secrets", "words"),
    [
        (KUBECONFIG, {"kube-token-1"}, "apiVersion: v1 kind: Config production-cluster"),
        (ACCOUNT, {"k3y-of-google"}, "my-project service_account"),
        (
            json.dumps({"auths": {"registry.example.com": {"auth": LOGIN}}}),
            {LOGIN, "robot:of-the-registry-Z", "of-the-registry-Z"},
            "registry.example.com auths",
        ),
    ],
    ids=["kubeconfig", "service account", "registries"],
)
@pytest.mark.parametrize("is_base64", [False, True])
@pytest.mark.parametrize("name", ["KUBE_CONFIG_DATA", "DOCKER_AUTH_CONFIG", "GCP_SA_KEY", "SETTINGS", "CLUSTER"])
def test_documents_of_credentials_in_variables(
    name: str, is_base64: bool, document: str, secrets: set[str], words: str
) -> None:
    """By their form, whatever the variable is called; the words in them stay readable."""
    value = base64.encodebytes(document.encode()).decode() if is_base64 else document
    found = environment_secrets({name: value}).values
    assert secrets <= set(found)
    if is_base64:
        assert "".join(value.split()) in found
    assert masked(words, *found) == words


@pytest.mark.parametrize(
    "text", ['{"users": 12, "region": "eu-west-1"}', "users: [mona, hubot]", '{"private_key": null, "a": "bbbbbbbbb"}']
)
def test_other_documents_are_no_secrets(text: str) -> None:
    assert environment_secrets({"SETTINGS": text}).values == ()
    assert environment_secrets({"SETTINGS": base64.b64encode(text.encode()).decode()}).values == ()


def test_the_files_that_clients_take_credentials_from(tmp_path: Path) -> None:
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "credentials").write_text("[x]\naws_secret_access_key = aws-s3cr3t-key\nregion = eu-west-1\n")
    (tmp_path / ".metaflowconfig").mkdir()
    (tmp_path / ".metaflowconfig" / "config_p.json").write_text('{"METAFLOW_SERVICE_AUTH_KEY": "metaflow-key"}')
    (tmp_path / ".netrc").write_text("machine git.example.com login me password netrc-pass\n")
    (tmp_path / "token").write_text("mounted-token-1\n")
    user = "{token: kube-token-1, client-key-data: S0VZS0VZS0VZS0VZS0VZ, tokenFile: token}"
    (tmp_path / "one").write_text(f"users: [{{name: ci, user: {user}}}]")
    (tmp_path / "two").write_text("users: [{name: ci, user: {password: kube-pass-2}}]")
    environ = {"HOME": str(tmp_path), "KUBECONFIG": f"{tmp_path / 'one'}:{tmp_path / 'two'}:{tmp_path / 'none'}"}
    assert set(file_secrets(environ)) == {
        "aws-s3cr3t-key",
        "metaflow-key",
        "netrc-pass",
        "mounted-token-1",
        "kube-token-1",
        "kube-pass-2",
        "S0VZS0VZS0VZS0VZS0VZ",
        "KEYKEYKEYKEYKEY",
    }


@pytest.mark.parametrize(
    "encode", [str, lambda text: base64.encodebytes(text.encode()).decode()], ids=["plain", "base64"]
)
def test_a_files_content_in_the_variable_that_should_name_it(encode: Callable[[str], str], tmp_path: Path) -> None:
    kubeconfig = "kind: Config\nusers: [{name: ci, user: {token: kube-token-1}}]\n"
    key = json.dumps({"type": "service_account", "private_key": "k3y-of-google", "project_id": "my-project"})
    variables = {"KUBECONFIG": encode(kubeconfig), "GOOGLE_APPLICATION_CREDENTIALS": key}
    found = file_secrets({"HOME": str(tmp_path), **variables})
    assert {"kube-token-1", "k3y-of-google"} <= set(found)
    assert not {"my-project", "kind: Config"} & set(found)


@pytest.mark.parametrize("levels", [150, 300, 900, 5000])
def test_a_document_is_followed_as_deep_as_python_can(levels: int) -> None:
    text = '{"a":' * (levels - 1) + '{"password": "of-the-depth"}' + "}" * (levels - 1)
    assert mapping_secrets(text) == (("of-the-depth",) if levels < DEEPEST_FOLLOWED else ())
    assert (read_mapping(text) is None) == (levels > DEEPEST_FOLLOWED)


def test_variables_that_are_given_to_steps() -> None:
    decorators = 'retry:times=2\nenvironment:vars={"DB_PASSWORD": "of-the-database", "STAGE": "production-ml"}'
    found = secret_inputs({"INPUT_WITH": f"kubernetes:secrets=name-of-a-secret,cpu=2\n{decorators}"})
    assert found == ("of-the-database",)


def test_parameters() -> None:
    given = {"api_key": "key-of-the-api", "country": "Germany and France", "n": 3, "conf": {"password": "p-of-conf"}}
    assert parameter_secrets(given, hide_all=False) == ("key-of-the-api", "p-of-conf")
    assert set(parameter_secrets(given, hide_all=True)) > {"key-of-the-api", "Germany and France", "p-of-conf"}


@pytest.mark.parametrize(
    "text",
    [
        '{"db": {"password": "of-the-database"}, "stage": "production-ml"}',
        "db:\n  password: of-the-database\nstage: production-ml\n",
        'stage = "production-ml"\n[db]\npassword = "of-the-database"\n',
    ],
)
def test_a_text_that_is_a_document_itself(text: str) -> None:
    """What the parser of a Config reads (`{value: …}`), and what a Parameter of JSON is given as."""
    assert secret_inputs({"INPUT_CONFIG": json.dumps({"settings": {"value": text}})}) == ("of-the-database",)
    assert parameter_secrets({"settings": text}, hide_all=False) == ("of-the-database",)


@pytest.mark.parametrize(
    "text", ["token = 0x" + "f" * 6000, "[" * 9000 + ":", "a=" + "[" * 9000, "a." * 5000 + "b=1", "a: &a [*a]"]
)
def test_a_text_that_is_no_document_is_left(text: str) -> None:
    assert parameter_secrets({"settings": text}, hide_all=False) == ()


def test_the_outcome_is_masked_but_not_its_identifiers() -> None:
    registry = SecretRegistry()
    registry.add(["trainflow", "prod-data", TOKEN, "hidden-value"])
    deployment = Deployment(
        id="recsys.prod.trainflow",
        orchestrator="argo-workflows",
        flow_name="TrainFlow",
        namespace="prod-data",
        url=f"https://me:{TOKEN}@argo.example.com",
        problems=("trainflow is not recsys.prod.trainflow", f"with {TOKEN}"),
    )
    description = FlowDescription(name="T", parameters=(FlowParameter(name="db_password", type="str", default="x"),))
    triggered = run(parameters={"api_key": "ab", "alpha": "0.1", "beta": "hidden-value"})
    made = outcome(flow(deployment=deployment, description=description, run=triggered))
    shown = masked_outcome(made, registry).flows[0]
    assert shown.deployment is not None
    assert (shown.deployment.id, shown.deployment.namespace) == ("recsys.prod.trainflow", "prod-data")
    assert shown.deployment.url == "https://***@argo.example.com"
    assert shown.deployment.problems == ("*** is not recsys.prod.trainflow", "with ***")
    assert shown.run is not None
    assert shown.run.parameters == {"api_key": "***", "alpha": "0.1", "beta": "***"}
    assert shown.description is not None
    assert shown.description.parameters[0].default == "***"
    hidden = masked_outcome(made, registry, hide_parameters=True).flows[0]
    assert hidden.run is not None
    assert set(hidden.run.parameters.values()) == {"***"}
    assert shown.status is made.flows[0].status
