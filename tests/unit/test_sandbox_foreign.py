"""A cluster that is not the sandbox's own: what is known of it, what is brought to it, what it is told to lack."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.docker.engine import Engine
from sandbox.docker.machine import UnavailableError
from sandbox.kubernetes import argo, build, cluster, foreign
from sandbox.kubernetes.api import Api
from sandbox.kubernetes.pki import kubeconfig
from sandbox.kubernetes.versions import read_versions

VERSIONS = read_versions()


def test_kind_and_k3d_are_known_by_their_contexts() -> None:
    kind = foreign.local_cluster("kind-my-cluster")
    assert kind == foreign.Local(network="kind", nodes="label=io.x-k8s.kind.cluster=my-cluster")
    k3d = foreign.local_cluster("k3d-dev")
    assert k3d == foreign.Local(network="k3d-dev", nodes="label=k3d.cluster=dev")
    assert foreign.local_cluster("arn:aws:eks:us-east-1:123456789012:cluster/ml") is None


def test_the_gateway_is_the_one_that_pods_can_reach() -> None:
    assert foreign.gateway("fc00:f853:ccd:e793::1 172.18.0.1 \n") == "172.18.0.1"
    assert foreign.gateway("\n") is None


@pytest.mark.parametrize(
    ("context", "nodes"), [("kind-dev", ["dev-worker", "dev-control-plane"]), ("k3d-dev", ["k3d-dev-server-0"])]
)
def test_an_image_is_copied_to_every_node_that_runs_pods(
    context: str, nodes: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    docker, file = tmp_path / "docker", tmp_path / "kubeconfig"
    docker.write_text(
        f"#!/bin/sh\ncase $1 in\nps) printf '%s\\n' {' '.join(nodes)} k3d-dev-serverlb ;;\n"
        f'save) echo "$2" ;;\nexec) cat > {tmp_path}/"$3" ;;\nesac\n'
    )
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    document = kubeconfig("https://127.0.0.1:6443", certificate_authority=None, user={})
    file.write_text(document.replace('"sandbox"', f'"{context}"'))
    engine = Engine(host=None)
    theirs = cluster.Cluster(
        kubeconfig=file, address="172.18.0.1", task_image="task", built=build.Built(tmp_path, VERSIONS)
    )
    assert theirs.takes_images(engine)
    theirs.load_image(engine, "metaflow-deploy:local")
    copied = {path.name: path.read_text() for path in tmp_path.iterdir() if path.is_file()}
    assert {name: copied[name] for name in nodes} == dict.fromkeys(nodes, "metaflow-deploy:local\n")
    assert set(copied) == {*nodes, "docker", "kubeconfig"}

    file.write_text(document)
    assert not theirs.takes_images(engine)
    with pytest.raises(UnavailableError, match="no containers of kind's or k3d's on this machine"):
        theirs.load_image(engine, "metaflow-deploy:local")


def test_a_kubeconfig_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=r"KUBECONFIG is .*/nothing, and there is no such file"):
        foreign._connect(str(tmp_path / "nothing"))


@pytest.mark.parametrize(
    ("has_crds", "may_install", "told"),
    [
        (True, "1", "nobody took up a Workflow"),
        (False, "", f"{foreign.INSTALL}=1"),
        (False, "1", "installing Argo Workflows"),
    ],
)
def test_what_a_foreign_cluster_lacks_of_argo_is_told_or_installed_where_that_is_allowed(
    has_crds: bool, may_install: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []
    installed: list[str] = []
    monkeypatch.setattr(argo, "has_crds", lambda _: has_crds)
    monkeypatch.setattr(argo, "controller_works", lambda _: False)
    for name in ("install_controller_objects", "install_crds", "install_controller"):
        monkeypatch.setattr(argo, name, lambda *_, name=name: installed.append(name))
    built = build.Built(Path("nowhere"), VERSIONS)
    try:
        foreign._have_argo(Api.__new__(Api), built, {foreign.INSTALL: may_install}, lines.append)
    except UnavailableError as error:
        lines.append(str(error))
    assert told in "".join(lines)
    assert bool(installed) == (not has_crds and bool(may_install))
