"""The cluster of the sandbox, as far as it is text and files: versions, addresses, certificates, images, CRDs."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import ssl
import subprocess
import sys
import tarfile
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from cryptography import x509

from sandbox.docker.machine import UnavailableError
from sandbox.kubernetes import (
    argo,
    build,
    cgroups,
    cluster,
    first_process,
    go_modules,
    lifecycle,
    network,
    oci,
    settings,
    traces,
)
from sandbox.kubernetes.api import Api
from sandbox.kubernetes.components import components, executor_image, issue
from sandbox.kubernetes.node import Control
from sandbox.kubernetes.pki import Authority, Subject, kubeconfig
from sandbox.kubernetes.place import Place, own_place
from sandbox.kubernetes.versions import MODULES, Versions, read_versions, required, version_key
from sandbox.runner import ROOT

VERSIONS = Versions(kubernetes="v1.34.4", etcd="v3.6.4", argo_workflows="v3.7.4", argo_events="v1.9.7", go="1.24.0")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(number=0, run=tmp_path / "run", data=tmp_path / "data", logs=tmp_path / "logs")


class TestVersions:
    def test_each_stands_in_its_go_mod_alone(self) -> None:
        versions = read_versions()
        assert versions.kubernetes.startswith("v1.")
        assert versions.argo_workflows.startswith("v3.")
        code = list(MODULES.parent.glob("*.py"))
        assert code
        for path in code:
            for version in (versions.kubernetes, versions.etcd, versions.argo_workflows, versions.argo_events):
                assert f'"{version}' not in path.read_text(), path

    def test_what_is_missing_is_named(self) -> None:
        with pytest.raises(ValueError, match=r"does not require k8s\.io/kubernetes"):
            required("module m\n\nrequire k8s.io/kubernetes-other v1.2.3\n", "k8s.io/kubernetes")

    def test_numbers_are_compared_as_numbers(self) -> None:
        assert version_key("go1.24.10") > version_key("1.24.9")
        assert version_key("v1.34.4") == (1, 34, 4)

    def test_the_replacements_are_those_of_kubernetes_itself(self) -> None:
        stale = "replace (\n\tk8s.io/gone => k8s.io/gone v0.34.4\n)\n"
        before = f"module m\n\ngo 1.20\n\nrequire k8s.io/kubernetes v1.35.4\n\n{stale}"
        staging = "replace (\n\tk8s.io/api => ./staging/src/k8s.io/api\n\tx => y v1\n)\n"
        own = f"module k8s.io/kubernetes\n\ngo 1.25.0\n\n{staging}"
        after = go_modules.replaced(before, own)
        assert "\nreplace (\n\tk8s.io/api => k8s.io/api v0.35.4\n)\n" in after
        assert "gone" not in after
        assert "\ngo 1.25.0\n" in after
        assert go_modules.replaced(after, own) == after


class TestBuild:
    def test_a_missing_go_is_told_with_what_to_do(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        with pytest.raises(UnavailableError, match=r"no `go` on the PATH; install Go 1\."):
            build.ensure_built(lambda _: None)

    def test_an_old_go_that_may_not_fetch_another_is_told(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        go = tmp_path / "go"
        go.write_text("#!/bin/sh\nprintf 'go1.19.8\\nlocal\\n'\n")
        go.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        with pytest.raises(UnavailableError, match=r"this is go1\.19\.8, and GOTOOLCHAIN=local"):
            build.ensure_built(lambda _: None)

    def test_a_build_that_fails_shows_why_and_leaves_no_program(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        go = tmp_path / "go"
        go.write_text(
            "#!/bin/sh\n[ $1 = env ] && printf 'go1.99.0\\nauto\\n' && exit\necho 'no space left' >&2\nexit 1\n"
        )
        go.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        with pytest.raises(UnavailableError, match=r"(?s)building etcd .* failed .*no space left"):
            build.ensure_built(lambda _: None)
        assert not list(tmp_path.glob("**/bin/*"))

    def test_what_is_gone_from_the_cache_is_built_again_and_nothing_else(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        module, made = tmp_path / "module", tmp_path / "made"
        (module / "workflow" / "executor" / "osspecific").mkdir(parents=True)
        (module / "manifests").mkdir()
        go = tmp_path / "go"
        go.write_text(
            "#!/bin/sh\ncase $1 in\nenv) printf 'go1.99.0\\nauto\\n' ;;\n"
            f'mod) [ "$3" = -json ] && printf \'{{"Dir": "{module}"}}\' ;;\n'
            f'build) while [ "$1" != -o ]; do shift; done; echo built > "$2"; basename "$2" >> {made} ;;\nesac\n'
        )
        go.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

        def made_now() -> tuple[build.Built, set[str]]:
            made.write_text("")
            built = build.ensure_built(lambda _: None)
            assert all(built.program(name).read_text() == "built\n" for name in build.PROGRAMS)
            assert built.argo_workflows_manifests.is_dir()
            return built, {name.removeprefix(".").removesuffix(".unfinished") for name in made.read_text().split()}

        built, first = made_now()
        assert first == set(build.PROGRAMS)
        assert made_now() == (built, set())
        for gone in ("kubelet", "argoexec"):
            built.program(gone).unlink()
            assert made_now() == (built, {gone})
        shutil.rmtree(built.argo_workflows_manifests.parent)
        assert made_now() == (built, set()), "manifests are fetched, not built"
        shutil.rmtree(built.folder)
        assert made_now() == (built, set(build.PROGRAMS))


class TestMachine:
    def test_without_root_the_way_out_is_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(lifecycle.platform, "system", lambda: "Linux")
        monkeypatch.setattr(lifecycle.platform, "machine", lambda: "x86_64")
        monkeypatch.setattr(lifecycle.os, "geteuid", lambda: 1000)
        with pytest.raises(UnavailableError, match=r"takes root; .* another cluster through KUBECONFIG"):
            lifecycle.check_machine()

    def test_on_another_system_the_way_out_is_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(lifecycle.platform, "system", lambda: "Darwin")
        monkeypatch.setattr(lifecycle.platform, "machine", lambda: "arm64")
        with pytest.raises(UnavailableError, match=r"this is Darwin on arm64; use another cluster through KUBECONFIG"):
            lifecycle.check_machine()


class TestNetwork:
    @pytest.mark.parametrize(
        "destination", ["10.96.0.0/12", "10.0.0.0/8", "default", "192.168.0.0/16", "2001:db8::/32"]
    )
    def test_wider_and_other_routes_are_in_nobodys_way(self, destination: str) -> None:
        network.check_ranges(own_place(), [{"dst": destination, "dev": "eth0"}])

    @pytest.mark.parametrize("destination", ["10.96.0.0/16", "10.244.3.0/24", "10.250.0.1"])
    def test_addresses_that_are_taken_are_told(self, destination: str) -> None:
        with pytest.raises(UnavailableError, match=f"a route for {destination} by way of cni0"):
            network.check_ranges(own_place(), [{"dst": destination, "dev": "cni0"}])

    def test_the_barrier_covers_every_range_behind_every_other_route(self) -> None:
        commands = [" ".join(command) for command in network.barrier(own_place())]
        assert commands == [f"ip route replace unreachable {one} metric 4096" for one in own_place().ranges]
        assert len(network.without_barrier(own_place())) == len(commands)

    def test_two_clusters_share_nothing(self) -> None:
        first, second = own_place(), own_place(1)
        assert not any(one.overlaps(other) for one in first.ranges for other in second.ranges)
        assert first.link != second.link
        assert first.group != second.group
        assert not {first.run, first.data, first.logs, first.lock} & {second.run, second.data, second.logs, second.lock}


class TestControlGroups:
    FIRST = "cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n"

    def test_version_1_hides_a_version_2_without_controllers(self) -> None:
        assert cgroups.hierarchies(self.FIRST) == {Path("/sys/fs/cgroup/cpu"): False}

    def test_version_2_alone(self) -> None:
        assert cgroups.hierarchies("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n") == {Path("/sys/fs/cgroup"): True}

    def test_version_1_has_its_processors_before_any_process(self, tmp_path: Path) -> None:
        (tmp_path / "cpuset.cpus").write_text("0-1\n")
        (tmp_path / "cpuset.mems").write_text("0\n")
        group = tmp_path / "node"
        group.mkdir()
        (group / "cpuset.cpus").write_text("\n")
        (group / "cpuset.mems").write_text("\n")
        cgroups.make({tmp_path: False}, "node", memory=2**30)
        assert (group / "cpuset.cpus").read_text() == "0-1\n"
        assert (group / "cpuset.mems").read_text() == "0\n"

    def test_version_2_hands_down_what_a_kubelet_asks_for(self, tmp_path: Path) -> None:
        (tmp_path / "cgroup.controllers").write_text("cpu memory rdma\n")
        (tmp_path / "cgroup.subtree_control").write_text("")
        cgroups.make({tmp_path: True}, "node", memory=2**30)
        assert (tmp_path / "node").is_dir()
        assert (tmp_path / "cgroup.subtree_control").read_text() in ("+cpu", "+memory")

    @pytest.mark.parametrize(("file", "unified"), [("memory.limit_in_bytes", False), ("memory.max", True)])
    def test_pods_never_have_all_of_the_memory(self, file: str, unified: bool, tmp_path: Path) -> None:
        (tmp_path / "cgroup.controllers").write_text("memory\n")
        (tmp_path / "cgroup.subtree_control").write_text("")
        limit = tmp_path / "node" / file
        limit.parent.mkdir()
        limit.write_text("max\n")
        cgroups.make({tmp_path: unified}, "node", memory=2**30)
        assert limit.read_text() == str(2**30)

    def test_all_of_it_is_removed_the_innermost_first(self, tmp_path: Path) -> None:
        (tmp_path / "node" / "kubepods" / "burstable" / "pod1").mkdir(parents=True)
        cgroups.remove([tmp_path], "node")
        cgroups.remove([tmp_path], "node")
        assert list(tmp_path.iterdir()) == []


class TestCertificates:
    def test_a_server_is_trusted_at_its_addresses_and_nowhere_else(self, tmp_path: Path) -> None:
        authority = Authority(tmp_path)
        certificate, key = authority.issue("server", Subject(user="server", hosts=("10.96.0.1", "node")))
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(certificate, key)
        client = ssl.create_default_context(cafile=str(authority.certificate))
        client.verify_flags |= ssl.VERIFY_X509_STRICT
        assert _handshake(client, server, "10.96.0.1") is None
        assert _handshake(client, server, "node") is None
        assert "10.96.0.2" in str(_handshake(client, server, "10.96.0.2"))

    def test_what_is_secret_is_for_its_owner_alone(self, tmp_path: Path) -> None:
        authority = Authority(tmp_path / "pki")
        subject = Subject(user="admin", groups=("system:masters",))
        authority.kubeconfig("admin", subject, "https://10.96.0.1", namespace="argo")
        authority.key_pair("service-accounts")
        assert {path.stat().st_mode & 0o777 for path in (tmp_path / "pki").iterdir()} == {0o600}
        document = json.loads((tmp_path / "pki" / "admin.kubeconfig").read_text())
        assert document["contexts"][0]["context"]["namespace"] == "argo"
        assert document["clusters"][0]["cluster"]["server"] == "https://10.96.0.1"

    @pytest.mark.parametrize("entry", [{}, {"insecure-skip-tls-verify": True}], ids=["trusted", "unchecked"])
    def test_a_cluster_without_an_authority_of_its_own_is_reached_the_same_way_by_an_account(
        self, entry: dict[str, object], tmp_path: Path
    ) -> None:
        cluster = {"server": "https://kubernetes.example.com", **entry}
        document = json.loads(kubeconfig(str(cluster["server"]), certificate_authority=None, user={"token": "t"}))
        document["clusters"][0]["cluster"] = cluster
        file = tmp_path / "kubeconfig"
        file.write_text(json.dumps(document))
        api = Api(file)
        assert api.certificate_authority is None
        text = kubeconfig(
            api.server, certificate_authority=api.certificate_authority, user={"token": "t"}, verify=api.verifies
        )
        assert json.loads(text)["clusters"][0]["cluster"] == cluster


class TestComponents:
    def test_everybody_is_who_kubernetes_and_argo_know(self, place: Place) -> None:
        credentials = issue(place)
        assert _subject(credentials.admin) == "CN=admin,O=system:masters"
        assert _subject(credentials.node) == "CN=system:node:node,O=system:nodes"
        assert _subject(credentials.scheduler) == "CN=system:kube-scheduler"
        assert _subject(credentials.workflow_controller).startswith("CN=system:serviceaccount:argo:argo,")

    def test_they_find_each_other(self, place: Place) -> None:
        built = build.Built(Path("/built"), VERSIONS)
        found = {one.name: one for one in components(place, built, issue(place))}
        assert next(iter(found)) == "etcd"
        assert "--bind-address=10.96.0.1" in found["kube-apiserver"].command
        assert f"--executor-image={executor_image(built)}" in found["workflow-controller"].command
        for component in found.values():
            named = [part.split("=", 1)[1] for part in component.command if part.startswith("--kubeconfig=")]
            assert all(Path(path).exists() for path in named)

    def test_the_kubelet_writes_into_the_clusters_own_folders(self, place: Place) -> None:
        text = settings.kubelet(place, certificate=Path("/c"), key=Path("/k"), authority=Path("/a"))
        configuration = yaml.safe_load(text)
        assert configuration["podLogsDir"].startswith(str(place.data))
        assert configuration["volumePluginDir"].startswith(str(place.data))
        assert configuration["cgroupRoot"] == f"/{place.group}"


class TestImages:
    def test_an_image_is_one_program_and_whole(self, tmp_path: Path) -> None:
        program = tmp_path / "program"
        program.write_bytes(b"\x7fELF")
        archive = tmp_path / "image.tar"
        oci.write_image(archive, name="localhost/p:1", program=program, path="bin/p", machine="x86_64")
        with tarfile.open(archive) as stream:
            files = {one.name: stream.extractfile(one).read() for one in stream}  # type: ignore[union-attr]
        for name, content in files.items():
            if name.startswith("blobs/"):
                assert hashlib.sha256(content).hexdigest() == name.rsplit("/", 1)[1]
        (listed,) = json.loads(files["index.json"])["manifests"]
        assert listed["annotations"]["io.containerd.image.name"] == "localhost/p:1"
        manifest = json.loads(files[_blob(listed)])
        configuration = json.loads(files[_blob(manifest["config"])])
        assert configuration["architecture"] == "amd64"
        assert configuration["config"]["Entrypoint"] == ["/bin/p"]
        (layer,) = manifest["layers"]
        assert configuration["rootfs"]["diff_ids"] == [layer["digest"]]
        (tmp_path / "layer.tar").write_bytes(files[_blob(layer)])
        with tarfile.open(tmp_path / "layer.tar") as stream:
            assert {one.name: oct(one.mode) for one in stream} == {"bin": "0o755", "tmp": "0o1777", "bin/p": "0o755"}

    def test_the_tasks_image_starts_from_the_base_of_the_actions(self) -> None:
        bases = [
            next(line for line in path.read_text().splitlines() if line.startswith("FROM"))
            for path in (ROOT / "Dockerfile", ROOT / "sandbox" / "kubernetes" / "task.Dockerfile")
        ]
        assert bases[0].split()[1] == bases[1].split()[1]


class TestArgo:
    def test_version_4_has_schedules_alone(self) -> None:
        spec = {"properties": {"schedule": {}, "schedules": {}}, "required": ["schedule", "workflowSpec"]}
        schema = {"openAPIV3Schema": {"properties": {"spec": spec}}}
        before: dict[str, Any] = {"spec": {"versions": [{"schema": schema}]}}
        after = argo.schedules_only(before)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
        assert after == {"properties": {"schedules": {}}, "required": ["schedules", "workflowSpec"]}
        assert "schedule" in spec["properties"]

    def test_a_controller_in_a_cluster_is_that_of_the_release(self) -> None:
        container = {"name": "workflow-controller", "image": "registry.example.com/argo/workflow-controller:latest"}
        before = {"spec": {"template": {"spec": {"containers": [container]}}}}
        (after,) = argo.released(before, "v3.7.4")["spec"]["template"]["spec"]["containers"]
        assert after["image"] == "registry.example.com/argo/workflow-controller:v3.7.4"
        assert after["args"] == ["--executor-image=registry.example.com/argo/argoexec:v3.7.4"]


def test_chains_of_kubernetes_and_cni_are_found_and_dockers_are_not() -> None:
    saved = "*nat\n:PREROUTING ACCEPT [0:0]\n:DOCKER - [0:0]\n:KUBE-FIREWALL - [0:0]\n:CNI-1a2b - [0:0]\nCOMMIT\n"
    assert traces.CHAINS.findall(saved) == ["KUBE-FIREWALL", "CNI-1a2b"]


def test_programs_start_end_and_leave_no_zombie() -> None:
    """In a process of its own: the first process collects every child that it has."""
    code = """
import os, signal, sys, threading
from sandbox.kubernetes.first_process import Programs, _signals_as_bytes
wake, programs = _signals_as_bytes(), Programs()
def collect():
    while os.read(wake, 4096):
        programs.reap()
threading.Thread(target=collect, daemon=True).start()
programs.start("sleeper", ["sleep", "60"], {}, "/dev/null")
assert programs.statuses() == {"sleeper": None}
for refused in (lambda: programs.start("sleeper", ["sleep"], {}, "/dev/null"), lambda: programs.stop("other")):
    try:
        refused()
        sys.exit("was not refused")
    except ValueError:
        pass
programs.send("sleeper", signal.SIGSTOP)
programs.stop("sleeper")
programs.stop("sleeper")
assert programs.statuses() == {"sleeper": -signal.SIGKILL}
programs.start("sleeper", ["sh", "-c", "exit 3"], {}, "/dev/null")
with programs._changed:
    assert programs._changed.wait_for(lambda: programs._programs["sleeper"].status == 3, 10)
try:
    os.waitpid(-1, os.WNOHANG)
    sys.exit("a child is left")
except ChildProcessError:
    pass
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_node_that_does_not_answer_is_told_with_what_to_do(tmp_path: Path) -> None:
    control = Control(tmp_path / "nobody.sock")
    assert not control.answers()
    with pytest.raises(UnavailableError, match="make cluster-down"):
        control.statuses()


def test_a_log_stays_within_its_limit_and_its_end_is_kept(tmp_path: Path) -> None:
    log = tmp_path / "controller.log"
    log.write_text("from before\n")
    read, write = os.pipe()
    lines = "".join(f"line {number}\n" for number in range(50_000))
    writer = threading.Thread(target=_write_all, args=(write, lines.encode()))
    writer.start()
    first_process.keep_output(read, log, limit=100_000)
    writer.join()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["controller.log", "controller.log.1"]
    kept = (tmp_path / "controller.log.1").read_text() + log.read_text()
    assert lines.endswith(kept)
    assert 100_000 < len(kept) < 2 * (100_000 + 65_536)


def _write_all(descriptor: int, data: bytes) -> None:
    with open(descriptor, "wb") as stream:
        stream.write(data)


def test_a_controller_that_reads_a_closed_watch_is_known_by_the_end_of_its_log(place: Place) -> None:
    place.logs.mkdir()
    log = place.logs / "workflow-controller.log"
    for text, spins in (("", False), ("short", False), ("x" * 9000, False)):
        log.write_text(text)
        assert cluster._spins(place) is spins
    log.write_text("started\n" + 'msg="invalid config map object received in config watcher"\n' * 100)
    assert cluster._spins(place)
    log.replace(f"{log}.1")
    assert cluster._spins(place), "it has just gone on in a new file, which is not there yet"
    log.write_text("short\n")
    assert cluster._spins(place)
    log.write_text("processing workflow\n" * 300)
    assert not cluster._spins(place)


def test_the_kernels_settings_are_kept_as_they_were_before_any_of_several_clusters(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = {"kernel/panic": "0", "vm/overcommit_memory": "0"}
    now = {"kernel/panic": traces.SYSCTLS["kernel/panic"], "vm/overcommit_memory": "2"}
    monkeypatch.setattr(lifecycle, "sysctls", lambda: dict(now))
    monkeypatch.setattr(lifecycle, "own_places", lambda: [place])
    assert lifecycle._sysctls_before() == now, "there is no other cluster"
    place.run.mkdir(parents=True, exist_ok=True)
    place.state.write_bytes(msgspec.json.encode(lifecycle.State(before=(), sysctls=there, controllers={})))
    assert lifecycle._sysctls_before() == {"kernel/panic": "0", "vm/overcommit_memory": "2"}, (
        "no kubelet sets the other"
    )


def _handshake(client: ssl.SSLContext, server: ssl.SSLContext, host: str) -> Exception | None:
    """Shake hands in memory; why the client refuses."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (
        client.wrap_bio(to_client, to_server, server_hostname=host),
        server.wrap_bio(to_server, to_client, server_side=True),
    )
    for _ in range(4):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLError as error:
                return error
    return None


def _subject(kubeconfig: Path) -> str:
    certificate = x509.load_pem_x509_certificate(kubeconfig.with_suffix(".crt").read_bytes())
    return certificate.subject.rfc4514_string()


def _blob(descriptor: dict[str, Any]) -> str:
    return f"blobs/{descriptor['digest'].replace(':', '/')}"
