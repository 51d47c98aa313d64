"""Connections on which credentials can be read: each is named, what stays on the machine is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deployer.inputs import insecure_connections, read_inputs

SERVER = "https://api.example.com"


def kubeconfig(server: str = SERVER, **cluster: object) -> str:
    return json.dumps(
        {
            "current-context": "prod",
            "contexts": [{"name": "prod", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": server, **cluster}}, {"name": "other", "cluster": {}}],
            "users": [{"name": "u", "user": {"token": "t"}}],
        }
    )


def warnings(environ: dict[str, str] | None = None, **inputs: str) -> tuple[str, ...]:
    given = {"flow": "flow.py", **inputs}
    named = {f"INPUT_{name.replace('_', '-').upper()}": value for name, value in given.items()}
    return insecure_connections(read_inputs(named), environ or {})


AIRFLOW = {"orchestrator": "airflow", "airflow_dags_folder": "dags", "airflow_username": "deployer"}


@pytest.mark.parametrize(
    ("inputs", "named"),
    [
        ({"kubeconfig": kubeconfig(**{"insecure-skip-tls-verify": True})}, "`insecure-skip-tls-verify`"),
        ({"kubeconfig": kubeconfig("http://api.example.com")}, "`http://` server"),
        ({"kubeconfig": kubeconfig("HTTP://api.example.com:8080")}, "`http://` server"),
        ({"kubeconfig": kubeconfig(**{"proxy-url": "http://mona:pass@proxy.example.com:1"})}, "`proxy.example.com`"),
        ({**AIRFLOW, "airflow_url": "http://airflow.example.com", "airflow_password": "p"}, "`airflow-password`"),
        (
            {"orchestrator": "airflow", "airflow_dags_folder": "d", "airflow_url": "http://a.io", "airflow_token": "t"},
            "`airflow-token`",
        ),
        (
            {"metaflow_config": '{"METAFLOW_SERVICE_URL": "http://m.example.com", "METAFLOW_SERVICE_AUTH_KEY": "k"}'},
            "METAFLOW_SERVICE_AUTH_KEY",
        ),
    ],
)
def test_each_is_named(inputs: dict[str, str], named: str) -> None:
    (warning,) = warnings(**inputs)
    assert named in warning
    assert "`allow-insecure: true`" in warning
    assert "pass@" not in warning
    assert warnings(**inputs, allow_insecure="true") == ()


@pytest.mark.parametrize(
    "inputs",
    [
        {"kubeconfig": kubeconfig()},
        {"kubeconfig": kubeconfig("http://127.0.0.1:8001", **{"insecure-skip-tls-verify": True})},
        {"kubeconfig": kubeconfig("https://[::1]:6443", **{"insecure-skip-tls-verify": True})},
        {"kubeconfig": kubeconfig(**{"insecure-skip-tls-verify": False, "proxy-url": "http://localhost:3128"})},
        {"kubeconfig": kubeconfig("http://api.example.com"), "orchestrator": "step-functions"},
        {**AIRFLOW, "airflow_url": "https://airflow.example.com", "airflow_password": "p"},
        {"orchestrator": "airflow", "airflow_dags_folder": "d", "airflow_url": "http://airflow.example.com"},
        {**AIRFLOW, "airflow_url": "http://localhost:8080", "airflow_password": "p"},
        {"metaflow_config": '{"METAFLOW_SERVICE_URL": "http://m.example.com"}'},
    ],
)
def test_what_is_private_or_stays_here_is_not(inputs: dict[str, str]) -> None:
    assert warnings(**inputs) == ()


def test_a_kubeconfig_of_the_environment_is_looked_at_too(tmp_path: Path) -> None:
    file = tmp_path / ".kube" / "config"
    file.parent.mkdir()
    file.write_text(kubeconfig("http://api.example.com"))
    for environ in ({"KUBECONFIG": f"/nothing:{file}"}, {"HOME": str(tmp_path)}):
        (warning,) = warnings(environ)
        assert str(file) in warning
    assert warnings({"HOME": str(tmp_path), "KUBERNETES_SERVICE_HOST": "10.0.0.1"}) == ()
    assert warnings({"HOME": str(tmp_path)}, kubeconfig=kubeconfig()) == ()
    file.write_text("no mapping at all")
    assert warnings({"KUBECONFIG": str(file)}) == ()
