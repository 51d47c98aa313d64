"""What the tests run in that need a cluster for themselves alone: they stop its components, or change its CRDs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from sandbox.kubernetes.argo import Crds, installed_crds
from sandbox.kubernetes.cluster import Cluster
from sandbox.kubernetes.lifecycle import down
from sandbox.kubernetes.place import Place, own_place
from sandbox.world import World


@pytest.fixture(scope="session")
def alone() -> Iterator[Place]:
    """The place of their cluster, beside that of the other tests; empty again afterwards."""
    place = own_place(1)
    yield place
    if place.run.exists():
        assert down(place) == []


@pytest.fixture(scope="module")
def cluster(have_cluster: Callable[[Place], Cluster], alone: Place) -> Cluster:
    """A cluster with Argo Workflows: that of KUBECONFIG, else one of our own, brought up if it is not up."""
    return have_cluster(alone)


@pytest.fixture
def own_cluster(cluster: Cluster) -> Cluster:
    """A cluster whose components may be stopped."""
    if not cluster.own:
        pytest.skip("this stops components of the cluster, and KUBECONFIG names one that is not ours")
    return cluster


@pytest.fixture(scope="module")
def shared_world(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """AWS, the metadata service and GitHub, where this cluster's pods reach them."""
    with World(tmp_path_factory.mktemp("world"), host=cluster.address) as made:
        yield made


@pytest.fixture(scope="module")
def crds(request: pytest.FixtureRequest, cluster: Cluster) -> Iterator[Crds]:
    """The kind of Argo's CRDs that a test is parametrised with (`indirect`), in place of those that are installed; the
    tests of one kind run one after another. A cluster that is not ours keeps those that it has."""
    kind: Crds = request.param
    if cluster.own:
        cluster.install_crds(kind)
    elif (installed := installed_crds(cluster.api())) != kind:
        pytest.skip(f"this takes Argo's {kind} CRDs; the cluster of KUBECONFIG has {installed}, and is not ours")
    yield kind
    if cluster.own:
        cluster.install_crds("minimal")
