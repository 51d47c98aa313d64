"""Inputs: what is read, and what is told about what cannot be read."""

import base64
import json
import random
import string
from pathlib import Path

import pytest

from deployer.inputs import (
    CommentMode,
    ConfigPath,
    ConfigValue,
    InputErrors,
    Inputs,
    OnTimeout,
    OperationName,
    Wait,
    config_options,
    input_names,
    read_inputs,
    secret_inputs,
    unknown_inputs,
)


def environ(**inputs: str) -> dict[str, str]:
    return {
        f"INPUT_{name.rstrip('_').replace('_', '-').upper()}": value
        for name, value in {"flow": "flow.py", **inputs}.items()
    }


def read(**inputs: str) -> Inputs:
    return read_inputs(environ(**inputs))


def mistakes(**inputs: str) -> dict[str, str]:
    with pytest.raises(InputErrors) as caught:
        read(**inputs)
    return {str(failure.input): f"{failure.message} {failure.advice}" for failure in caught.value.failures}


def test_the_defaults_are_those_of_a_cautious_deployment() -> None:
    inputs = read()
    assert inputs.orchestrator == "argo-workflows"
    assert inputs.operation is OperationName.AUTO
    assert inputs.trigger is False
    assert inputs.wait is None
    assert inputs.on_timeout is OnTimeout.LEAVE
    assert (inputs.wait_timeout, inputs.poll_interval, inputs.deploy_timeout) == (3600, 10, 600)
    assert inputs.production is None
    assert inputs.comment is CommentMode.UPDATE
    assert inputs.given == {"flow"}


def test_a_list_of_flows_is_read_line_by_line() -> None:
    assert read(flow="\n a.py \n\n# not this\nb c/d.py\n").flows == ("a.py", "b c/d.py")


def test_a_shells_spelling_of_an_input_is_read_too() -> None:
    assert read_inputs({"INPUT_FLOW": "a.py", "INPUT_WAIT_TIMEOUT": "5m"}).wait_timeout == 300


@pytest.mark.parametrize(
    ("written", "seconds"), [("90s", 90), ("1h30m", 5400), ("1.5h", 5400), ("2 m", 120), ("250ms", 0.25), ("1d", 86400)]
)
def test_durations_have_units(written: str, seconds: float) -> None:
    assert read(wait_timeout=written).wait_timeout == seconds


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("wait_timeout", "60", "write `60s`"),
        ("wait_timeout", "0s", "above zero"),
        ("wait_timeout", "-5m", "is no duration"),
        ("wait_timeout", "10 minutes", "Write `10m`"),
        ("wait_timeout", "1hour", "Write `1h`"),
        ("deploy_timeout", "9999999d", "more than a year"),
        ("poll_interval", "soon", "`90s`"),
        ("workflow_timeout", "3600", "write `3600s`"),
        ("workflow_timeout", "500ms", "`1s` or more"),
        ("trigger", "yes", "Write `true`"),
        ("trigger", "nope", "Write `false`"),
        ("trigger", "ture", "Write `true`"),
        ("trigger", "flase", "Write `false`"),
        ("trigger", "tRuE", "Write `true`"),
        ("production", "maybe", "`auto`, `true` or `false`"),
        ("max_workers", "0", "whole number above zero"),
        ("max_workers", "1.5", "whole number above zero"),
        ("max_workers", "many", "whole number above zero"),
        ("orchestrator", "argo_workflows", "`argo-workflows`"),
        ("orchestrator", "Step Functions", "`step-functions`"),
        ("orchestrator", "!", "`argo-workflows`"),
        ("operation", "deply", "`deploy` is the nearest"),
        ("operation", "Deploy", "`deploy` is the nearest"),
        ("wait", "finished", "none, started, completed"),
        ("on_timeout", "kill", "leave, terminate"),
        ("comment", "always", "update, new, failures, off"),
        ("project_branch", "feature/X-1", "`feature_x_1`"),
        ("project_branch", "--", "`test_1`"),
        ("metaflow_user", "root", "such as `ci`"),
        ("metaflow_user", "Mona Lisa", "'Mona-Lisa'"),
        ("metaflow_profile", "../prod", "the profile's name alone"),
        ("deployment_name", "a\nb", "one value on one line"),
        ("deployment_id", "arn:aws:states:eu-west-1:1:stateMachine:Train", "`Train`"),
        ("run_id", "argo-x y", "no run's id"),
        ("run_id", "a/b/c", "FlowName/run-id"),
        ("include", "a*\n**", "takes every deployment"),
        ("include", "a*\n?*", "takes every deployment"),
        ("exclude", "*", "Leave that line out"),
        ("older_than", "90", "write `90s`"),
        ("max_deletions", "0", "whole number above zero"),
        ("dry_run", "no", "Write `false`"),
        ("flow", "- a.py\n- b.py", "without a dash: `a.py`"),
        ("flow", '["a.py", "b.py"]', "a JSON list"),
        ("flow", "a.py\n./a.py", "twice"),
        ("tags", "- nightly", "without a dash"),
        ("deploy_branches", "main release", "one pattern a line"),
        ("deploy_branches", "refs/heads/main", "`main`"),
        ("deploy_branches", "!main", "which branches deploy"),
        ("deploy_branches", "v[9-0]", "cannot be read"),
        ("parameters", "- a", "is a list, not a mapping"),
        ("create_options", "- a", "is a list, not a mapping"),
        ("create_options", "just text", "is text, not a mapping"),
        ("create_options", "a: [1", "in line 1, column"),
        ("create_options", "a: 1\n\tb: 2", "in line 2, column 1"),
        ("create_options", "a: 1\na: 2", "written twice"),
        ("create_options", '{"a": 1, "a": 2}', "written twice"),
        ("create_options", "a: !!python/object:os.system x", "in line 1, column 4"),
        ("create_options", "a: !!binary aGk=", "JSON does not know"),
        ("create_options", "a: .inf", "in quotes"),
        ("create_options", "a: &x {b: *x}", "cannot be read"),
        ("create_options", "only-json: true", "Leave `only_json` out"),
        ("deployer_options", "branch: x", "the input `project-branch`"),
        ("deployer_options", "production: true", "the input `production`"),
        ("deployer_options", "config: {a: /proc/self/environ}", "the input `config`"),
        ("deployer_options", "local-config-file: ../a.json", "the input `config`"),
        ("config", "a: 1", "`name: path/to/file`"),
        ("config", "a: [1]", "`name: {key: value}`"),
        ("config", "a:", "gives nothing for 'a'"),
        ("config", "a: ''", "an empty path"),
        ("config", "a: '{\"b\": 1}'", '`a: {value: "…"}`'),
        ("config", "a: |\n  b = 1\n  c = 2", '`a: {value: "…"}`'),
        ("config", "a: {value: kv.b}", "Begin the text with a space"),
        ("metaflow_config", "{", "in line 1, column 2"),
        ("metaflow_config", "[]", "no object"),
        ("metaflow_config", "eyJNRVRBRkxPV19VU0VSIjogIngifQ==", "Decode it"),
        ("metaflow_config", "[" * 100_000, "nested more than 100 levels"),
        ("metaflow_config", '{"A": "\\ud83d"}', "half of a surrogate pair"),
        ("metaflow_config", '{"A": 1, "A": 2}', "written twice"),
        ("kubeconfig", "~/.kube/config", "a path"),
        ("kubeconfig", "YXBpVmVyc2lvbjogdjEKY2x1c3RlcnM6IFtdCg==", "has no `contexts`"),
        ("kubeconfig", "bm8gbWFwcGluZyBhdCBhbGwK", "is base64 of a text that"),
        ("aws-region", "eu-west-1b", "Write the region, `eu-west-1`"),
        ("aws-region", "Ireland", "no AWS region"),
        ("aws-role-to-assume", "role/deployer", "`arn:aws:iam::123456789012:role/deployer`"),
        ("aws-role-to-assume", "arn:aws:iam::123456789012:user/mona", "no role's ARN"),
        ("eks-cluster", "arn:aws:eks:eu-west-1:123456789012:cluster/prod", "Write `prod`"),
        ("eks-cluster", "my cluster", "no EKS cluster's name"),
        ("kubeconfig", "apiVersion: v1\nkind: Config\n", "has no `clusters`"),
        ("kubeconfig", "clusters: []\ncontexts: [{name: prod}]", "one of prod"),
        ("kubeconfig", "clusters: []\ncontexts: [{name: prod}]\ncurrent-context: dev", "'dev', which it lacks"),
        ("comment_key", "\udcff", "no UTF-8"),
    ],
)
def test_a_mistake_names_its_input_and_what_to_write(name: str, value: str, told: str) -> None:
    kebab = name.replace("_", "-")
    said = mistakes(**{name: value})
    assert list(said) == [kebab]
    assert f"`{kebab}`" in said[kebab]
    assert told.lower() in said[kebab].lower()


def test_all_mistakes_are_told_at_once() -> None:
    said = mistakes(wait_timeout="60", trigger="ja", comment="loud", deployment_name="x", flow="a.py\nb.py")
    assert set(said) == {"wait-timeout", "trigger", "comment", "deployment-name"}


def test_mistakes_in_paths_are_told_with_the_others(tmp_path: Path) -> None:
    with pytest.raises(InputErrors) as caught:
        read_inputs(environ(wait_timeout="60", flow="missing.py"), tmp_path)
    assert [failure.input for failure in caught.value.failures] == ["wait-timeout", "flow"]
    assert read_inputs(environ(flow="missing.py"), tmp_path).flows == ("missing.py",), "a skipped job needs no flow"


def test_what_was_pasted_into_the_wrong_input_is_not_repeated_whole() -> None:
    assert len(mistakes(orchestrator="x y" * 5000)["orchestrator"]) < 400


@pytest.mark.parametrize("name", ["metaflow_config", "kubeconfig"])
def test_what_is_secret_is_not_repeated_in_a_mistake(name: str) -> None:
    text = "{'password': 'hunter2hunter2', x"
    assert "hunter2" not in mistakes(**{name: text})[name.replace("_", "-")]


def test_what_makes_no_sense_without_a_run_is_refused() -> None:
    assert "no run is triggered" in mistakes(wait="completed")["wait"]
    assert "no run is triggered" in mistakes(parameters="a: 1")["parameters"]
    assert read(wait="completed", trigger="true").wait is Wait.COMPLETED
    assert read(parameters="a: 1", operation="trigger").parameters == {"a": 1}


def test_a_wait_that_is_refused_says_so_though_other_inputs_cannot_be_read() -> None:
    assert set(mistakes(wait="completed", poll_interval="1")) == {"wait", "poll-interval"}


def test_a_comment_asked_for_needs_a_token() -> None:
    assert "comment: off" in mistakes(comment="new")["github-token"]
    assert read(comment="new", github_token="ghs_0123456789").comment is CommentMode.NEW
    assert read(comment="update").github_token is None


def test_an_option_is_given_in_one_place() -> None:
    assert "`max-workers`" in mistakes(max_workers="5", create_options="max-workers: 6")["create-options"]
    assert "`with`" in mistakes(with_="retry", deployer_options="decospecs: [retry]")["deployer-options"]
    assert read(create_options="max_workers: 6").create_options == {"max_workers": 6}


def test_a_flow_has_to_be_given_but_for_what_is_found_by_its_identifier() -> None:
    assert "was not given" in mistakes(flow="")["flow"]
    assert "as `deployment-id`" in mistakes(flow="", operation="trigger", deployment_name="helloflow")["flow"]
    assert read(flow="", operation="trigger", deployment_id="helloflow").flows == ()
    assert "a flow was given too" in mistakes(operation="trigger", deployment_id="helloflow")["deployment-id"]
    assert set(mistakes(flow="", operation="trigger", deployment_id="a\nb")) == {"deployment-id"}, "it was given"


@pytest.mark.parametrize(
    ("operation", "needed"),
    [
        ("list", set()),
        ("cleanup", set()),
        ("status", {"deployment-id"}),
        ("delete", {"deployment-id"}),
        ("production-token", {"deployment-id"}),
        ("terminate", {"deployment-id", "run-id"}),
        ("suspend", {"deployment-id", "run-id"}),
        ("unsuspend", {"deployment-id", "run-id"}),
    ],
)
def test_what_an_operation_without_a_flow_needs_is_told(operation: str, needed: set[str]) -> None:
    given = {"flow": "", "operation": operation}
    if needed:
        said = mistakes(**given)
        assert set(said) == needed
        assert all(f"`operation: {operation}` needs" in text for text in said.values())
    inputs = read(**given, deployment_id="recsys.prod.train", run_id="TrainFlow/argo-recsys.prod.train-x7k2p")
    assert inputs.run_id == "TrainFlow/argo-recsys.prod.train-x7k2p"


def test_a_cleanup_is_cautious_by_default() -> None:
    inputs = read(flow="", operation="cleanup")
    assert (inputs.dry_run, inputs.removed, inputs.max_deletions) == (True, False, 20)
    assert inputs.older_than == 90 * 86400


def test_one_name_cannot_be_given_to_several_flows() -> None:
    assert "several flows" in mistakes(flow="a.py\nb.py", deployment_name="x")["deployment-name"]


@pytest.mark.parametrize(
    ("written", "value"),
    [("no", "no"), ("on", "on"), ("2026-01-01", "2026-01-01"), ("010", "010"), ("1:30", "1:30"), ("0x10", "0x10"),
     ("true", True), ("10", 10), ("1e3", 1000.0), ("~", None), ("[1, two]", [1, "two"])],
)  # fmt: skip
def test_parameters_are_yaml_as_people_mean_it(written: str, value: object) -> None:
    assert read(trigger="true", parameters=f"key: {written}").parameters == {"key": value}


def test_a_block_may_be_indented_and_have_windows_lines() -> None:
    assert read(create_options="\r\n    a: 1\r\n    b: {c: 2}\r\n").create_options == {"a": 1, "b": {"c": 2}}
    assert read(flow="a.py\r\nb.py\r\n").flows == ("a.py", "b.py")


def test_tags_may_start_with_a_number_sign_and_other_lists_have_comments() -> None:
    inputs = read(with_="# why\nretry:times=2", deploy_branches="# all of them\n**")
    assert (inputs.with_decorators, inputs.deploy_branches) == (("retry:times=2",), ("**",))
    assert read(tags="#1\nnightly", operation="list").tags == ("#1", "nightly")
    assert "'#1' with `#`" in mistakes(tags="#1\nnightly")["tags"], "the rest of Metaflow's command would be a comment"


def test_a_config_is_a_path_or_a_value_or_text_for_its_own_parser() -> None:
    given = 'train-set: conf/a.json\nmodel: {lr: 0.1, layers: [1, 2]}\nRaw: {value: "d = 2"}\n'
    assert read(config=given).config == {
        "train-set": ConfigPath("conf/a.json"),
        "model": ConfigValue('{"lr": 0.1, "layers": [1, 2]}'),
        "Raw": ConfigValue("d = 2"),
    }


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("a: {value: 3}", '{"value": 3}'),
        ("a: {value: x, unit: m}", '{"value": "x", "unit": "m"}'),
        ("a: {}", "{}"),
        ("a: {value: ''}", ""),
        ("""a: {value: '{"value": "x"}'}""", '{"value": "x"}'),
        ("a: {zip: 010, country: no}", '{"zip": "010", "country": "no"}'),
    ],
)
def test_only_value_alone_with_text_is_text_for_the_parser(given: str, text: str) -> None:
    assert read(config=given).config == {"a": ConfigValue(text)}


def test_configs_become_the_options_of_metaflows_command_line() -> None:
    given = read(config="a: a.json\nb: {c: 1}\nd: {value: e}\nf: f.toml").config
    assert config_options(given) == {
        "config": [["a", "a.json"], ["f", "f.toml"]],
        "config_value": [["b", '{"c": 1}'], ["d", "e"]],
    }
    assert config_options({}) == {}


def test_who_gives_config_value_is_told_to_write_config() -> None:
    given = environ(config_value="a: {b: 1}")
    with pytest.raises(InputErrors) as caught:
        read_inputs(given)
    (failure,) = caught.value.failures
    assert failure.input == "config"
    assert "`config-value`" in failure.message
    assert "into `config`" in failure.advice
    assert unknown_inputs(given) == (), "it is said once"


def test_what_equals_the_default_was_not_given() -> None:
    """GitHub hands over defaults as if they had been written."""
    everything = {f"INPUT_{name.upper()}": default for name, default in input_names().items()}
    assert read_inputs({**everything, "INPUT_FLOW": "a.py", "INPUT_GITHUB-TOKEN": "ghs_0123456789"}).given == {"flow"}


def test_parameters_may_be_json() -> None:
    assert read(trigger="true", parameters='{"a": {"b": [1, 2.5, null, true]}}').parameters == {
        "a": {"b": [1, 2.5, None, True]}
    }


def test_garbage_in_any_input_is_a_mistake_and_never_a_crash(tmp_path: Path) -> None:
    random.seed(7)
    alphabet = string.printable + "é\u2028\udc80{}[]:,&*!|>'\"%@`"
    for name in input_names():
        for _ in range(40):
            text = "".join(random.choice(alphabet) for _ in range(random.randrange(1, 40)))
            given = {"INPUT_FLOW": "a.py", f"INPUT_{name.upper()}": text}
            secret_inputs(given)
            try:
                read_inputs(given, tmp_path)
            except InputErrors as errors:
                assert all(failure.input for failure in errors.failures)  # noqa: PT017  # either outcome is right


KUBECONFIG = """
current-context: prod
contexts: [{name: prod, context: {user: ci}}]
clusters: [{name: prod, cluster: {server: "https://api.example.com", certificate-authority-data: "Q0VSVElGSUNBVEU="}}]
users:
- name: ci
  user:
    token: abcdefgh12345678
    client-key-data: "S0VZS0VZS0VZ"
    exec: {env: [{name: AWS_SECRET_ACCESS_KEY, value: aws-secret-123}, {name: AWS_PROFILE, value: production-eu}]}
"""


METAFLOW_CONFIG = {
    "METAFLOW_SERVICE_AUTH_KEY": "s3cr3tkey",
    "METAFLOW_SERVICE_HEADERS": {"x-api-key": "h3aderkey"},
    "METAFLOW_AWS_SECRETS_MANAGER_DEFAULT_REGION": "eu-central-1",
    "METAFLOW_KUBERNETES_SECRETS": "team-secrets",
    "METAFLOW_DEFAULT_SECRETS_ROLE": "arn:aws:iam::123456789012:role/x",
}


def test_secrets_are_found_and_never_shown() -> None:
    given = environ(
        kubeconfig=KUBECONFIG,
        github_token="ghs_0123456789",
        metaflow_config=json.dumps(METAFLOW_CONFIG),
        create_options="notify_slack_webhook_url: https://hooks.example.com/T0/B0\nnotify_on_error: true",
        authorize="production:prod-abcd-0",
    )
    found = secret_inputs(given)
    assert set(found) == {
        "ghs_0123456789",
        "abcdefgh12345678",
        "S0VZS0VZS0VZ",
        "aws-secret-123",
        "s3cr3tkey",
        "h3aderkey",
        "https://hooks.example.com/T0/B0",
    }
    assert all(secret not in repr(read_inputs(given)) for secret in found)


@pytest.mark.parametrize("width", [0, 76])
def test_a_kubeconfig_may_be_base64(width: int) -> None:
    text = base64.b64encode(KUBECONFIG.encode()).decode()
    lines = [text] if not width else [text[start : start + width] for start in range(0, len(text), width)]
    given = environ(kubeconfig="\n".join(lines) + "\n")
    assert read_inputs(given).kubeconfig == KUBECONFIG
    found = secret_inputs(given)
    assert {"abcdefgh12345678", "S0VZS0VZS0VZ", "aws-secret-123"} <= set(found), "what it holds is masked"
    assert {text, "\n".join(lines)} <= set(found), "and so is the base64 itself"


def test_a_cluster_is_named_once() -> None:
    with pytest.raises(InputErrors) as raised:
        read(kubeconfig=KUBECONFIG, eks_cluster="prod")
    (failure,) = raised.value.failures
    assert failure.input == "eks-cluster"
    assert "`kubeconfig` too" in failure.message


@pytest.mark.parametrize("region", ["eu-west-1", "us-gov-west-1", "ap-southeast-4", "us-iso-east-1", "eusc-de-east-1"])
@pytest.mark.parametrize("partition", ["aws", "aws-us-gov", "aws-cn"])
def test_every_partition_has_regions_and_roles(region: str, partition: str) -> None:
    role = f"arn:{partition}:iam::123456789012:role/ci/metaflow+deploy@team"
    given = read(aws_region=region, aws_role_to_assume=role, eks_cluster="prod_1-a")
    assert (given.aws_region, given.aws_role_to_assume, given.eks_cluster) == (region, role, "prod_1-a")


def test_what_outputs_hold_is_no_secret() -> None:
    """The runner drops an output in which a masked value stands."""
    given = environ(metaflow_config='{"METAFLOW_AWS_SECRETS_MANAGER_DEFAULT_REGION": "us-west-2"}', authorize="token-0")
    assert secret_inputs(given) == ()
    assert secret_inputs(environ(kubeconfig="users: [{name: ci, user: {password: train}}]")) == (), "a word of flows"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("kubeconfig", "users: [\n  token: abcdefgh12345678\n"),
        ("kubeconfig", '{"users": [{"user": {"token": "abcdefgh12345678"}}]}'),
        ("metaflow_config", '{"METAFLOW_SERVICE_AUTH_KEY": "abcdefgh12345678"}'),
        ("metaflow_config", '{"METAFLOW_SERVICE_HEADERS": "{\\"x-api-key\\": \\"abcdefgh12345678\\"}"}'),
    ],
)
def test_secrets_are_found_in_what_is_refused_too(name: str, text: str) -> None:
    assert secret_inputs(environ(**{name: text, "trigger": "maybe"})) == ("abcdefgh12345678",)


def test_an_unknown_input_is_told_with_the_nearest_known() -> None:
    assert unknown_inputs({"INPUT_FLOWS": "a.py", "INPUT_FLOW": "a.py"}) == (
        "The action has no input `flows`. Did you mean `flow`?",
    )
