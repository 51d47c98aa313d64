"""The sandbox's containers, as far as they are files."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from sandbox.docker import container_job
from sandbox.docker.act import marked

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(("me", "group"), [(0, 1001), (1000, -1)], ids=["root", "a person"])
def test_a_person_gives_nothing_to_a_group_that_is_not_theirs(
    me: int, group: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[Path, tuple[int, int]] = {}
    monkeypatch.setattr(container_job.os, "geteuid", lambda: me)
    monkeypatch.setattr(
        container_job.os, "chown", lambda path, user, group, follow_symlinks: given.update({path: (user, group)})
    )
    (tmp_path / "flows").mkdir()
    container_job._give(tmp_path, 1001)
    assert given == dict.fromkeys((tmp_path, tmp_path / "flows"), (1001, group))


@pytest.mark.parametrize(
    "path",
    [*(ROOT / "examples" / "workflows").glob("*.yml"), ROOT / ".github" / "workflows" / "manual.yml"],
    ids=lambda path: path.stem,
)
def test_two_that_act_runs_at_once_have_no_name_in_common(path: Path) -> None:
    def names(mark: str) -> list[str]:
        workflow = yaml.safe_load(marked(path.read_text(), mark))
        return [workflow["name"], *(job["name"] for job in workflow["jobs"].values())]

    assert not set(names("one")) & set(names("other"))
    assert [name.removesuffix(" one") for name in names("one")] == [
        name.removesuffix(" other") for name in names("other")
    ]
