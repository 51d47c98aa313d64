"""A cluster that comes, loses parts and gets them back, and goes without a trace; a second one beside the tests'."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from urllib3.exceptions import HTTPError

from sandbox.docker.engine import Engine
from sandbox.docker.machine import UnavailableError, output
from sandbox.job import ENDED, Job
from sandbox.kubernetes import argo, foreign
from sandbox.kubernetes.api import ApiError, path_of, wait_for
from sandbox.kubernetes.cluster import Cluster, bare_cluster, ensure_cluster, own_cluster
from sandbox.kubernetes.lifecycle import api_is_ready, down, is_up, read_state
from sandbox.kubernetes.node import end_first_process, node_pid
from sandbox.kubernetes.place import own_place
from sandbox.kubernetes.traces import chains, mounts, traces
from sandbox.notebook import ask
from sandbox.runner import ROOT, Runner
from sandbox.world import World

PLACE = own_place(1)
FLOWS = Path(__file__).resolve().parents[1] / "flows"
PANIC = Path("/proc/sys/kernel/panic")
CRON_WORKFLOWS = path_of("CronWorkflow", namespace="default", api=argo.GROUP)
UP = """
from sandbox.kubernetes import lifecycle, place
lifecycle.up(place.own_place(1), lambda line: print(line, flush=True))
"""


@pytest.fixture(scope="module")
def place(cluster: Cluster) -> Iterator[None]:
    """The place for another cluster, empty, and empty again afterwards."""
    if not cluster.own:
        pytest.skip("this brings up and takes away a cluster of our own, and KUBECONFIG names another")
    down(PLACE)
    yield
    down(PLACE)


@pytest.fixture
def spare(place: None) -> Cluster:
    """Another cluster, up and whole."""
    return bare_cluster(PLACE)


def create_cron_workflow(cluster: Cluster, spec: dict[str, Any]) -> dict[str, Any]:
    """Create a CronWorkflow that Argo's defaults make complete; what the API server keeps of its spec."""
    body = {
        "apiVersion": argo.GROUP,
        "kind": "CronWorkflow",
        "metadata": {"generateName": "cron-"},
        "spec": {"workflowSpec": {}, **spec},
    }
    return dict(cluster.api().request("POST", CRON_WORKFLOWS, body=body)["spec"])


@pytest.mark.parametrize("kind", ["full", "v4", "minimal"])
def test_each_kind_of_crds_takes_what_its_argo_takes(spare: Cluster, kind: argo.Crds) -> None:
    spare.install_crds(kind)
    assert create_cron_workflow(spare, {"schedules": ["0 6 * * *"]})["schedules"] == ["0 6 * * *"]
    if kind == "v4":
        with pytest.raises(ApiError, match=r"spec\.schedules: Required value"):
            create_cron_workflow(spare, {"schedule": "0 6 * * *"})
    else:
        assert create_cron_workflow(spare, {"schedule": "0 6 * * *"})["schedule"] == "0 6 * * *"
    kept = create_cron_workflow(spare, {"schedules": ["0 6 * * *"], "unknown": 1})
    assert ("unknown" in kept) == (kind == "minimal")


def test_the_controller_takes_workflows_up_with_the_rights_that_argo_gives_it(spare: Cluster) -> None:
    assert argo.controller_works(spare.api())
    with spare.without("workflow-controller"):
        assert "workflow-controller" not in spare.running()
    assert argo.controller_works(spare.api())


def test_components_go_and_come_back_with_what_was_stored(spare: Cluster) -> None:
    api = spare.api()
    spare.namespace("kept")
    with spare.without("kube-apiserver"), pytest.raises(HTTPError, match="refused"):
        api.request("GET", "/version")
    with spare.without("etcd"):
        wait_for(lambda: not api_is_ready(api) or None, what="an API server that misses etcd", limit=30)
    assert api.get(path_of("ServiceAccount", argo.SERVICE_ACCOUNT, namespace="kept")) is not None
    log = PLACE.logs / "workflow-controller.log"
    before = log.stat().st_size
    assert argo.controller_works(api), "it takes workflows up again"
    assert 0 < log.stat().st_size - before < 100_000, "and does not spin"


def test_a_component_that_hangs_takes_connections_and_answers_none(spare: Cluster) -> None:
    with (
        spare.hung("kube-apiserver"),
        socket.create_connection((PLACE.api_server, 443), timeout=1) as connection,
        pytest.raises(TimeoutError),
    ):
        ssl.create_default_context().wrap_socket(connection, server_hostname=PLACE.api_server)
    assert api_is_ready(spare.api())


def test_what_a_test_that_was_killed_left_stopped_is_mended(spare: Cluster) -> None:
    spare.stop("kube-scheduler")
    with pytest.raises(UnavailableError, match="runs already"):
        spare.start("etcd")
    with pytest.raises(UnavailableError, match="argo-server"):
        spare.stop("argo-server")
    assert "kube-scheduler" in bare_cluster(PLACE).running()


def test_the_node_has_no_way_out(spare: Cluster) -> None:
    inside = ["nsenter", "--target", str(node_pid(PLACE)), "--net", "ip", "-json", "route"]
    assert json.loads(output([*inside, "show", "default"]) or "[]") == []
    assert output([*inside, "get", "192.0.2.77"]) is None
    assert output([*inside, "get", PLACE.machine]) is not None


def test_packets_for_a_cluster_that_died_stay_on_the_machine(spare: Cluster) -> None:
    assert output(["ip", "route", "get", PLACE.api_server]) is not None
    end_first_process(PLACE)
    assert not is_up(PLACE)
    for network in PLACE.ranges:
        assert output(["ip", "route", "get", str(network[77])]) is None


@pytest.fixture
def panic(place: None) -> Iterator[str]:
    """What the kernel does after a panic, a setting that each kubelet changes, as no kubelet would set it; put back
    afterwards. No cluster is up at the place."""
    down(PLACE)
    before = PANIC.read_text()
    PANIC.write_text("7\n")
    yield "7"
    down(PLACE)
    PANIC.write_text(before)


def test_down_leaves_nothing_behind(panic: str, spare: Cluster) -> None:
    state = read_state(PLACE)
    assert state is not None
    assert PANIC.read_text().strip() != panic, "the kubelet has set it"
    new = set(traces(PLACE)) - set(state.before)
    for kind in ("process", "link", "address", "route", "control group", "folder"):
        assert [line for line in new if line.startswith(f"{kind} ")], f"a node has such a {kind}: {sorted(new)}"
    node = node_pid(PLACE)
    assert any(one.startswith("KUBE-") for one in chains(["nsenter", "--target", str(node), "--net"]))
    assert [*mounts(PLACE, Path(f"/proc/{node}/mounts").read_text())]
    assert down(PLACE) == []
    assert set(traces(PLACE)) <= set(state.before)
    assert PANIC.read_text().strip() == panic
    assert not is_up(PLACE)
    (PLACE.data / "etcd").mkdir(parents=True)  # as after the machine's next start, when /run is empty
    assert down(PLACE) == []
    assert not PLACE.data.exists()


def test_down_finds_what_is_its_own_where_nobody_wrote_down_what_was_there_before(spare: Cluster) -> None:
    state = read_state(PLACE)
    assert state is not None
    PLACE.state.unlink()
    with subprocess.Popen([sys.executable, "-c", "input()", f"{PLACE.data}/etcd"], stdin=subprocess.PIPE) as stray:
        try:
            (left,) = down(PLACE)
            assert left.startswith(f"process {stray.pid}: ")
        finally:
            stray.kill()
    assert down(PLACE) == []
    assert set(traces(PLACE)) <= set(state.before)


def test_a_cluster_of_somebody_elses_runs_a_flow(
    spare: Cluster, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = own_cluster(engine, place=PLACE).task_image
    kubeconfig = tmp_path / "kubeconfig"  # at another path than our own, it is taken for anybody's
    shutil.copy(PLACE.kubeconfig, kubeconfig)
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    monkeypatch.setenv(foreign.IMAGE, image)
    monkeypatch.delenv(foreign.ADDRESS, raising=False)
    with pytest.raises(UnavailableError, match=foreign.ADDRESS):
        ensure_cluster(engine)
    monkeypatch.setenv(foreign.ADDRESS, PLACE.machine)
    found = ensure_cluster(engine)
    assert (found.own, found.kubeconfig, found.task_image) == (False, kubeconfig, image)
    with pytest.raises(UnavailableError, match="somebody else's"):
        found.stop("kubelet")
    found.namespace("flows-foreign")
    shutil.copytree(FLOWS, tmp_path / "checkout" / "flows")
    with World(tmp_path / "world", host=found.address) as world:
        environment = found.environment(world, "flows-foreign")
        runner = Runner(tmp_path / "runner", environment=environment, api_url=world.github.api_url)
        result = Job(runner, tmp_path / "checkout")("tiny", **ENDED)
        assert result.outputs["run-status"] == "succeeded", result.log
        successful = f"Run({result.outputs['run-pathspec']!r}).successful"
        assert ask(successful, runner.environment, tmp_path) is True
    found.remove_namespace("flows-foreign")


@pytest.mark.parametrize("reached", ["namespaces stand", "API server is ready"])
def test_what_an_up_left_that_was_killed_is_taken_away(place: None, reached: str) -> None:
    down(PLACE)
    with subprocess.Popen([sys.executable, "-c", UP], cwd=ROOT, stdout=subprocess.PIPE, text=True) as half_way:
        assert half_way.stdout is not None
        assert any(reached in line for line in half_way.stdout)
        half_way.send_signal(signal.SIGKILL)
    state = read_state(PLACE)
    assert state is not None
    assert [line for line in traces(PLACE) if line.startswith("process ")]
    assert down(PLACE) == []
    assert set(traces(PLACE)) <= set(state.before)
