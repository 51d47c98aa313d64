"""The sandbox's containers, as far as they are files."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.docker import container_job


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
