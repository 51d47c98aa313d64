"""docs/authentication.md: what people copy from it is what is tried here."""

from __future__ import annotations

import base64
import json
import os
import re
import stat
import subprocess
from pathlib import Path

import pytest
import yaml

from deployer.inputs import read_inputs
from sandbox.aws.resources import CLAIMS, ISSUER, SUBJECTS, trust_policy

ROOT = Path(__file__).resolve().parent.parent.parent
DOCUMENT = (ROOT / "docs" / "authentication.md").read_text()


def part(name: str) -> str:
    """A marked block of the document, less its fences."""
    found = re.search(rf"<!-- {name} -->\n\n```\w+\n(.*?)```\n\n<!-- /{name} -->", DOCUMENT, re.DOTALL)
    assert found, name
    return found[1]


def test_the_documented_trust_policy_is_the_one_that_is_tried() -> None:
    assert json.loads(part("trust-policy")) == trust_policy(*SUBJECTS)


def test_the_documented_conditions_on_further_claims_are_those_that_are_tried() -> None:
    documented = {name.removeprefix(f"{ISSUER}:"): value for name, value in json.loads(part("claims")).items()}
    assert documented == CLAIMS
    policy = trust_policy(*SUBJECTS, **CLAIMS)
    assert policy["Statement"][0]["Condition"]["StringEquals"].items() >= json.loads(part("claims")).items()


def test_no_documented_policy_has_a_wildcard_in_the_name_of_a_repository() -> None:
    for subject in re.findall(r'"(repo:[^"]+)"', DOCUMENT):
        assert "*" not in subject, subject


def test_the_documented_kubeconfig_of_a_pod_is_one_that_the_input_takes(tmp_path: Path) -> None:
    (tmp_path / "account").mkdir()
    (tmp_path / "account" / "token").write_text("a.b.c")
    (tmp_path / "account" / "ca.crt").write_text("CERTIFICATE\n" * 20)
    script = part("kubeconfig-of-the-pod").replace("/var/run/secrets/kubernetes.io/serviceaccount", "$ACCOUNT")
    environment = {
        "PATH": os.environ["PATH"],
        "ACCOUNT": str(tmp_path / "account"),
        "GITHUB_WORKSPACE": str(tmp_path),
        "GITHUB_ENV": str(tmp_path / "env"),
        "KUBERNETES_SERVICE_HOST": "10.0.0.1",
        "KUBERNETES_SERVICE_PORT": "443",
    }
    subprocess.run(["bash", "-euo", "pipefail", "-c", script], env=environment, check=True)
    file = tmp_path / ".kubeconfig"
    assert (tmp_path / "env").read_text() == f"KUBECONFIG={file}\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert read_inputs({"INPUT_FLOW": "a.py", "INPUT_KUBECONFIG": file.read_text()}).kubeconfig
    document = yaml.safe_load(file.read_text())
    assert document["clusters"][0]["cluster"]["server"] == "https://10.0.0.1:443"
    assert base64.b64decode(document["clusters"][0]["cluster"]["certificate-authority-data"]).startswith(b"CERT")
    assert document["users"][0]["user"]["token"] == "a.b.c"


def test_no_documented_token_outlives_an_hour() -> None:
    texts = [path.read_text() for path in [*ROOT.glob("docs/*"), *ROOT.glob("examples/*/*")] if path.is_file()]
    durations = [one for text in texts if "create token" in text for one in re.findall(r"--duration (\w+)", text)]
    assert durations
    assert set(durations) == {"1h"}


@pytest.mark.parametrize("file", ["rbac.yaml", "rbac-sensors.yaml"])
def test_the_documented_roles_stay_in_their_namespace_and_name_what_they_may_do(file: str) -> None:
    objects = list(yaml.safe_load_all((ROOT / "docs" / file).read_text()))
    assert {one["kind"] for one in objects} <= {"ServiceAccount", "Role", "RoleBinding"}, "nothing for a whole cluster"
    rules = [rule for one in objects if one["kind"] == "Role" for rule in one["rules"]]
    assert rules
    for rule in rules:
        assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]
        core = [] if rule["apiGroups"] != [""] else rule["resources"]
        assert set(core) <= {"pods"}, "no secrets, no service accounts' tokens"
        if core:
            assert rule["verbs"] == ["list"]
