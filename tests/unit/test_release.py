"""How a version is released: who has to agree, what it is built from, and what is attested of it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
BASE = f"python:3.13-slim-trixie@sha256:{'b' * 64}"
ARCHITECTURES = {"amd64", "arm64"}
WORKFLOWS = [*(ROOT / ".github" / "workflows").glob("*.yml"), *(ROOT / "examples" / "workflows").glob("*.yml")]


@pytest.fixture
def release() -> Any:
    return yaml.load((ROOT / ".github" / "workflows" / "release.yml").read_text(), Loader=yaml.BaseLoader)


def steps(job: Any, action: str) -> list[Any]:
    return [step for step in job["steps"] if step.get("uses", "").startswith(f"{action}@")]


def test_nobody_releases_alone(release: Any) -> None:
    jobs = release["jobs"]
    assert release["permissions"] == {}
    assert jobs["approve"]["environment"] == "release"
    assert jobs["approve"]["permissions"] == {}
    before = {"check", "ci", "approve"}
    for name, job in jobs.items():
        writes = [scope for scope, right in job["permissions"].items() if right == "write"]
        if name in before:
            assert not writes, f"{name} may change {writes} before anybody agreed"
        else:
            assert not writes or "approve" in job["needs"], name
            assert "if" not in job, f"{name} might run although nobody agreed"
    assert set(jobs["approve"]["needs"]) == {"check", "ci"}


def test_the_image_is_built_by_one_buildkit_from_one_base(release: Any) -> None:
    bases = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert set(bases) == {release["env"]["BASE"]}
    assert re.fullmatch(r"moby/buildkit:v[\d.]+@sha256:[0-9a-f]{64}", release["env"]["BUILDKIT"])
    build = next(step["run"] for step in release["jobs"]["build"]["steps"] if step.get("id") == "push")
    assert 'docker buildx create --use --driver-opt "image=$BUILDKIT"' in build
    for job in ("build", "tag"):
        pinned = [step for step in release["jobs"][job]["steps"] if "scripts/pin_base" in step.get("run", "")]
        assert [step["env"]["BASE_IMAGE"] for step in pinned] == ["${{ needs.check.outputs.base }}"]


def test_packages_are_installed_by_their_hashes() -> None:
    installs = re.findall(r"pip install [^&]*", (ROOT / "Dockerfile").read_text())
    assert installs
    for one in installs:
        from_an_index = not {"--offline", "--no-deps"} <= set(one.split())
        assert not from_an_index or "--require-hashes" in one, one
    for file in ("uv.txt", "action.txt"):
        pinned = re.split(r"\n(?=\S)", (ROOT / "requirements" / file).read_text().strip())
        packages = [one for one in pinned if not one.startswith(("#", "--"))]
        assert packages
        assert all(re.match(r"[\w.\[\],-]+==\S+", one) and "--hash=sha256:" in one for one in packages), file


def test_no_version_has_a_known_vulnerability_that_could_be_fixed(release: Any) -> None:
    job, join = release["jobs"]["scan"], release["jobs"]["image"]
    (sbom,) = steps(job, "anchore/sbom-action")
    (scan,) = steps(job, "anchore/scan-action")
    (upload,) = steps(job, "actions/upload-artifact")
    assert sbom["with"]["image"] == "${{ needs.build.outputs.name }}@${{ matrix.digest }}"
    assert sbom["with"]["output-file"] == scan["with"]["sbom"] == upload["with"]["path"]
    assert (scan["with"]["fail-build"], scan["with"]["severity-cutoff"]) == ("true", "high")
    assert "continue-on-error" not in scan
    assert "scan" in join["needs"], "what was not looked at gets no name"
    assert {one["arch"]: one["digest"] for one in job["strategy"]["matrix"]["include"]} == {
        arch: f"${{{{ needs.build.outputs.{arch} }}}}" for arch in ARCHITECTURES
    }


def test_what_is_in_an_image_and_where_it_came_from_is_attested(release: Any) -> None:
    *contents, origin = steps(release["jobs"]["image"], "actions/attest")
    assert {(one["with"]["subject-digest"], one["with"]["sbom-path"]) for one in contents} == {
        (f"${{{{ needs.build.outputs.{arch} }}}}", f"{arch}.spdx.json") for arch in ARCHITECTURES
    }
    assert origin["with"]["subject-digest"] == "${{ steps.join.outputs.digest }}"
    assert "sbom-path" not in origin["with"]
    assert {one["with"]["push-to-registry"] for one in [*contents, origin]} == {"true"}


def test_code_of_others_runs_where_nothing_can_be_written(release: Any) -> None:
    for name, job in release["jobs"].items():
        others = [step for step in job.get("steps", []) if not step.get("uses", "actions/").startswith("actions/")]
        if others:
            assert "write" not in job["permissions"].values(), f"{name}: {others[0]['uses']}"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "scripts").mkdir()
    for file in ("scripts/pin_base", "Dockerfile"):
        shutil.copy(ROOT / file, tmp_path / file)
    return tmp_path


def pin(tree: Path, image: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([tree / "scripts" / "pin_base", image], capture_output=True, text=True, check=False)


def test_every_stage_starts_from_the_digest(tree: Path) -> None:
    assert pin(tree, BASE).returncode == 0
    written = (tree / "Dockerfile").read_text()
    assert re.findall(r"^FROM (.*)$", written, re.MULTILINE) == [f"{BASE} AS build", BASE]
    assert written.replace(f"@{BASE.partition('@')[2]}", "") == (ROOT / "Dockerfile").read_text()
    assert pin(tree, BASE).returncode == 0, "once more changes nothing"
    assert (tree / "Dockerfile").read_text() == written


def test_a_stage_that_starts_from_something_else_ends_the_release(tree: Path) -> None:
    (tree / "Dockerfile").write_text((tree / "Dockerfile").read_text() + "FROM debian:trixie\n")
    done = pin(tree, BASE)
    assert done.returncode == 1
    assert "starts from something else than python:3.13-slim-trixie" in done.stderr


@pytest.mark.parametrize("image", ["python:3.13-slim-trixie", "python:3@sha256:12", f"a|b:1@sha256:{'a' * 64}", "x@y"])
def test_a_base_without_a_digest_is_refused(tree: Path, image: str) -> None:
    done = pin(tree, image)
    assert done.returncode == 1
    assert "no tag with a digest" in done.stderr
    assert (tree / "Dockerfile").read_text() == (ROOT / "Dockerfile").read_text()


def test_each_exception_from_zizmor_is_argued_beside_it() -> None:
    exceptions = [
        (path.name, line)
        for path in [*WORKFLOWS, *sorted((ROOT / "examples" / "workflows").glob("*.yml")), ROOT / "action.yml"]
        for line in path.read_text().splitlines()
        if "zizmor: ignore" in line
    ]
    assert exceptions
    for name, line in exceptions:
        assert re.search(r"# zizmor: ignore\[[a-z-]+\](?: \S+){4,}", line), f"{name}: {line}"
    settings = yaml.safe_load((ROOT / ".github" / "zizmor.yml").read_text())
    assert not [rule for rule, about in settings["rules"].items() if about.get("disable") or about.get("ignore")]
    assert "--persona=auditor" in (ROOT / "scripts" / "lint").read_text()
